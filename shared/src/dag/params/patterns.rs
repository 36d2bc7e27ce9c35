//! Regular expressions of a schema. They run in linear time, and what they become has a bound.

use serde_json::{Map, Value, json};

use super::work::Patterns;
use super::{options, refs, with_patterns_of};
use crate::dag::at::At;
use crate::dag::faults::Faults;
use crate::dag::limits::{MAX_PATTERN_BYTES, MAX_PATTERNS};
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

/// What each takes for a byte: where many states are possible at once, all of them are gone through, as many as it has KiB, about.
pub(super) fn weights(schema: &Value) -> Patterns {
    let weight = |pattern: &str| {
        let fits = |bytes: usize| with_patterns_of(bytes).build(&json!({ "pattern": pattern })).is_ok();
        let sizes = [1, 4, 16, 32].into_iter().map(|kib| kib * 1024);
        sizes.into_iter().find(|bytes| fits(*bytes)).unwrap_or(MAX_PATTERN_BYTES) as u64 / 1024
    };
    of(schema).into_iter().map(|(_, pattern)| (pattern.to_owned(), weight(pattern))).collect()
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
