//! Going on with a run: from what was stored of its steps to how far they are.

use std::collections::HashMap;

use serde_json::Value;

use super::state::{Output, State, TaskState};
use super::{Spill, Stored};
use crate::dag::plan::{End, Progress, Task};
use crate::dag::spec::Spec;
use crate::steps::{StepRecord, StepStatus, counting};

/// How far a run is.
#[derive(Debug, Default)]
pub(super) struct Resumed {
    pub(super) progress: Vec<Progress>,
    pub(super) states: Vec<State>,
    /// What was stored of steps and items that have not ended, by the place of the step and the item's.
    pub(super) tasks: HashMap<(usize, usize), (TaskState, Task)>,
    /// Outputs, in bytes.
    pub(super) bytes: usize,
}

/// An output that is kept elsewhere cannot be had.
#[derive(Debug)]
pub(super) enum ResumeError {
    /// This worker has no bucket.
    NoBucket(String),
    /// The bucket does not give it, just now or ever.
    Unreadable(String),
}

/// Nothing was stored.
pub(super) fn untouched(spec: &Spec) -> Resumed {
    Resumed {
        progress: vec![Progress::Pending; spec.steps.len()],
        states: spec.steps.iter().map(|_| State::default()).collect(),
        ..Resumed::default()
    }
}

/// How far it is in its attempt `attempt`.
///
/// # Errors
/// [`ResumeError`].
pub(super) async fn resume(
    spec: &Spec,
    attempt: i32,
    stored: Stored,
    spill: Option<&dyn Spill>,
) -> Result<Resumed, ResumeError> {
    let places: HashMap<&str, usize> =
        spec.steps.iter().enumerate().map(|(place, step)| (step.id.as_str(), place)).collect();
    let mut whole: Vec<Option<StepRecord>> = vec![None; spec.steps.len()];
    let mut parts = Vec::new();
    for record in stored.records {
        // Of a step that the spec does not have: reported by somebody else.
        let Some(&place) = places.get(record.step_id.as_str()) else { continue };
        match record.item {
            None => whole[place] = Some(record),
            Some(item) => parts.push((place, item, record)),
        }
    }
    let rows: Vec<_> = whole
        .iter()
        .map(|record| record.as_ref().map(|record| (record.run_attempt, record.status)))
        .collect();
    let dependencies = spec.dependencies();
    let counts = counting(&dependencies, &rows, attempt);
    // Whether a result of a step is as good as new, if it is of that attempt of the run.
    let is_current = |place: usize, of: i32, status: StepStatus| {
        of == attempt
            || status == StepStatus::Succeeded
                && dependencies[place]
                    .iter()
                    .all(|&on| counts[on] && rows[on].is_some_and(|(before, _)| before <= of))
    };

    let mut resumed = untouched(spec);
    for (place, record) in whole.into_iter().enumerate() {
        let Some(record) = record else { continue };
        let state = &mut resumed.states[place];
        match end(&record).filter(|_| counts[place]) {
            Some(End::Succeeded) => {
                let output = output(&record, spill).await?;
                resumed.bytes += output.bytes;
                state.end = Some(Ok(output.value));
                resumed.progress[place] = Progress::Ended(End::Succeeded);
            }
            Some(end) => {
                state.end = Some(Err(record.error));
                resumed.progress[place] = Progress::Ended(end);
            }
            None if record.run_attempt == attempt => {
                state.started_at = record.started_at;
                state.is_known = true;
                if spec.steps[place].for_each.is_none() {
                    resumed.tasks.insert((place, 0), task(&record, None));
                }
            }
            None => {}
        }
        if matches!(resumed.progress[place], Progress::Ended(_)) {
            state.attempts = usize::try_from(record.attempts).unwrap_or_default();
            state.started_at = record.started_at;
        }
    }
    for (place, item, record) in parts {
        let has_ended = matches!(resumed.progress[place], Progress::Ended(_));
        let Some(item) = usize::try_from(item).ok().filter(|_| !has_ended) else { continue };
        if is_current(place, record.run_attempt, record.status) {
            let output = match record.status {
                StepStatus::Succeeded => Some(output(&record, spill).await?),
                _ => None,
            };
            resumed.bytes += output.as_ref().map_or(0, |output| output.bytes);
            resumed.tasks.insert((place, item), task(&record, output));
        }
    }
    Ok(resumed)
}

/// None: it has not ended.
fn end(record: &StepRecord) -> Option<End> {
    match record.status {
        StepStatus::Succeeded => Some(End::Succeeded),
        StepStatus::Failed => Some(End::Failed),
        StepStatus::Skipped => record.reason.map(End::Skipped),
        StepStatus::Pending | StepStatus::Running | StepStatus::Cancelled => None,
    }
}

async fn output(record: &StepRecord, spill: Option<&dyn Spill>) -> Result<Output, ResumeError> {
    let Some(key) = &record.output_ref else {
        return Ok(Output::inline(record.output.clone().unwrap_or_default()));
    };
    let Some(spill) = spill else {
        return Err(ResumeError::NoBucket(format!(
            "the output of step {} is kept in a bucket, and this worker has none: set OUTPUT_BUCKET",
            record.step_id
        )));
    };
    let read = spill.get(key).await;
    let value =
        read.and_then(|json| serde_json::from_slice::<Value>(&json).map_err(|error| error.to_string()));
    let value = value.map_err(|error| {
        ResumeError::Unreadable(format!("the output of step {} cannot be read: {error}", record.step_id))
    })?;
    Ok(Output { key: Some(key.clone()), ..Output::inline(value) })
}

/// A step or an item as it goes on.
fn task(record: &StepRecord, output: Option<Output>) -> (TaskState, Task) {
    let attempts = usize::try_from(record.attempts).unwrap_or_default();
    let mut state = TaskState {
        attempts,
        started_at: record.started_at,
        error: record.error.clone(),
        output,
        is_known: true,
        ..TaskState::default()
    };
    let task = match (record.status, record.resume_at) {
        (StepStatus::Succeeded, _) => Task::Succeeded,
        (StepStatus::Failed | StepStatus::Skipped | StepStatus::Cancelled, _) => Task::Failed,
        (StepStatus::Pending, Some(time)) => Task::At(time),
        (StepStatus::Pending, None) => Task::Due,
        (StepStatus::Running, Some(time)) => {
            state.waits_until = Some(time);
            Task::At(time)
        }
        // Its worker went away: the same attempt begins again, under the same idempotency key.
        (StepStatus::Running, None) => {
            state.attempts = attempts.saturating_sub(1);
            Task::Due
        }
    };
    (state, task)
}
