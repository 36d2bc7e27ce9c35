//! What holds for any JSON that is stored as a dag_spec, opaque ones included: depth, size, no NUL.

use serde_json::Value;

use crate::dag::at::At;
use crate::dag::faults::Faults;
use crate::dag::limits::{MAX_DEPTH, MAX_SPEC_BYTES};

/// Whether the spec is small and flat enough to look at it: everything after this may call itself for each level.
pub(super) fn check(spec: &Value, faults: &mut Faults) -> bool {
    // First of all, because measuring the size is such a walk.
    if let Some(place) = too_deep(spec, &At::Root, 1) {
        let detail =
            format!("lies deeper than {MAX_DEPTH} levels: lists and objects may not be nested further");
        faults.add_at(place, detail);
        return false;
    }
    let bytes = spec.to_string().len();
    if bytes > MAX_SPEC_BYTES {
        faults
            .add(&At::Root, format!("may have at most {MAX_SPEC_BYTES} bytes as compact JSON, has {bytes}"));
        return false;
    }
    nul(spec, &At::Root, faults);
    true
}

/// The first list or object that lies too deep. Goes no deeper itself.
fn too_deep(value: &Value, at: &At<'_>, depth: usize) -> Option<String> {
    if depth > MAX_DEPTH && (value.is_array() || value.is_object()) {
        return Some(at.to_string());
    }
    match value {
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| too_deep(item, &at.index(index), depth + 1))
        }
        Value::Object(fields) => {
            fields.iter().find_map(|(key, field)| too_deep(field, &at.key(key), depth + 1))
        }
        _ => None,
    }
}

fn nul(value: &Value, at: &At<'_>, faults: &mut Faults) {
    const DETAIL: &str = "must not contain the character NUL (\\u0000), which Postgres cannot store";
    match value {
        Value::String(text) if text.contains('\0') => faults.add(at, DETAIL),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                nul(item, &at.index(index), faults);
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                let at = at.key(key);
                if key.contains('\0') {
                    faults.add(&at, format!("the name {DETAIL}"));
                }
                nul(field, &at, faults);
            }
        }
        _ => {}
    }
}
