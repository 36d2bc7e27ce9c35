//! The bounds of the fields that clients send, checked all at once.

use chrono::{DateTime, Datelike as _, Utc};
use serde_json::Value;

use super::Labels;
use crate::problem::{Code, FieldError, MAX_FAULTS, Problem};
use crate::strict::escape;

/// How large `parameters` and `output` may be, as compact JSON.
pub const MAX_JSON_BYTES: usize = 256 * 1024;
/// So deep may JSON be nested that is answered within lists: whoever reads those may go no deeper than 128 levels.
const MAX_DEPTH: usize = 64;
const MAX_LABELS: usize = 16;
const MAX_LABEL_KEY_CHARS: usize = 63;
const MAX_LABEL_VALUE_CHARS: usize = 255;

/// Collects what is wrong with a request.
#[derive(Debug, Default)]
pub struct Faults {
    faults: Vec<FieldError>,
    /// How many of them are about too much of something that is right.
    too_large: usize,
}

impl Faults {
    /// A fault at a pointer. Only the first 20 are kept: an answer has to stay smaller than the request it is about.
    pub fn add(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        if self.faults.len() == MAX_FAULTS {
            return;
        }
        self.faults.push(FieldError::new(pointer, detail));
    }

    /// A string of 1 to `max` characters, without NUL, which Postgres cannot store.
    pub fn text(&mut self, pointer: &str, value: &str, max: usize) {
        let chars = value.chars().count();
        if chars < 1 || chars > max {
            self.add(pointer, format!("must have 1 to {max} characters, has {chars}"));
        }
        self.nul(pointer, value);
    }

    /// A string of at most `max` characters, without NUL.
    pub fn up_to(&mut self, pointer: &str, value: &str, max: usize) {
        let chars = value.chars().count();
        if chars > max {
            self.add(pointer, format!("must have at most {max} characters, has {chars}"));
        }
        self.nul(pointer, value);
    }

    /// A whole number from `min` to `max`.
    pub fn range(&mut self, pointer: &str, value: i32, min: i32, max: i32) {
        if value < min || value > max {
            self.add(pointer, format!("must be {min} to {max}, is {value}"));
        }
    }

    /// No NUL in a string.
    pub fn nul(&mut self, pointer: &str, value: &str) {
        if value.contains('\0') {
            self.add(pointer, "must not contain the character NUL (\\u0000)");
        }
    }

    /// Free JSON: no larger than 256 KiB, no NUL in any string or key.
    pub fn json(&mut self, pointer: &str, value: &Value) {
        self.json_up_to(pointer, value, MAX_JSON_BYTES);
    }

    /// Free JSON that is answered within lists: as [`Faults::json`], no larger than this, and no more than 64 levels deep.
    pub fn json_in_list(&mut self, pointer: &str, value: &Value, max_bytes: usize) {
        if is_deeper_than(value, MAX_DEPTH) {
            self.add(pointer, format!("must not be nested more than {MAX_DEPTH} levels deep"));
            return;
        }
        self.json_up_to(pointer, value, max_bytes);
    }

    fn json_up_to(&mut self, pointer: &str, value: &Value, max_bytes: usize) {
        let bytes = value.to_string().len();
        if bytes > max_bytes {
            self.too_large += 1;
            self.add(pointer, format!("must be at most {max_bytes} bytes of JSON, is {bytes}"));
            return;
        }
        self.json_strings(pointer, value);
    }

    fn json_strings(&mut self, pointer: &str, value: &Value) {
        match value {
            Value::String(text) => self.nul(pointer, text),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.json_strings(&format!("{pointer}/{index}"), item);
                }
            }
            Value::Object(fields) => {
                for (key, field) in fields {
                    let pointer = format!("{pointer}/{}", escape(key));
                    self.nul(&pointer, key);
                    self.json_strings(&pointer, field);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// At most 16 labels with short keys and values.
    pub fn labels(&mut self, pointer: &str, labels: &Labels) {
        if labels.len() > MAX_LABELS {
            self.add(pointer, format!("must be at most {MAX_LABELS} labels, are {}", labels.len()));
        }
        for (key, value) in labels {
            let pointer = format!("{pointer}/{}", escape(key));
            self.text(&pointer, key, MAX_LABEL_KEY_CHARS);
            if value.chars().count() > MAX_LABEL_VALUE_CHARS {
                self.add(&pointer, format!("must have at most {MAX_LABEL_VALUE_CHARS} characters"));
            }
            self.nul(&pointer, value);
        }
    }

    /// Everything found so far, or nothing to complain about.
    ///
    /// # Errors
    /// `payload_too_large` if that is all that is wrong, else `invalid_field`, with every fault.
    pub fn finish(self) -> Result<(), Problem> {
        if self.faults.is_empty() {
            return Ok(());
        }
        let code =
            if self.too_large == self.faults.len() { Code::PayloadTooLarge } else { Code::InvalidField };
        Err(Problem { code, ..Problem::invalid(self.faults) })
    }
}

/// Whether there are more lists and objects within each other than this.
fn is_deeper_than(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(|item| is_deeper_than(item, levels - 1)),
        Value::Object(fields) => {
            levels == 0 || fields.values().any(|field| is_deeper_than(field, levels - 1))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Whether a time is one that RFC 3339 can write and Postgres can store: years 1 to 9999.
pub fn is_storable(time: &DateTime<Utc>) -> bool {
    (1..=9999).contains(&time.year())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pointers(faults: Faults) -> Vec<String> {
        faults.finish().unwrap_err().errors.into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn every_nul_in_free_json_is_found_where_it_is() {
        let mut faults = Faults::default();
        faults.json("/output", &json!({"a/b": ["x", "\0"], "k\0": 1}));
        assert_eq!(pointers(faults), ["/output/a~1b/1", "/output/k\0"]);
    }

    #[test]
    fn text_is_measured_in_characters_not_bytes() {
        let mut faults = Faults::default();
        faults.text("/worker_id", &"ä".repeat(200), 200);
        faults.finish().unwrap();
        let mut faults = Faults::default();
        faults.text("/worker_id", &"ä".repeat(201), 200);
        faults.text("/queue", "", 100);
        assert_eq!(pointers(faults), ["/worker_id", "/queue"]);
    }

    #[test]
    fn levels_are_counted_by_their_brackets() {
        let nested = |levels: usize| (0..levels).fold(json!(1), |within, _| json!([within]));
        let mut faults = Faults::default();
        faults.json_in_list("/output", &nested(MAX_DEPTH), 1024);
        faults.finish().unwrap();
        let mut faults = Faults::default();
        faults.json_in_list("/output", &json!({ "a": nested(MAX_DEPTH) }), 1024);
        faults.json_in_list("/meta", &json!("x".repeat(1024)), 1024);
        assert_eq!(pointers(faults), ["/output", "/meta"]);
    }

    #[test]
    fn json_is_measured_as_it_is_stored() {
        let mut faults = Faults::default();
        faults.json("/parameters", &Value::String("x".repeat(MAX_JSON_BYTES - 2)));
        faults.finish().unwrap();
        let mut faults = Faults::default();
        faults.json("/parameters", &Value::String("x".repeat(MAX_JSON_BYTES - 1)));
        assert_eq!(pointers(faults), ["/parameters"]);
    }
}
