//! A dag_spec that was checked, read into types: what an executor plans with.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::faults::Fault;
use super::{check, params, shape};

/// A step that names none may work for so long, and one of a run for so much longer.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
const DEFAULT_RUN_TIMEOUT: Duration = Duration::from_secs(900);
const DEFAULT_MAX_PARALLEL: usize = 4;

/// What a pipeline version does.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// In the order they stand.
    pub steps: Vec<Step>,
    /// How many of them at once, at most.
    pub max_parallel: usize,
    /// How long a run may work.
    pub timeout: Duration,
    /// The template of the run's output.
    pub output: Option<Value>,
    /// Where secret parameters are: the names of fields that lead to each.
    pub secrets: Vec<Vec<String>>,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Unique in its spec.
    pub id: String,
    /// What it does.
    pub kind: StepKind,
    /// The steps it waits for, by their places.
    pub depends_on: Vec<usize>,
    /// All steps that have ended when it starts, by their places, in that order.
    pub ancestors: Vec<usize>,
    /// Which ends of those it depends on let it run.
    pub run_if: RunIf,
    /// Its `if`.
    pub condition: Option<String>,
    /// Once for each item.
    pub for_each: Option<ForEach>,
    /// What its type asks for.
    pub with: Value,
    /// The template of what is kept of its result; `None`: the result.
    pub output: Option<Value>,
    /// How long an attempt may take.
    pub timeout: Duration,
    /// After which errors it is tried again.
    pub retry: Retry,
    /// The run goes on as if it had not failed.
    pub continue_on_error: bool,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Nothing: it was given as a string.
    #[serde(skip)]
    Noop,
    /// An HTTP request.
    Http,
    /// A statement of SQL.
    Sql,
    /// A call of a Lambda function.
    Lambda,
    /// A message to a queue of SQS.
    Sqs,
    /// A value, from a template.
    Transform,
    /// Nothing, for some time.
    Wait,
    /// Stores an artifact.
    Artifact,
    /// Fails.
    Fail,
}

impl StepKind {
    /// As in a dag_spec.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Noop => "noop",
            Self::Http => "http",
            Self::Sql => "sql",
            Self::Lambda => "lambda",
            Self::Sqs => "sqs",
            Self::Transform => "transform",
            Self::Wait => "wait",
            Self::Artifact => "artifact",
            Self::Fail => "fail",
        }
    }

    /// Whether it reaches something outside the control plane.
    pub fn is_outside(self) -> bool {
        match self {
            Self::Http | Self::Sql | Self::Lambda | Self::Sqs => true,
            Self::Noop | Self::Transform | Self::Wait | Self::Artifact | Self::Fail => false,
        }
    }
}

/// Which ends of the steps before it let a step run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunIf {
    /// All have succeeded.
    #[default]
    AllSuccess,
    /// None has failed, nor was skipped because of a failure.
    NoneFailed,
    /// At least one has failed, or was skipped because of a failure.
    OneFailed,
    /// However they have ended.
    AllDone,
}

/// Once for each item.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ForEach {
    /// A list of templates, or one expression that gives a list.
    pub items: Value,
    /// How many items at once, at most.
    #[serde(default = "one", deserialize_with = "whole")]
    pub max_parallel: usize,
    /// So many items may fail without failing the step.
    #[serde(default, deserialize_with = "whole")]
    pub tolerated_failures: usize,
}

/// When and how often something that has failed is tried again.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Retry {
    /// All attempts count, the first one too.
    #[serde(default = "three", deserialize_with = "whole")]
    pub max_attempts: usize,
    /// Before the second attempt, in seconds.
    #[serde(default = "one_second")]
    pub delay_seconds: f64,
    /// By what the delay is multiplied from one attempt to the next.
    #[serde(default = "double")]
    pub backoff_rate: f64,
    /// No delay is longer, in seconds.
    #[serde(default = "a_minute")]
    pub max_delay_seconds: f64,
    /// Whether a random part of the delay is waited.
    #[serde(default)]
    pub jitter: Jitter,
    /// The names of errors after which it is tried again; `None`: those that its type names.
    #[serde(default)]
    pub on: Option<Vec<String>>,
}

impl Retry {
    /// One attempt.
    pub const NEVER: Self = Self {
        max_attempts: 1,
        delay_seconds: 1.0,
        backoff_rate: 2.0,
        max_delay_seconds: 60.0,
        jitter: Jitter::Full,
        on: None,
    };

    /// How long to wait after so many attempts (1 or more) have failed. `random` is from 0 to 1.
    pub fn delay(&self, attempts: usize, random: f64) -> Duration {
        let exponent = i32::try_from(attempts.saturating_sub(1)).unwrap_or(i32::MAX);
        let most = (self.delay_seconds * self.backoff_rate.powi(exponent)).min(self.max_delay_seconds);
        Duration::from_secs_f64(match self.jitter {
            Jitter::Full => most * random.clamp(0.0, 1.0),
            Jitter::None => most,
        })
    }
}

/// Whether a random part of a delay is waited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Jitter {
    /// From nothing to all of it.
    #[default]
    Full,
    /// All of it.
    None,
}

/// A spec that cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// Workers of its tenant's own read it.
    #[error("specs of kind {0:?} are for their own workers")]
    Opaque(String),
    /// It was approved without being checked. At least one fault.
    #[error("the dag_spec has {} faults, the first at {:?}: {}", .0.len(), .0[0].pointer, .0[0].detail)]
    Invalid(Vec<Fault>),
}

#[derive(Deserialize)]
struct RawSpec {
    #[serde(default)]
    steps: Vec<RawStep>,
    #[serde(default, deserialize_with = "maybe_whole")]
    max_parallel: Option<usize>,
    #[serde(default, deserialize_with = "maybe_whole")]
    timeout_seconds: Option<usize>,
    output: Option<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawStep {
    Noop(String),
    Step(Box<RawFields>),
}

#[derive(Deserialize)]
struct RawFields {
    id: String,
    r#type: StepKind,
    with: Value,
    #[serde(default)]
    depends_on: Vec<String>,
    #[serde(default)]
    run_if: RunIf,
    r#if: Option<String>,
    for_each: Option<ForEach>,
    // `null` is a template too.
    #[serde(default, deserialize_with = "some")]
    output: Option<Value>,
    #[serde(default, deserialize_with = "maybe_whole")]
    timeout_seconds: Option<usize>,
    retry: Option<Retry>,
    #[serde(default)]
    continue_on_error: bool,
}

impl Spec {
    /// Checks a spec as at its approval, but for connections, and reads it: one that was stored without being checked does no harm.
    ///
    /// # Errors
    /// [`SpecError`].
    pub fn read(dag_spec: &Value) -> Result<Self, SpecError> {
        if let Some(kind) = opaque_kind(dag_spec) {
            return Err(SpecError::Opaque(kind.to_owned()));
        }
        let faults = check(dag_spec, None);
        if !faults.is_empty() {
            return Err(SpecError::Invalid(faults));
        }
        let raw = RawSpec::deserialize(dag_spec).map_err(|error| {
            // The checks and these types disagree, which is a defect of ours.
            SpecError::Invalid(vec![Fault { pointer: String::new(), detail: error.to_string() }])
        })?;
        let timeout = seconds_or(raw.timeout_seconds, DEFAULT_RUN_TIMEOUT);
        let index: HashMap<String, usize> =
            raw.steps.iter().enumerate().map(|(place, step)| (step.id().to_owned(), place)).collect();
        let mut steps: Vec<Step> = raw
            .steps
            .into_iter()
            .enumerate()
            .map(|(place, step)| step.read(place, &index, timeout))
            .collect();
        let ancestors = ancestors(&steps);
        steps.iter_mut().zip(ancestors).for_each(|(step, ancestors)| step.ancestors = ancestors);
        let max_parallel = raw.max_parallel.unwrap_or(DEFAULT_MAX_PARALLEL);
        let secrets = dag_spec.get("params").map(params::secrets::paths).unwrap_or_default();
        Ok(Self { steps, max_parallel, timeout, output: raw.output, secrets })
    }

    /// For each step the places of those it depends on.
    pub fn dependencies(&self) -> Vec<Vec<usize>> {
        self.steps.iter().map(|step| step.depends_on.clone()).collect()
    }
}

/// The kind of a spec that is not ours to run.
pub fn opaque_kind(dag_spec: &Value) -> Option<&str> {
    dag_spec.get("kind").and_then(Value::as_str).filter(|kind| *kind != shape::DAG_V1)
}

impl RawStep {
    fn id(&self) -> &str {
        match self {
            Self::Noop(id) => id,
            Self::Step(fields) => &fields.id,
        }
    }

    fn read(self, place: usize, index: &HashMap<String, usize>, run_timeout: Duration) -> Step {
        match self {
            Self::Noop(id) => Step {
                id,
                kind: StepKind::Noop,
                depends_on: place.checked_sub(1).into_iter().collect(),
                ancestors: Vec::new(),
                run_if: RunIf::AllSuccess,
                condition: None,
                for_each: None,
                with: Value::Null,
                output: None,
                timeout: DEFAULT_TIMEOUT.min(run_timeout),
                retry: Retry::NEVER,
                continue_on_error: false,
            },
            Self::Step(fields) => Step {
                kind: fields.r#type,
                depends_on: fields.depends_on.iter().filter_map(|id| index.get(id).copied()).collect(),
                ancestors: Vec::new(),
                run_if: fields.run_if,
                condition: fields.r#if,
                for_each: fields.for_each,
                with: fields.with,
                output: fields.output,
                timeout: seconds_or(fields.timeout_seconds, DEFAULT_TIMEOUT).min(run_timeout),
                retry: fields.retry.unwrap_or(Retry::NEVER),
                continue_on_error: fields.continue_on_error,
                id: fields.id,
            },
        }
    }
}

/// Of steps without cycles.
fn ancestors(steps: &[Step]) -> Vec<Vec<usize>> {
    (0..steps.len())
        .map(|place| {
            let mut found = vec![false; steps.len()];
            let mut open = steps[place].depends_on.clone();
            while let Some(next) = open.pop() {
                if !std::mem::replace(&mut found[next], true) {
                    open.extend(&steps[next].depends_on);
                }
            }
            (0..steps.len()).filter(|place| found[*place]).collect()
        })
        .collect()
}

fn seconds_or(seconds: Option<usize>, otherwise: Duration) -> Duration {
    seconds.map_or(otherwise, |seconds| Duration::from_secs(seconds as u64))
}

/// A whole number, which may be written `3.0`. The checks have asked for its bounds.
fn whole<'de, D: serde::Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    Ok(f64::deserialize(from)? as usize)
}

fn maybe_whole<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<usize>, D::Error> {
    Ok(Option::<f64>::deserialize(from)?.map(|number| number as usize))
}

fn some<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

fn one() -> usize {
    1
}

fn three() -> usize {
    3
}

fn one_second() -> f64 {
    1.0
}

fn double() -> f64 {
    2.0
}

fn a_minute() -> f64 {
    60.0
}

#[cfg(test)]
mod tests;
