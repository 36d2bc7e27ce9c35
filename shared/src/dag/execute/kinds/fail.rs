//! `fail`: fails. For use with `if`.

use serde_json::{Map, Value};

use crate::dag::execute::attempt::{EXPRESSION_FAILED, Failure};
use crate::dag::words::a;

/// The failure that the step asks for.
pub(super) fn failure(with: &Map<String, Value>) -> Failure {
    let field = |name| match with.get(name) {
        Some(Value::String(text)) => Ok(text.as_str()),
        other => Err(format!("{name:?} must be a text, is {}", a(other.unwrap_or(&Value::Null)))),
    };
    match (field("error"), field("message")) {
        (Ok(error), Ok(_)) if error.is_empty() || error.chars().count() > 100 => {
            Failure::new(EXPRESSION_FAILED, "\"error\" must have 1 to 100 characters")
        }
        (Ok(error), Ok(message)) => Failure::new(error, message),
        (Err(detail), _) | (_, Err(detail)) => Failure::new(EXPRESSION_FAILED, detail),
    }
}
