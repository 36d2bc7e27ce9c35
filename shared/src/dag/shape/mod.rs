//! The shape of a dag_spec: what docs/dag_spec.schema.json says, and what it cannot say (size, depth, NUL). Tests compare the two.

mod bounds;
mod fields;
mod step;
mod with;

use serde_json::Value;

use super::at::At;
use super::faults::Faults;
use super::limits::MAX_STEPS;
use super::words::{a, quoted};
use fields::{Field, integer, object, optional, text, word};

pub(crate) use step::is_id;
pub(crate) use with::{CONNECTION, is_expression};

/// The `kind` of the specs that are described here; also of those that name none.
pub(crate) const DAG_V1: &str = "dag_v1";

const SPEC: &[Field] = &[
    optional("kind", any),
    optional("description", text::<0, 2000>),
    optional("params", an_object),
    optional("timeout_seconds", integer::<1, 604_800>),
    optional("max_parallel", integer::<1, 32>),
    optional("steps", steps),
    optional("output", any),
    optional("retry", run_retry),
];

const RUN_RETRY: &[Field] = &[
    optional("max_attempts", integer::<1, 20>),
    optional("delay_seconds", fields::seconds),
    optional("backoff_rate", fields::backoff_rate),
    optional("max_delay_seconds", fields::seconds),
    optional("jitter", jitter),
];

/// How far a spec can be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readable {
    /// As a list of steps, whatever is wrong with some of them.
    Steps,
    /// Its `params` alone: it has too many steps.
    Params,
    /// No further: it is opaque, or too large, or not a spec at all.
    No,
}

/// Finds everything that is wrong with the shape.
pub(crate) fn check(spec: &Value, faults: &mut Faults) -> Readable {
    if !bounds::check(spec, faults) {
        return Readable::No;
    }
    let Some(map) = spec.as_object() else {
        faults.add(&At::Root, format!("a dag_spec must be an object, is {}", a(spec)));
        return Readable::No;
    };
    match map.get("kind") {
        None => {}
        Some(Value::String(kind)) if kind == DAG_V1 => {}
        // Teams whose own workers read their own format keep it.
        Some(Value::String(kind)) if !kind.is_empty() => return Readable::No,
        Some(kind) => faults.add(&At::Root.key("kind"), bad_kind(kind)),
    }
    object(spec, &At::Root, SPEC, "a dag_spec", faults);
    let too_many = map.get("steps").and_then(Value::as_array).is_some_and(|steps| steps.len() > MAX_STEPS);
    if too_many { Readable::Params } else { Readable::Steps }
}

fn bad_kind(kind: &Value) -> String {
    let is = if kind == "" { "is empty".to_owned() } else { format!("is {}", a(kind)) };
    format!(
        "must be {} or left out, or the name of a format that workers of your own read; {is}",
        quoted(DAG_V1)
    )
}

fn any(_: &Value, _: &At<'_>, _: &mut Faults) {}

fn an_object(value: &Value, at: &At<'_>, faults: &mut Faults) {
    if !value.is_object() {
        faults.add(at, format!("must be an object, is {}", a(value)));
    }
}

fn steps(value: &Value, at: &At<'_>, faults: &mut Faults) {
    let Some(steps) = value.as_array() else {
        let hint = if value.is_object() { ": the id of a step is its field \"id\", not a key" } else { "" };
        return faults.add(at, format!("must be a list of steps, is {}{hint}", a(value)));
    };
    if steps.len() > MAX_STEPS {
        faults.add(at, format!("may have at most {MAX_STEPS} steps, has {}", steps.len()));
    }
    for (index, value) in steps.iter().enumerate() {
        if faults.is_full() {
            return;
        }
        step::check(value, &at.index(index), faults);
    }
}

fn run_retry(value: &Value, at: &At<'_>, faults: &mut Faults) {
    object(value, at, RUN_RETRY, "the \"retry\" of a run", faults);
}

fn jitter(value: &Value, at: &At<'_>, faults: &mut Faults) {
    word(value, &["full", "none"], at, faults);
}
