//! jaq, with the functions that are allowed and no others.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, data, unwrap_valr};
use jaq_json::Val;

use crate::dag::expression;

/// Compiled expressions that are kept. Each brings jq's standard library with it.
const KEPT: usize = 64;

type Data = data::JustLut<Val>;
type Filter = jaq_core::Filter<Data>;

/// Compiles expressions and remembers them.
#[derive(Default)]
pub(super) struct Jq {
    compiled: RefCell<HashMap<String, Rc<Filter>>>,
}

impl Jq {
    /// The one value that an expression gives for its input.
    ///
    /// # Errors
    /// The rest of a sentence that begins with the expression.
    pub(super) fn evaluate(&self, expression: &str, input: Val) -> Result<Val, String> {
        let filter = self.compile(expression)?;
        let context = Ctx::<Data>::new(&filter.lut, Vars::new([]));
        let mut values = filter.id.run((context, input)).map(unwrap_valr);
        let first = match values.next() {
            None => {
                return Err("gives no value: exactly one is needed (`// null` stands in for none)".to_owned());
            }
            Some(Err(error)) => return Err(failed(error)),
            Some(Ok(value)) => value,
        };
        match values.next() {
            None => Ok(first),
            Some(Err(error)) => Err(failed(error)),
            Some(Ok(_)) => {
                Err("gives several values: exactly one is needed (`[…]` makes a list of them)".to_owned())
            }
        }
    }

    fn compile(&self, expression: &str) -> Result<Rc<Filter>, String> {
        if let Some(filter) = self.compiled.borrow().get(expression) {
            return Ok(Rc::clone(filter));
        }
        // It was checked at its approval. This process does not rely on that.
        expression::check_alone(expression)?;
        let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let funs = jaq_core::funs::<Data>().chain(jaq_std::funs::<Data>()).chain(jaq_json::funs::<Data>());
        let arena = Arena::default();
        let modules = Loader::new(defs)
            .load(&arena, File { code: expression, path: () })
            .map_err(|_| "does not parse".to_owned())?;
        let filter = Compiler::default()
            .with_funs(funs)
            .compile(modules)
            .map_err(|_| "calls something that jq does not have".to_owned())?;
        let mut compiled = self.compiled.borrow_mut();
        if compiled.len() >= KEPT {
            compiled.clear();
        }
        let filter = Rc::new(filter);
        compiled.insert(expression.to_owned(), Rc::clone(&filter));
        Ok(filter)
    }
}

/// The beginning of its message, which may quote the whole context.
fn failed(error: jaq_json::Error) -> String {
    const CHARS: usize = 300;
    let message = match error.into_val() {
        Val::TStr(text) => String::from_utf8_lossy(&text).into_owned(),
        other => other.to_string(),
    };
    let mut shown: String = message.chars().take(CHARS).collect();
    if message.chars().nth(CHARS).is_some() {
        shown.push('…');
    }
    format!("failed: {shown}")
}
