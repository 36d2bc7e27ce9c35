//! One attempt of a step, or of one of its items: render `with`, run, make the output, check its size.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::context::is_plain;
use super::ending;
use super::kinds::{self, Given, KnownConnections};
use super::state::Output;
use super::{Journal, MAX_CONTEXT_BYTES, MAX_OUTPUT_BYTES, RunContext, Spill};
use crate::dag::evaluate::{Ask, Context, EvaluateError, Evaluators};
use crate::dag::limits::MAX_DEPTH;
use crate::dag::shape::CONNECTION;
use crate::dag::spec::{Step, StepKind};
use crate::reach::mask::Mask;
use crate::reach::{Reach, ReachFailure};
use crate::steps::StepError;

/// The error of an attempt that took longer than it may.
pub(super) const TIMEOUT: &str = "timeout";
/// Of one whose expressions cannot be evaluated.
pub(super) const EXPRESSION_FAILED: &str = "expression_failed";
/// Of one whose output is too large.
pub(super) const OUTPUT_TOO_LARGE: &str = "output_too_large";
/// What is kept of the time of a worker that has little, for the output of an attempt.
const TIME_FOR_OUTPUT: Duration = Duration::from_secs(2);
/// How much longer than it may an attempt is waited for that ends by itself.
const GRACE: Duration = Duration::from_secs(3);
/// However little time is left, an attempt that is made has this much.
const LEAST_TIME: Duration = Duration::from_secs(1);
/// Attempts that do nothing outside and are under way at once, at most: their expressions take turns anyway, and what they have rendered lies in memory.
const AT_ONCE: usize = 4;
/// What a rendered `with` may have at least, in bytes; where outputs may have more, as much as they.
const MAX_WITH_BYTES: usize = 1024 * 1024;
/// Fields of `with` that are taken as they stand.
const NOT_TEMPLATED: [&str; 5] = [CONNECTION, "statement", "method", "invocation", "success_status"];

/// What an attempt needs besides its step.
#[derive(Debug)]
pub(super) struct Tools<J> {
    pub(super) run: RunContext,
    pub(super) journal: Arc<J>,
    pub(super) evaluators: Arc<Evaluators>,
    pub(super) spill: Option<Arc<dyn Spill>>,
    pub(super) reach: Arc<Reach>,
    /// The secrets that this execution has come to know.
    pub(super) mask: Mask,
    /// The connections that it has asked for.
    pub(super) connections: KnownConnections,
    places: Semaphore,
}

impl<J> Tools<J> {
    pub(super) fn new(
        run: RunContext,
        journal: Arc<J>,
        evaluators: Arc<Evaluators>,
        spill: Option<Arc<dyn Spill>>,
        reach: Arc<Reach>,
        mask: Mask,
    ) -> Self {
        Self {
            run,
            journal,
            evaluators,
            spill,
            reach,
            mask,
            connections: KnownConnections::default(),
            places: Semaphore::new(AT_ONCE),
        }
    }

    /// An error without secrets.
    pub(super) fn masked(&self, error: StepError) -> StepError {
        // As much as is kept of it: an expression may make a message as long as it likes.
        let error = ending::bounded(error);
        let clear = |text: &str| self.mask.text(text).into_owned();
        StepError { error: clear(&error.error), message: clear(&error.message) }
    }

    /// How long an output may be, in bytes.
    fn most(&self) -> usize {
        if self.spill.is_some() { MAX_CONTEXT_BYTES } else { MAX_OUTPUT_BYTES }
    }
}

/// Which attempt.
#[derive(Clone, Debug)]
pub(super) struct One {
    /// The item and its place, if the step has `for_each`.
    pub(super) item: Option<(usize, Value)>,
    /// When the wait was over that is over now.
    pub(super) waited_until: Option<DateTime<Utc>>,
    /// When it has to have ended, if anybody knows.
    pub(super) ends_at: Option<Instant>,
}

impl One {
    /// How long it may run from now on, so that there is time left for what comes after it.
    fn timeout(&self, step: &Step) -> Duration {
        let left =
            self.ends_at.map(|ends_at| ends_at.saturating_duration_since(Instant::now() + TIME_FOR_OUTPUT));
        left.map_or(step.timeout, |left| step.timeout.min(left.max(LEAST_TIME)))
    }
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It has succeeded.
    Done(Output),
    /// It goes on then.
    Wait(DateTime<Utc>),
    /// It has failed.
    Failed(Failure),
}

/// Why an attempt has failed, and whether its type would have it tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) error: StepError,
    /// By default: the step's `retry` may say otherwise.
    pub(super) passes: bool,
    /// The next attempt comes no sooner than this from now on: the other side has asked for it.
    pub(super) retry_after: Option<Duration>,
}

impl Failure {
    pub(super) fn new(error: &str, message: impl Into<String>) -> Self {
        StepError { error: error.to_owned(), message: message.into() }.into()
    }

    /// One that may go better later.
    pub(super) fn passing(error: &str, message: impl Into<String>) -> Self {
        Self { passes: true, ..Self::new(error, message) }
    }
}

impl From<StepError> for Failure {
    fn from(error: StepError) -> Self {
        let passes = error.error == kinds::UNAVAILABLE;
        Self { error, passes, retry_after: None }
    }
}

impl From<ReachFailure> for Failure {
    fn from(failure: ReachFailure) -> Self {
        let ReachFailure { error, message, passes, retry_after } = failure;
        Self { error: StepError { error, message }, passes, retry_after }
    }
}

/// Makes the attempt.
pub(super) async fn attempt<J: Journal>(
    tools: &Tools<J>,
    step: &Step,
    context: &Context,
    one: &One,
) -> Outcome {
    match try_attempt(tools, step, context, one).await {
        Ok(outcome) => outcome,
        Err(failure) => {
            let error = tools.masked(failure.error);
            Outcome::Failed(Failure { error, ..failure })
        }
    }
}

async fn try_attempt<J: Journal>(
    tools: &Tools<J>,
    step: &Step,
    context: &Context,
    one: &One,
) -> Result<Outcome, Failure> {
    let _place = match step.kind {
        StepKind::Transform | StepKind::Fail | StepKind::Wait => tools.places.acquire().await.ok(),
        _ => None,
    };
    let mut beside = Map::new();
    if let Some((index, item)) = &one.item {
        beside.insert("item".to_owned(), item.clone());
        beside.insert("index".to_owned(), (*index).into());
    }
    // Held until its result is kept: answers lie in memory until then.
    let _turn = if step.kind.is_outside() { Some(tools.reach.turn(tools.run.tenant_id).await) } else { None };
    let result = match one.waited_until {
        Some(until) => kinds::waited(until),
        None => {
            let with = with(tools, step, context, &beside).await?;
            let timeout = one.timeout(step);
            let run = kinds::run(tools, step, one.item.as_ref().map(|(index, _)| *index), with, timeout);
            // What reaches out keeps the time itself, and may know more by then: whether it took place.
            let most = if step.kind.is_outside() { timeout + GRACE } else { timeout };
            match tokio::time::timeout(most, run).await {
                Ok(given) => match given? {
                    Given::Value(value) => value,
                    Given::Until(until) => return Ok(Outcome::Wait(until)),
                },
                Err(_) => {
                    let message = format!("it took longer than {} s", timeout.as_secs_f64());
                    let passes = kinds::is_retried(step.kind, TIMEOUT);
                    return Err(Failure { passes, ..Failure::new(TIMEOUT, message) });
                }
            }
        }
    };
    // Expressions never see a secret that a service has sent back: what they make of it, nobody could recognise.
    let result = tools.mask.value(result);
    let most = tools.most();
    let value = match &step.output {
        None => result,
        Some(template) => {
            beside.insert("result".to_owned(), result);
            rendered(&tools.evaluators, context, Some(beside), template, most).await?
        }
    };
    Ok(Outcome::Done(kept(tools, step, one.item.as_ref().map(|(index, _)| *index), value).await?))
}

/// `with`, rendered.
async fn with<J: Journal>(
    tools: &Tools<J>,
    step: &Step,
    context: &Context,
    beside: &Map<String, Value>,
) -> Result<Map<String, Value>, StepError> {
    let Value::Object(fields) = &step.with else { return Ok(Map::new()) };
    let (as_they_stand, templates): (Map<_, _>, Map<_, _>) =
        fields.clone().into_iter().partition(|(name, _)| NOT_TEMPLATED.contains(&name.as_str()));
    let beside = (!beside.is_empty()).then(|| beside.clone());
    let rendered = rendered(
        &tools.evaluators,
        context,
        beside,
        &Value::Object(templates),
        tools.most().max(MAX_WITH_BYTES),
    )
    .await?;
    let mut with = as_they_stand;
    if let Value::Object(fields) = rendered {
        with.extend(fields);
    }
    Ok(with)
}

/// The value of a template.
pub(super) async fn rendered(
    evaluators: &Evaluators,
    context: &Context,
    beside: Option<Map<String, Value>>,
    template: &Value,
    max_bytes: usize,
) -> Result<Value, StepError> {
    if is_plain(template) {
        return Ok(template.clone());
    }
    let beside = beside.map(Value::Object);
    let ask = Ask { context, beside: beside.as_ref(), template, max_bytes };
    evaluators.evaluate(ask).await.map_err(|error| StepError {
        error: match &error {
            EvaluateError::TooLarge { .. } => OUTPUT_TOO_LARGE,
            EvaluateError::NotStarted(_) => kinds::UNAVAILABLE,
            EvaluateError::Failed(_) | EvaluateError::TooSlow(_) | EvaluateError::Ended(_) => {
                EXPRESSION_FAILED
            }
        }
        .to_owned(),
        message: error.to_string(),
    })
}

/// Keeps what a step or an item gave: with its result, or apart when it is large.
pub(super) async fn kept<J: Journal>(
    tools: &Tools<J>,
    step: &Step,
    item: Option<usize>,
    value: Value,
) -> Result<Output, Failure> {
    let most = tools.most();
    // What the step has reached may have sent back what it was sent. Expressions see what is kept, and nothing else: on whichever worker.
    let value = tools.mask.value(value);
    if let Some(fault) = unstorable(&value, 0) {
        return Err(Failure::new("output_not_storable", format!("its output {fault}")));
    }
    let output = Output::inline(value);
    if output.bytes > most {
        let message = format!("its output has {} bytes of JSON, and may have {most}", output.bytes);
        return Err(Failure::new(OUTPUT_TOO_LARGE, message));
    }
    match &tools.spill {
        Some(spill) if output.bytes > MAX_OUTPUT_BYTES => {
            let run = &tools.run;
            let item = item.map(|item| format!("/{item}")).unwrap_or_default();
            let key = format!("{}/{}/{}/{}{item}.json", run.tenant_id, run.id, run.attempt, step.id);
            let json = output.value.to_string().into_bytes();
            spill.put(&key, json).await.map_err(|error| {
                // The cause is for whoever runs the worker, not for whoever reads the run.
                tracing::warn!(error, "an output was not put into the bucket");
                Failure::passing(kinds::UNAVAILABLE, "its output could not be put into the bucket")
            })?;
            Ok(Output { key: Some(key), ..output })
        }
        _ => Ok(output),
    }
}

/// What keeps a value from being stored and sent, as the rest of a sentence. `depth`: how many lists and objects stand around it.
pub(super) fn unstorable(value: &Value, depth: usize) -> Option<String> {
    const NUL: &str = "has a text with a NUL character, which Postgres cannot store";
    match value {
        Value::Array(_) | Value::Object(_) if depth >= MAX_DEPTH => {
            Some(format!("has more than {MAX_DEPTH} lists and objects within each other"))
        }
        Value::Array(items) => items.iter().find_map(|item| unstorable(item, depth + 1)),
        Value::Object(fields) => fields.iter().find_map(|(key, field)| {
            if key.contains('\0') { Some(NUL.to_owned()) } else { unstorable(field, depth + 1) }
        }),
        Value::String(text) => text.contains('\0').then(|| NUL.to_owned()),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// How long an attempt of a step may take, as far as anybody can tell before.
pub(super) fn takes(step: &Step) -> Duration {
    /// Expressions of an attempt: `with` and `output`, each with its own deadline.
    const EXPRESSIONS: Duration = Duration::from_secs(10);
    match step.kind {
        StepKind::Noop => Duration::ZERO,
        StepKind::Transform | StepKind::Wait | StepKind::Artifact | StepKind::Fail => EXPRESSIONS,
        StepKind::Http | StepKind::Sql | StepKind::Lambda | StepKind::Sqs => step.timeout + EXPRESSIONS,
    }
}
