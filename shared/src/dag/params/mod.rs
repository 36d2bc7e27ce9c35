//! The `params` of a dag_spec, a JSON Schema, and the `parameters` of a run that have to satisfy it.

mod cache;
mod defaults;
mod patterns;
mod refs;
mod schema;
pub(crate) mod secrets;
mod sentence;
mod work;

use jsonschema::{Draft, PatternOptions, ValidationError, ValidationOptions, Validator};
use serde_json::{Map, Value, json};

use super::at::At;
use super::faults::Faults;
use super::limits::{MAX_PATTERN_BYTES, MAX_PATTERN_CACHE_BYTES, MAX_SPEC_BYTES, MAX_WORK_FOR_ALL_FAULTS};
use super::shape::DAG_V1;
use super::words::cut;
use crate::problem::{FieldError, MAX_FAULTS};
pub use cache::ParamsCache;
use defaults::Defaults;
pub(super) use schema::check;
use work::{Patterns, TooMuch, Work};

/// What a version asks of the parameters of its runs, compiled once.
#[derive(Debug, Default)]
pub struct Params {
    /// None: anything will do.
    compiled: Option<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    validator: Validator,
    /// What it was made of.
    schema: Value,
    patterns: Patterns,
    defaults: Defaults,
    /// Where secrets are.
    secrets: Vec<Vec<String>>,
    /// The parameters that it describes, to suggest one.
    names: Vec<String>,
    /// About how much memory it takes, in bytes.
    weight: usize,
}

/// The `params` of a spec are no schema. An approved version has none such.
#[derive(Clone, Debug, thiserror::Error)]
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
    /// Every fault, at most 20, with a pointer that starts with `/parameters`; of parameters that are much work, the first one.
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
        let mut work = Work::new(&compiled.schema, &compiled.patterns);
        match work.spend_on(&compiled.schema, &parameters) {
            Ok(()) => each_error(&compiled.validator, &parameters, work.spent(), |error| {
                sentence::add(error, &at, &compiled.names, &mut faults);
                !faults.is_full()
            }),
            Err(TooMuch) => faults.add(&at, TOO_MUCH),
        }
        secrets::check_lengths(&compiled.secrets, &parameters, &at, &mut faults);
        let mut faults = faults.finish();
        match parameters {
            Value::Object(parameters) if faults.is_empty() => Ok(parameters),
            _ => {
                faults.truncate(MAX_FAULTS);
                Err(faults)
            }
        }
    }

    /// Takes what is secret out of parameters that have been [applied](Self::apply), and leaves `***` in its place. None: there is nothing.
    pub fn take_secrets(&self, parameters: &mut Map<String, Value>) -> Option<Map<String, Value>> {
        secrets::take(&self.compiled.as_ref()?.secrets, parameters)
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
        let patterns = patterns::weights(schema);
        Ok(Self {
            validator,
            defaults: Defaults::of(schema),
            secrets: secrets::paths(schema),
            names: properties.into_iter().flatten().map(|(name, _)| name.clone()).collect(),
            weight: 10 * schema.to_string().len()
                + patterns.len() * (MAX_PATTERN_BYTES + MAX_PATTERN_CACHE_BYTES),
            schema: schema.clone(),
            patterns,
        })
    }
}

/// What is told of what would take too long.
const TOO_MUCH: &str = "are too much to validate: there are too many values, or too long texts, for so many schemas and regular expressions";

/// Does something with each error until it says that it is enough. jsonschema makes all of them before it gives one: where `work` is much, the first
/// is all that is asked for.
fn each_error(
    validator: &Validator,
    value: &Value,
    work: u64,
    mut then: impl FnMut(&ValidationError<'_>) -> bool,
) {
    if work > MAX_WORK_FOR_ALL_FAULTS {
        if let Err(error) = validator.validate(value) {
            then(&error);
        }
    } else if !validator.is_valid(value) {
        validator.iter_errors(value).take_while(|error| then(error)).for_each(drop);
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
    with_patterns_of(MAX_PATTERN_BYTES)
}

/// And of at most so many bytes.
fn with_patterns_of(bytes: usize) -> ValidationOptions<'static> {
    let patterns = PatternOptions::regex().size_limit(bytes).dfa_size_limit(MAX_PATTERN_CACHE_BYTES);
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .offline()
        .with_pattern_options(patterns)
}
