//! What a step asks for.

use serde_json::{Map, Value};

use super::scalar::whole;
use crate::dag::words::{a, shown};
use crate::reach::ReachFailure;

/// Rows of a result, if the step does not say.
const MAX_ROWS: i64 = 1000;
/// Rows of a result, whatever it says.
const MOST_ROWS: i64 = 10_000;

/// The `with` of a step, read.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) statement: &'a str,
    pub(super) args: &'a [Value],
    pub(super) max_rows: usize,
}

impl<'a> Asked<'a> {
    pub(super) fn read(with: &'a Map<String, Value>) -> Result<Self, ReachFailure> {
        let statement = match with.get("statement") {
            // A NUL would end the statement in the middle of the message that brings it.
            Some(Value::String(text)) if !text.contains('\0') => text,
            Some(Value::String(_)) => {
                let message = "the statement must not contain the character U+0000";
                return Err(ReachFailure::new("invalid_statement", message));
            }
            other => {
                let message =
                    format!("the statement must be a string, is {}", a(other.unwrap_or(&Value::Null)));
                return Err(ReachFailure::new("invalid_statement", message));
            }
        };
        let args: &[Value] = match with.get("args") {
            None | Some(Value::Null) => &[],
            Some(Value::Array(args)) => args.as_slice(),
            Some(other) => {
                let message = format!("args must be a list, is {}", a(other));
                return Err(ReachFailure::new("invalid_args", message));
            }
        };
        let max_rows = with.get("max_rows").filter(|value| !value.is_null());
        let max_rows = match max_rows.map(|value| value.as_number().and_then(whole)) {
            None => Some(MAX_ROWS),
            Some(rows) => rows.filter(|rows| (1..=MOST_ROWS).contains(rows)),
        };
        let Some(max_rows) = max_rows.and_then(|rows| usize::try_from(rows).ok()) else {
            let is = shown(with.get("max_rows").unwrap_or(&Value::Null));
            let message = format!("max_rows must be a whole number from 1 to {MOST_ROWS}, is {is}");
            return Err(ReachFailure::new("invalid_max_rows", message));
        };
        Ok(Self { statement, args, max_rows })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(with: &Value) -> Result<(usize, usize), String> {
        let with = with.as_object().unwrap();
        let asked = Asked::read(with).map_err(|failure| failure.error)?;
        Ok((asked.args.len(), asked.max_rows))
    }

    #[test]
    fn what_may_be_left_out_has_defaults() {
        assert_eq!(read(&json!({"statement": "select 1"})), Ok((0, 1000)));
        assert_eq!(read(&json!({"statement": "", "args": [1, null], "max_rows": 10_000.0})), Ok((2, 10_000)));
    }

    #[test]
    fn what_was_rendered_to_something_else_is_refused() {
        assert_eq!(read(&json!({})), Err("invalid_statement".to_owned()));
        assert_eq!(read(&json!({"statement": "select 1\u{0}"})), Err("invalid_statement".to_owned()));
        for args in [json!({}), json!("1"), json!(1), json!(false)] {
            assert_eq!(read(&json!({"statement": "", "args": args})), Err("invalid_args".to_owned()));
        }
        for max_rows in [json!(0), json!(10_001), json!(1.5), json!("5"), json!(-1), json!(1e300)] {
            let with = json!({"statement": "", "max_rows": max_rows});
            assert_eq!(read(&with), Err("invalid_max_rows".to_owned()), "{max_rows}");
        }
    }
}
