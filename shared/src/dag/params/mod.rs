//! The `params` of a dag_spec, a JSON Schema, and the `parameters` of a run that have to satisfy it.

mod cache;
mod defaults;
mod patterns;
mod refs;
mod schema;
mod sentence;

use jsonschema::{Draft, PatternOptions, ValidationOptions, Validator};
use serde_json::{Map, Value, json};

use super::at::At;
use super::faults::Faults;
use super::limits::{MAX_PATTERN_BYTES, MAX_SPEC_BYTES};
use super::shape::DAG_V1;
use super::words::cut;
use crate::problem::{FieldError, MAX_FAULTS};
pub use cache::ParamsCache;
use defaults::Defaults;
pub(super) use schema::check;

/// What a version asks of the parameters of its runs, compiled once.
#[derive(Debug, Default)]
pub struct Params {
    /// None: anything will do.
    compiled: Option<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    validator: Validator,
    defaults: Defaults,
    /// The parameters that it describes, to suggest one.
    names: Vec<String>,
    /// About how much memory it takes, in bytes.
    weight: usize,
}

/// The `params` of a spec are no schema. An approved version has none such.
#[derive(Debug, thiserror::Error)]
#[error("params are no JSON Schema: {0}")]
pub struct ParamsError(String);

impl Params {
    /// Reads them from a dag_spec; what is opaque or has no `params` asks for nothing.
    ///
    /// # Errors
    /// [`ParamsError`] if they are no schema.
    pub fn of(dag_spec: &Value) -> Result<Self, ParamsError> {
        let opaque = dag_spec.get("kind").and_then(Value::as_str).is_some_and(|kind| kind != DAG_V1);
        match dag_spec.get("params") {
            Some(schema) if !opaque && !schema.is_null() => {
                Ok(Self { compiled: Some(Compiled::of(schema)?) })
            }
            _ => Ok(Self::default()),
        }
    }

    /// The parameters with the defaults of what was left out.
    ///
    /// # Errors
    /// Every fault, at most 20, with a pointer that starts with `/parameters`.
    pub fn apply(&self, mut parameters: Map<String, Value>) -> Result<Map<String, Value>, Vec<FieldError>> {
        let Some(compiled) = &self.compiled else { return Ok(parameters) };
        let at = At::Root.key("parameters");
        let mut faults = Faults::default();
        if compiled.defaults.fill(&mut parameters).is_err() {
            faults.add(
                &at,
                format!("would have more than {MAX_SPEC_BYTES} bytes with the defaults of what was left out"),
            );
            return Err(faults.finish());
        }
        let parameters = Value::Object(parameters);
        for error in compiled.validator.iter_errors(&parameters) {
            if faults.is_full() {
                break;
            }
            sentence::add(&error, &at, &compiled.names, &mut faults);
        }
        let mut faults = faults.finish();
        match parameters {
            Value::Object(parameters) if faults.is_empty() => Ok(parameters),
            _ => {
                faults.truncate(MAX_FAULTS);
                Err(faults)
            }
        }
    }

    /// About how much memory they take, in bytes.
    fn weight(&self) -> usize {
        self.compiled.as_ref().map_or(0, |compiled| compiled.weight)
    }
}

impl Compiled {
    fn of(schema: &Value) -> Result<Self, ParamsError> {
        // Before anything else: what refers to itself has no end.
        let mut faults = Faults::default();
        refs::check(schema, &At::Root, &mut faults);
        if let Some(fault) = faults.finish().first() {
            return Err(ParamsError(format!("{} {}", fault.pointer, fault.detail)));
        }
        let validator =
            options().build(&whole(schema)).map_err(|error| ParamsError(cut(&error.to_string())))?;
        let properties = schema.get("properties").and_then(Value::as_object);
        let patterns = patterns::of(schema).len();
        Ok(Self {
            validator,
            defaults: Defaults::of(schema),
            names: properties.into_iter().flatten().map(|(name, _)| name.clone()).collect(),
            weight: 8 * schema.to_string().len() + patterns * MAX_PATTERN_BYTES,
        })
    }
}

/// The schema with what is implied: parameters are an object.
fn whole(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(fields) = schema.as_object_mut() {
        fields.entry("type").or_insert_with(|| json!("object"));
    }
    schema
}

/// How schemas are read: as of 2020-12, formats asserted, nothing fetched, regular expressions that take linear time.
fn options() -> ValidationOptions<'static> {
    let patterns = PatternOptions::regex().size_limit(MAX_PATTERN_BYTES).dfa_size_limit(MAX_PATTERN_BYTES);
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .offline()
        .with_pattern_options(patterns)
}
