//! Whether a dag_spec may run: every rule of docs/dag_spec.md.

use serde_json::Value;

use super::at::At;
use super::expression::{self, Context, Steps};
use super::faults::{Fault, Faults};
use super::graph::Graph;
use super::limits::MAX_ITEMS;
use super::shape::{self, CONNECTION, Readable, is_expression};
use super::template::{self, Part};
use super::words::{cut, meant, quoted};
use super::{ConnectionKind, Connections, params};

/// Fields of `with` that are taken as they stand.
const NOT_TEMPLATED: [&str; 5] = [CONNECTION, "statement", "method", "invocation", "success_status"];

/// What can be said of a draft: size and shape. Empty: a draft may look like this.
pub fn check_shape(dag_spec: &Value) -> Vec<Fault> {
    let mut faults = Faults::default();
    shape::check(dag_spec, &mut faults);
    faults.finish()
}

/// What has to hold for an approval: every fault of the spec at once, in the order of its text, at most 100. Empty: it may run.
/// `connections` are the tenant's own; None: nobody knows them, and whether they exist is not asked.
pub fn check(dag_spec: &Value, connections: Option<&Connections>) -> Vec<Fault> {
    let mut faults = Faults::default();
    match shape::check(dag_spec, &mut faults) {
        Readable::Steps => on_a_stack_of_its_own(|| {
            check_steps(dag_spec, connections, &mut faults);
            check_params(dag_spec, &mut faults);
        }),
        Readable::Params => on_a_stack_of_its_own(|| check_params(dag_spec, &mut faults)),
        Readable::No => {}
    }
    faults.finish()
}

/// jq's parser, and whoever walks what it has parsed, call themselves for each bracket and operator. [`limits`](super::limits) bound how
/// often: this is enough for it without optimisation too, whatever thread calls.
const STACK_BYTES: usize = 16 * 1024 * 1024;

fn on_a_stack_of_its_own(work: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("dag".to_owned()).stack_size(STACK_BYTES);
        let thread = thread.spawn_scoped(scope, work).expect("the machine has a thread to check a dag_spec");
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

fn check_steps(dag_spec: &Value, connections: Option<&Connections>, faults: &mut Faults) {
    let steps = dag_spec.get("steps").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let graph = Graph::of(steps, faults);
    let check = Check { spec: dag_spec, graph: &graph, connections };
    let root = At::Root.key("steps");
    for (number, step) in steps.iter().enumerate() {
        check.step(number, step, &root.index(number), faults);
    }
    if let Some(output) = dag_spec.get("output") {
        let context = Context { graph: &graph, steps: Steps::All, item: false, result: false };
        templates(output, &At::Root.key("output"), &context, faults);
    }
}

fn check_params(dag_spec: &Value, faults: &mut Faults) {
    if let Some(schema) = dag_spec.get("params").filter(|schema| schema.is_object()) {
        params::check(schema, &At::Root.key("params"), faults);
    }
}

struct Check<'a> {
    spec: &'a Value,
    graph: &'a Graph<'a>,
    connections: Option<&'a Connections>,
}

impl Check<'_> {
    fn step(&self, number: usize, step: &Value, at: &At<'_>, faults: &mut Faults) {
        let for_each = step.get("for_each");
        let context =
            |item, result| Context { graph: self.graph, steps: Steps::Before(number), item, result };
        let outside = context(false, false);
        if let Some(condition) = step.get("if") {
            expression(condition, &at.key("if"), &outside, faults);
        }
        if let Some(items) = for_each.and_then(|for_each| for_each.get("items")) {
            let at = at.key("for_each");
            each_item(items, &at.key("items"), &outside, faults);
        }
        let inside = context(for_each.is_some(), false);
        for (name, value) in step.get("with").and_then(Value::as_object).into_iter().flatten() {
            let at = at.key("with");
            let at = at.key(name);
            match (step.get("type").and_then(Value::as_str), name.as_str()) {
                (_, name) if NOT_TEMPLATED.contains(&name) => {}
                // As a string it is one expression.
                (Some("wait"), "seconds") => expression(value, &at, &inside, faults),
                (Some("wait"), "until") => until(value, &at, &inside, faults),
                _ => templates(value, &at, &inside, faults),
            }
        }
        if let Some(output) = step.get("output") {
            templates(output, &at.key("output"), &context(for_each.is_some(), true), faults);
        }
        self.connection(step, at, faults);
        self.timeout(step, at, faults);
    }

    /// The tenant has the connection, and it leads to what the step asks.
    fn connection(&self, step: &Value, at: &At<'_>, faults: &mut Faults) {
        let Some(connections) = self.connections.filter(|_| !faults.is_full()) else { return };
        let Some(name) = step.get("with").and_then(|with| with.get(CONNECTION)).and_then(Value::as_str)
        else {
            return;
        };
        let kind = step.get("type").and_then(Value::as_str).unwrap_or_default();
        if !ConnectionKind::ALL.iter().any(|known| known.as_str() == kind) {
            return;
        }
        let at = at.key("with");
        let at = at.key(CONNECTION);
        match connections.get(name) {
            Some(found) if found.as_str() == kind => {}
            Some(found) => {
                let found = found.as_str();
                faults.add(
                    &at,
                    format!(
                        "{} is a connection of kind {found:?}, but this step needs one of kind {kind:?}",
                        quoted(name)
                    ),
                );
            }
            None => {
                let fitting = connections.iter().filter(|(_, found)| found.as_str() == kind);
                let hint = meant(name, fitting.map(|(name, _)| name.as_str()));
                faults.add(&at, format!("the tenant has no connection {}{hint}", quoted(name)));
            }
        }
    }

    /// A step cannot work longer than its run.
    fn timeout(&self, step: &Value, at: &At<'_>, faults: &mut Faults) {
        let seconds = |of: &Value| of.get("timeout_seconds").and_then(Value::as_f64);
        if let (Some(of_step), Some(of_run)) = (seconds(step), seconds(self.spec))
            && of_step > of_run
        {
            let detail = format!(
                "is {of_step} s, longer than the {of_run} s that /timeout_seconds gives the whole run"
            );
            faults.add(&at.key("timeout_seconds"), detail);
        }
    }
}

fn each_item(items: &Value, at: &At<'_>, context: &Context<'_>, faults: &mut Faults) {
    match items {
        Value::Array(list) if list.len() > MAX_ITEMS => {
            faults.add(at, format!("may have at most {MAX_ITEMS} items, has {}", list.len()));
        }
        Value::Array(_) => templates(items, at, context, faults),
        _ => expression(items, at, context, faults),
    }
}

/// A string that is one expression and nothing else. Where its ends do not look like that, the shape has said so.
fn expression(value: &Value, at: &At<'_>, context: &Context<'_>, faults: &mut Faults) {
    let Some(text) = value.as_str().filter(|text| is_expression(text)) else { return };
    if let Ok(parts) = template::parts(text)
        && !matches!(parts[..], [Part::Expression(_)])
    {
        let hint = in_one(&parts)
            .unwrap_or_else(|| "texts are joined within it: \"${ .a + \\\"-\\\" + .b }\"".to_owned());
        faults.add(at, format!("must be one expression and nothing else; {hint}"));
    }
    string(text, at, context, faults);
}

/// Expressions with operators between them, written as the one that was meant.
fn in_one(parts: &[Part<'_>]) -> Option<String> {
    let operators = ["and", "or", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "//", "|"];
    let words = parts.iter().map(|part| match part {
        Part::Expression(text) => Some(text.trim()),
        Part::Text(text) => Some(text.trim()).filter(|text| operators.contains(text)),
        Part::Escaped => None,
    });
    let words = words.collect::<Option<Vec<_>>>()?.join(" ");
    let operators_too = parts.iter().any(|part| matches!(part, Part::Text(_)));
    operators_too.then(|| format!("operators stand within it: \"${{ {} }}\"", cut(&words)))
}

/// A time, or a template with an expression in it: `$${` is none.
fn until(value: &Value, at: &At<'_>, context: &Context<'_>, faults: &mut Faults) {
    if let Some(text) = value.as_str().filter(|text| text.contains("${"))
        && let Ok(parts) = template::parts(text)
        && !parts.iter().any(|part| matches!(part, Part::Expression(_)))
    {
        let detail = "must be a time such as \"2026-12-24T18:00:00Z\", or a template that becomes one";
        return faults.add(at, format!("{detail}: \"$${{\" begins no expression"));
    }
    templates(value, at, context, faults);
}

/// Every string in a value is a template. Keys are not.
fn templates(value: &Value, at: &At<'_>, context: &Context<'_>, faults: &mut Faults) {
    if faults.is_full() {
        return;
    }
    match value {
        Value::String(text) => string(text, at, context, faults),
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| templates(item, &at.index(index), context, faults));
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(key, field)| templates(field, &at.key(key), context, faults));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn string(text: &str, at: &At<'_>, context: &Context<'_>, faults: &mut Faults) {
    let parts = match template::parts(text) {
        Ok(parts) => parts,
        Err(error) => return faults.add(at, error.to_string()),
    };
    for part in parts {
        if let Part::Expression(text) = part
            && !faults.is_full()
        {
            for detail in expression::check(text, context) {
                faults.add(at, detail);
            }
        }
    }
}
