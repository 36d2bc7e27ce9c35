//! What an execution knows of each step, and of each item of those that have several.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::dag::evaluate::Context;
use crate::dag::plan::{End, Progress, Task};
use crate::dag::spec::Step;
use crate::steps::{SkipReason, StepError, StepRecord, StepStatus};

/// One step.
#[derive(Debug, Default)]
pub(super) struct State {
    /// How it has ended, once it has.
    pub(super) end: Option<Result<Arc<Value>, Option<StepError>>>,
    /// One, or one for each item, once they are known.
    pub(super) tasks: Vec<TaskState>,
    /// The items, if it has `for_each`.
    pub(super) items: Option<Arc<Vec<Value>>>,
    /// What its expressions see.
    pub(super) context: Option<Arc<Context>>,
    /// When it began.
    pub(super) started_at: Option<DateTime<Utc>>,
    /// Attempts of all its items.
    pub(super) attempts: usize,
    /// Its beginning is stored.
    pub(super) is_known: bool,
}

/// A step without `for_each`, or one item.
#[derive(Clone, Debug, Default)]
pub(super) struct TaskState {
    /// How many attempts have begun.
    pub(super) attempts: usize,
    pub(super) started_at: Option<DateTime<Utc>>,
    pub(super) finished_at: Option<DateTime<Utc>>,
    /// Of the last attempt.
    pub(super) error: Option<StepError>,
    pub(super) output: Option<Output>,
    /// When a wait is over that has begun.
    pub(super) waits_until: Option<DateTime<Utc>>,
    /// Its beginning is stored.
    pub(super) is_known: bool,
}

/// What a step or an item gave.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Output {
    pub(super) value: Arc<Value>,
    /// As compact JSON.
    pub(super) bytes: usize,
    /// The key of its object, if the database does not have it.
    pub(super) key: Option<String>,
}

impl Output {
    /// A value of so many bytes, which the database has.
    pub(super) fn inline(value: Value) -> Self {
        let bytes = value.to_string().len();
        Self { value: Arc::new(value), bytes, key: None }
    }
}

/// What `.steps.<id>` is.
pub(super) fn seen(step: &State, progress: &Progress) -> Option<Value> {
    let Progress::Ended(end) = progress else { return None };
    let (output, error) = match &step.end {
        Some(Ok(output)) => ((**output).clone(), Value::Null),
        Some(Err(Some(error))) => (Value::Null, serde_json::to_value(error).unwrap_or_default()),
        Some(Err(None)) | None => (Value::Null, Value::Null),
    };
    let mut fields = Map::new();
    fields.insert("status".to_owned(), status(*end).0.as_str().into());
    fields.insert("output".to_owned(), output);
    fields.insert("error".to_owned(), error);
    fields.insert("attempts".to_owned(), step.attempts.into());
    Some(Value::Object(fields))
}

/// An end as it is stored.
pub(super) fn status(end: End) -> (StepStatus, Option<SkipReason>) {
    match end {
        End::Succeeded => (StepStatus::Succeeded, None),
        End::Failed => (StepStatus::Failed, None),
        End::Skipped(reason) => (StepStatus::Skipped, Some(reason)),
    }
}

/// A record of which nothing is known but what it is of.
pub(super) fn blank(step: &Step, item: Option<usize>, status: StepStatus) -> StepRecord {
    StepRecord {
        step_id: step.id.clone(),
        item: item.and_then(|item| i32::try_from(item).ok()),
        status,
        reason: None,
        attempts: 0,
        output: None,
        output_ref: None,
        output_bytes: None,
        error: None,
        started_at: None,
        finished_at: None,
        resume_at: None,
        run_attempt: 0,
    }
}

/// What is stored of a step without `for_each`, or of an item, that is so far.
pub(super) fn record(step: &Step, item: Option<usize>, state: &TaskState, task: Task) -> StepRecord {
    let (status, resume_at) = match task {
        // It has begun, and is not being worked on: its next attempt is due.
        Task::Due => (StepStatus::Pending, state.finished_at),
        Task::At(time) if state.waits_until.is_some() => (StepStatus::Running, Some(time)),
        Task::At(time) => (StepStatus::Pending, Some(time)),
        Task::Working => (StepStatus::Running, state.waits_until),
        Task::Succeeded => (StepStatus::Succeeded, None),
        Task::Failed => (StepStatus::Failed, None),
    };
    let output = state.output.as_ref().filter(|_| status == StepStatus::Succeeded);
    StepRecord {
        attempts: i32::try_from(state.attempts).unwrap_or(i32::MAX),
        output: output.filter(|output| output.key.is_none()).map(|output| (*output.value).clone()),
        output_ref: output.and_then(|output| output.key.clone()),
        output_bytes: output.map(|output| output.bytes as i64),
        error: state.error.clone().filter(|_| status != StepStatus::Succeeded),
        started_at: state.started_at,
        finished_at: state.finished_at.filter(|_| status.is_terminal()),
        resume_at,
        ..blank(step, item, status)
    }
}
