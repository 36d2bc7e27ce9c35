//! The shape of one step.

use serde_json::Value;

use super::fields::{Field, boolean, integer, items, object, optional, required, text, word};
use super::with::{self, expression};
use super::{any, jitter};
use crate::dag::at::At;
use crate::dag::faults::Faults;
use crate::dag::words::{a, quoted};

const STEP: &[Field] = &[
    required("id", id),
    required("type", step_type),
    optional("description", text::<0, 500>),
    optional("depends_on", depends_on),
    optional("run_if", run_if),
    optional("if", expression),
    optional("for_each", for_each),
    // What it holds depends on the type.
    optional("with", any),
    optional("output", any),
    optional("timeout_seconds", integer::<1, 840>),
    optional("retry", retry),
    optional("continue_on_error", boolean),
];

const RETRY: &[Field] = &[
    optional("max_attempts", integer::<1, 20>),
    optional("delay_seconds", super::fields::seconds),
    optional("backoff_rate", super::fields::backoff_rate),
    optional("max_delay_seconds", super::fields::seconds),
    optional("jitter", jitter),
    optional("on", error_names),
];

const FOR_EACH: &[Field] = &[
    required("items", for_each_items),
    optional("max_parallel", integer::<1, 32>),
    optional("tolerated_failures", integer::<0, 1000>),
];

/// An object with an id and a type, or an id alone: a step that does nothing.
pub(super) fn check(step: &Value, at: &At<'_>, faults: &mut Faults) {
    match step {
        Value::String(_) => id(step, at, faults),
        Value::Object(fields) => {
            object(step, at, STEP, "a step", faults);
            let name = fields.get("type").and_then(Value::as_str);
            match name.and_then(|name| with::TYPES.iter().find(|one| one.name == name)) {
                Some(one) => with::check(fields.get("with"), one, at, faults),
                // Without a type nobody knows what belongs into it.
                None => {
                    if let Some(value) = fields.get("with") {
                        super::an_object(value, &at.key("with"), faults);
                    }
                }
            }
        }
        other => faults.add(
            at,
            format!("must be an object with \"id\" and \"type\", or an id alone (a step that does nothing), is {}", a(other)),
        ),
    }
}

fn id(value: &Value, at: &At<'_>, faults: &mut Faults) {
    let Some(text) = value.as_str() else {
        return faults.add(at, format!("must be the id of a step, a string, is {}", a(value)));
    };
    if !is_id(text) {
        let detail = "must be an id: a small letter, then at most 62 small letters, digits or _";
        faults.add(at, format!("{detail}; is {}", quoted(text)));
    }
}

/// Whether a text is the id of a step.
pub(crate) fn is_id(text: &str) -> bool {
    let tail = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    text.len() <= 63
        && text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
        && text.bytes().all(tail)
}

fn step_type(value: &Value, at: &At<'_>, faults: &mut Faults) {
    word(value, &with::TYPES.map(|one| one.name), at, faults);
}

fn depends_on(value: &Value, at: &At<'_>, faults: &mut Faults) {
    items(value, id, at, faults);
    let ids = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut seen = std::collections::HashMap::new();
    for (index, id) in ids.iter().enumerate() {
        // Anything but a string is a fault already.
        let Some(id) = id.as_str() else { continue };
        if let Some(first) = seen.insert(id, index) {
            let detail = format!("names {} a second time, after item {first}: once is enough", quoted(id));
            faults.add(&at.index(index), detail);
        }
    }
}

fn run_if(value: &Value, at: &At<'_>, faults: &mut Faults) {
    word(value, &["all_success", "none_failed", "one_failed", "all_done"], at, faults);
}

fn retry(value: &Value, at: &At<'_>, faults: &mut Faults) {
    object(value, at, RETRY, "a \"retry\"", faults);
}

fn error_names(value: &Value, at: &At<'_>, faults: &mut Faults) {
    items(value, text::<1, 100>, at, faults);
}

fn for_each(value: &Value, at: &At<'_>, faults: &mut Faults) {
    object(value, at, FOR_EACH, "a \"for_each\"", faults);
}

fn for_each_items(value: &Value, at: &At<'_>, faults: &mut Faults) {
    match value {
        Value::Array(_) => {}
        Value::String(_) => expression(value, at, faults),
        other => faults.add(
            at,
            format!("must be a list, or one expression such as \"${{ .params.ids }}\", is {}", a(other)),
        ),
    }
}
