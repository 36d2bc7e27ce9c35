//! What a dag_spec asks a worker to do, and whether it may: docs/dag_spec.md describes the language.
//!
//! | file | what is in it |
//! |---|---|
//! | `check` | everything that an approval asks |
//! | `shape` | what a draft has to look like |
//! | `graph` | which step runs after which |
//! | `template`, `expression` | the strings, and the jq in them |
//! | `params` | the JSON Schema of the parameters, and parameters against it |
//! | `limits`, `faults`, `at`, `words` | bounds, and how what is wrong is told |
//!
//! Today's worker runs specs without steps and steps that are plain strings, which do nothing. The executor of whole
//! specs replaces [`plan`].

mod at;
mod check;
mod connections;
pub mod execute;
mod expression;
mod faults;
mod graph;
mod limits;
mod params;
mod shape;
mod template;
mod words;

use serde_json::Value;

pub use check::{check, check_shape};
pub use connections::{ConnectionKind, Connections};
pub use faults::Fault;
pub use params::{Params, ParamsCache, ParamsError};

/// Steps that do nothing, in the order they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Their ids.
    pub steps: Vec<String>,
}

/// The spec asks for something this worker cannot do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail} (at {pointer} of the dag_spec)")]
pub struct Unsupported {
    /// JSON pointer into the spec.
    pub pointer: String,
    /// What it asks for.
    pub detail: String,
}

/// The `error_code` of a run whose spec asks for something this worker cannot do.
pub const UNSUPPORTED_STEP: &str = "unsupported_step";

/// Reads a spec: `{}`, `{"steps":[]}` and steps given as strings.
///
/// # Errors
/// [`Unsupported`] names the first thing that is none of these.
pub fn plan(dag_spec: &Value) -> Result<Plan, Unsupported> {
    let unsupported = |pointer: String, detail: &str| Unsupported { pointer, detail: detail.to_owned() };
    let Some(spec) = dag_spec.as_object() else {
        return Err(unsupported(String::new(), "a dag_spec must be an object"));
    };
    if let Some(kind) = spec.get("kind").filter(|kind| !kind.is_null() && *kind != "dag_v1") {
        return Err(unsupported("/kind".into(), &format!("specs of kind {kind} are for their own workers")));
    }
    let steps = match spec.get("steps") {
        None => return Ok(Plan { steps: Vec::new() }),
        Some(Value::Array(steps)) => steps,
        Some(_) => return Err(unsupported("/steps".into(), "steps must be a list")),
    };
    let ids = steps.iter().enumerate().map(|(index, step)| match step {
        Value::String(id) => Ok(id.clone()),
        _ => Err(unsupported(format!("/steps/{index}"), "this worker runs only steps given as strings")),
    });
    Ok(Plan { steps: ids.collect::<Result<_, _>>()? })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn empty_specs_and_string_steps_are_planned() {
        assert_eq!(plan(&json!({})).unwrap().steps, [""; 0]);
        assert_eq!(plan(&json!({"steps": []})).unwrap().steps, [""; 0]);
        assert_eq!(plan(&json!({"kind": "dag_v1", "steps": ["a", "b"]})).unwrap().steps, ["a", "b"]);
    }

    #[test]
    fn anything_else_is_refused_where_it_stands() {
        let pointers = [
            (json!({"steps": ["a", {"id": "b", "type": "http"}]}), "/steps/1"),
            (json!({"steps": {"a": {}}}), "/steps"),
            (json!({"kind": "ours", "steps": []}), "/kind"),
            (json!([]), ""),
        ];
        for (spec, pointer) in pointers {
            assert_eq!(plan(&spec).unwrap_err().pointer, pointer, "{spec}");
        }
    }
}
