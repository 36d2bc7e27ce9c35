//! What each type of step is given.

use chrono::DateTime;
use serde_json::{Map, Value};

use super::fields::{Field, integer, items, object, optional, required, text, word};
use super::{an_object, any};
use crate::dag::at::At;
use crate::dag::faults::Faults;
use crate::dag::words::{a, quoted, shown};

/// The field of `with` that names a connection.
pub(crate) const CONNECTION: &str = "connection";
/// `${`, the text between, and `}`.
const MAX_EXPRESSION_CHARS: usize = 4100;
/// As many as the name of a connection may have.
const MAX_CONNECTION_CHARS: usize = 100;
/// A year.
const MAX_WAIT_SECONDS: f64 = 31_536_000.0;

/// A type of step.
pub(super) struct StepType {
    pub(super) name: &'static str,
    with: &'static [Field],
    /// What its fields have to be to each other.
    both: fn(&Map<String, Value>, &At<'_>, &mut Faults),
}

/// All of them.
pub(super) const TYPES: [StepType; 8] = [
    StepType {
        name: "http",
        with: &[
            optional(CONNECTION, connection),
            optional("method", method),
            optional("url", url),
            optional("path", path),
            optional("query", an_object),
            optional("headers", an_object),
            optional("body", any),
            optional("success_status", success_status),
        ],
        both: url_or_connection,
    },
    StepType {
        name: "sql",
        with: &[
            required(CONNECTION, connection),
            required("statement", statement),
            optional("args", a_list),
            optional("max_rows", integer::<1, 10_000>),
        ],
        both: nothing,
    },
    StepType {
        name: "lambda",
        with: &[
            required(CONNECTION, connection),
            optional("payload", any),
            optional("invocation", invocation),
        ],
        both: nothing,
    },
    StepType {
        name: "sqs",
        with: &[
            required(CONNECTION, connection),
            required("body", any),
            optional("group_id", text::<1, { usize::MAX }>),
            optional("deduplication_id", text::<1, { usize::MAX }>),
            optional("delay_seconds", integer::<0, 900>),
        ],
        both: nothing,
    },
    StepType { name: "transform", with: &[required("value", any)], both: nothing },
    StepType {
        name: "wait",
        with: &[optional("seconds", wait_seconds), optional("until", until)],
        both: seconds_or_until,
    },
    StepType {
        name: "artifact",
        with: &[required("artifact_type", text::<1, 100>), required("payload", any)],
        both: nothing,
    },
    StepType {
        name: "fail",
        with: &[required("error", text::<1, { usize::MAX }>), optional("message", text::<0, { usize::MAX }>)],
        both: nothing,
    },
];

/// Checks the `with` of a step at `at`.
pub(super) fn check(with: Option<&Value>, one: &StepType, at: &At<'_>, faults: &mut Faults) {
    let what = format!("the \"with\" of type {:?}", one.name);
    let at = at.key("with");
    let Some(with) = with else {
        return faults.add(&at, format!("is required in a step of type {:?}", one.name));
    };
    object(with, &at, one.with, &what, faults);
    if let Some(fields) = with.as_object() {
        (one.both)(fields, &at, faults);
    }
}

fn nothing(_: &Map<String, Value>, _: &At<'_>, _: &mut Faults) {}

fn url_or_connection(with: &Map<String, Value>, at: &At<'_>, faults: &mut Faults) {
    let has = |name: &str| with.contains_key(name);
    match (has("url"), has(CONNECTION), has("path")) {
        (true, false, false) | (false, true, true) => {}
        (true, _, _) => faults.add(
            at,
            "has \"url\" beside \"connection\" or \"path\": give either \"url\" alone, or \"connection\" and \"path\"",
        ),
        (false, true, false) => faults.add(&at.key("path"), "is required beside \"connection\""),
        (false, false, true) => faults.add(&at.key(CONNECTION), "is required beside \"path\""),
        (false, false, false) => faults.add(at, "must have either \"url\", or \"connection\" and \"path\""),
    }
}

fn seconds_or_until(with: &Map<String, Value>, at: &At<'_>, faults: &mut Faults) {
    if with.contains_key("seconds") == with.contains_key("until") {
        faults.add(at, "must have either \"seconds\" or \"until\", and not both");
    }
}

fn a_list(value: &Value, at: &At<'_>, faults: &mut Faults) {
    items(value, any, at, faults);
}

/// Its name: whether the tenant has it is asked at approval, so it cannot depend on a run.
fn connection(value: &Value, at: &At<'_>, faults: &mut Faults) {
    text::<1, MAX_CONNECTION_CHARS>(value, at, faults);
    if value.as_str().is_some_and(|name| name.contains("${")) {
        faults.add(at, "must be the name of a connection as it is: it is not templated");
    }
}

fn method(value: &Value, at: &At<'_>, faults: &mut Faults) {
    word(value, &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"], at, faults);
}

fn invocation(value: &Value, at: &At<'_>, faults: &mut Faults) {
    word(value, &["request_response", "event"], at, faults);
}

fn url(value: &Value, at: &At<'_>, faults: &mut Faults) {
    begins(value, &["https://", "http://", "${"], at, faults);
}

fn path(value: &Value, at: &At<'_>, faults: &mut Faults) {
    begins(value, &["/", "${"], at, faults);
}

fn begins(value: &Value, with: &[&str], at: &At<'_>, faults: &mut Faults) {
    match value.as_str() {
        Some(text) if with.iter().any(|start| text.starts_with(start)) => {}
        Some(text) => faults.add(at, format!("must begin with {}, is {}", with.join(" or "), quoted(text))),
        None => faults.add(at, format!("must be a string, is {}", a(value))),
    }
}

fn success_status(value: &Value, at: &At<'_>, faults: &mut Faults) {
    items(value, status, at, faults);
}

fn status(value: &Value, at: &At<'_>, faults: &mut Faults) {
    let right = match value {
        Value::String(class) => ["1xx", "2xx", "3xx", "4xx", "5xx"].contains(&class.as_str()),
        other => other.as_f64().is_some_and(|code| code.fract() == 0.0 && (100.0..=599.0).contains(&code)),
    };
    if !right {
        faults.add(at, "must be a status from 100 to 599, or a class of them such as \"2xx\"");
    }
}

/// What a tenant's parameters can get into is not SQL text: values are bound.
fn statement(value: &Value, at: &At<'_>, faults: &mut Faults) {
    text::<1, { usize::MAX }>(value, at, faults);
    if value.as_str().is_some_and(|statement| statement.contains("${")) {
        faults.add(at, "is never templated: write $1, $2, … and put the expressions into \"args\"");
    }
}

fn wait_seconds(value: &Value, at: &At<'_>, faults: &mut Faults) {
    match value {
        Value::String(_) => expression(value, at, faults),
        other if other.as_f64().is_some_and(|seconds| (0.0..=MAX_WAIT_SECONDS).contains(&seconds)) => {}
        other => {
            let is = shown(other);
            faults.add(
                at,
                format!(
                    "must be a number of seconds from 0 to 31536000 (a year), or one expression, is {is}"
                ),
            );
        }
    }
}

fn until(value: &Value, at: &At<'_>, faults: &mut Faults) {
    let right =
        value.as_str().is_some_and(|text| text.contains("${") || DateTime::parse_from_rfc3339(text).is_ok());
    if !right {
        faults.add(at, "must be a time such as \"2026-12-24T18:00:00Z\", or a template that becomes one");
    }
}

/// A string that is one expression and nothing else, as far as its ends show.
pub(super) fn expression(value: &Value, at: &At<'_>, faults: &mut Faults) {
    match value.as_str() {
        None => {
            faults.add(at, format!("must be one expression such as \"${{ .params.x }}\", is {}", a(value)))
        }
        Some(text) if !is_expression(text) && is_expression(text.trim()) => {
            faults.add(at, "must be one expression and nothing else: there is a space before or after it");
        }
        Some(text) if !is_expression(text) => {
            faults.add(at, format!("must be one expression, from \"${{\" to \"}}\", is {}", quoted(text)));
        }
        Some(text) if text.chars().count() > MAX_EXPRESSION_CHARS => {
            faults.add(
                at,
                format!("may have at most {MAX_EXPRESSION_CHARS} characters, has {}", text.chars().count()),
            );
        }
        Some(_) => {}
    }
}

/// Whether a string begins and ends as one expression does.
pub(crate) fn is_expression(text: &str) -> bool {
    text.len() > "${}".len() && text.starts_with("${") && text.ends_with('}')
}
