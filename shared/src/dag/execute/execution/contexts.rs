//! What the expressions of an execution see.

use std::sync::{Arc, Weak};

use super::Execution;
use crate::dag::evaluate::Context;
use crate::dag::execute::attempt::EXPRESSION_FAILED;
use crate::dag::execute::{Journal, context, state};
use crate::steps::StepError;

impl<J: Journal> Execution<J> {
    /// What expressions of the step see: made once.
    pub(super) fn context_of(&mut self, step: usize) -> Result<Arc<Context>, StepError> {
        if let Some(context) = &self.states[step].context {
            return Ok(Arc::clone(context));
        }
        // Steps behind the same ones see the same; those without expressions see nothing.
        let one = &self.spec.steps[step];
        let seen = if context::is_read(one) { one.ancestors.clone() } else { Vec::new() };
        let shared = self.contexts.get(&seen).and_then(Weak::upgrade);
        let context = match shared {
            Some(context) => context,
            None => {
                let context = Arc::new(self.context(&seen)?);
                self.contexts.retain(|_, known| known.strong_count() > 0);
                self.contexts.insert(seen, Arc::downgrade(&context));
                context
            }
        };
        self.states[step].context = Some(Arc::clone(&context));
        Ok(context)
    }

    pub(super) fn context(&self, seen: &[usize]) -> Result<Context, StepError> {
        let steps = seen.iter().filter_map(|&place| {
            let seen = state::seen(&self.states[place], &self.progress[place])?;
            Some((self.spec.steps[place].id.clone(), seen))
        });
        let document = context::document(&self.tools.run, steps);
        self.tools.evaluators.context(&self.turns, &document).map_err(|error| StepError {
            error: EXPRESSION_FAILED.to_owned(),
            message: format!("the context cannot be written: {error}"),
        })
    }
}
