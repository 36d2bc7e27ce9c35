//! Regular expressions of a schema. They run in linear time, and what they become has a bound.

use serde_json::{Map, Value, json};

use super::{options, refs};
use crate::dag::at::At;
use crate::dag::faults::Faults;
use crate::dag::limits::MAX_PATTERNS;
use crate::dag::words::quoted;

/// The regular expressions of a schema, with their places.
pub(super) fn of(schema: &Value) -> Vec<(String, &str)> {
    let mut patterns = Vec::new();
    refs::each(schema, &At::Root, &mut |schema, at| {
        if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
            patterns.push((at.key("pattern").to_string(), pattern));
        }
        for pattern in
            schema.get("patternProperties").and_then(Value::as_object).into_iter().flat_map(Map::keys)
        {
            patterns.push((at.key("patternProperties").key(pattern).to_string(), pattern));
        }
    });
    patterns
}

/// Whether each can be compiled, and whether there are not too many.
pub(super) fn check(schema: &Value, at: &At<'_>, faults: &mut Faults) {
    let patterns = of(schema);
    if patterns.len() > MAX_PATTERNS {
        return faults
            .add(at, format!("may have {MAX_PATTERNS} regular expressions, have {}", patterns.len()));
    }
    for (place, pattern) in patterns {
        if options().build(&json!({ "pattern": pattern })).is_err() {
            let detail =
                "must be a regular expression without look-around and back references, not too large";
            faults.add_at(format!("{at}{place}"), format!("{detail}; is {}", quoted(pattern)));
        }
    }
}
