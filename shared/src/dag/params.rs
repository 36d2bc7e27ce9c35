//! The `params` of a dag_spec, a JSON Schema, and the `parameters` of a run that have to satisfy it.

use serde_json::{Map, Value};

use crate::problem::FieldError;

/// What a version asks of the parameters of its runs, compiled once.
#[derive(Debug)]
pub struct Params {}

/// The `params` of a spec are no schema. An approved version has none such.
#[derive(Debug, thiserror::Error)]
#[error("params are no JSON Schema: {0}")]
pub struct ParamsError(String);

impl Params {
    /// Reads them from a dag_spec; what is opaque or has no `params` asks for nothing.
    ///
    /// # Errors
    /// [`ParamsError`] if they are no schema.
    pub fn of(_dag_spec: &Value) -> Result<Self, ParamsError> {
        Ok(Self {})
    }

    /// The parameters with the defaults of what was left out.
    ///
    /// # Errors
    /// Every fault, with a pointer that starts with `/parameters`.
    pub fn apply(&self, parameters: Map<String, Value>) -> Result<Map<String, Value>, Vec<FieldError>> {
        Ok(parameters)
    }
}
