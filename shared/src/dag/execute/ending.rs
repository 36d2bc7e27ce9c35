//! How steps and runs end: what is told of it.

use serde_json::Value;

use super::attempt::{self, OUTPUT_TOO_LARGE, Tools, rendered};
use super::kinds::UNAVAILABLE;
use super::state::{Output, State};
use super::{Ended, Journal, MAX_OUTPUT_BYTES, OUTPUT_FAILED, STEP_FAILED};
use crate::dag::evaluate::Context;
use crate::dag::plan::{End, Task};
use crate::dag::spec::Step;
use crate::steps::{SkipReason, StepError};

/// The error of a step of whose items too many have failed.
const ITEMS_FAILED: &str = "items_failed";
/// What is kept of a message, in bytes.
const MAX_MESSAGE_BYTES: usize = 8 * 1024;
/// Steps that a run's message names besides the first.
const MAX_NAMED: usize = 10;

/// A step that has ended.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) end: End,
    pub(super) attempts: usize,
    pub(super) output: Option<Output>,
    pub(super) error: Option<StepError>,
}

impl Whole {
    pub(super) fn skipped(reason: SkipReason) -> Self {
        Self { end: End::Skipped(reason), attempts: 0, output: None, error: None }
    }

    pub(super) fn failed(error: StepError, attempts: usize) -> Self {
        Self { end: End::Failed, attempts, output: None, error: Some(bounded(error)) }
    }
}

/// A step whose tasks have ended so. Its output may turn out too large.
pub(super) async fn whole<J: Journal>(
    tools: &Tools<J>,
    step: &Step,
    state: &State,
    tasks: &[Task],
    end: End,
) -> Whole {
    let attempts = state.tasks.iter().map(|task| task.attempts).sum();
    if end == End::Failed {
        return Whole::failed(error(step, state, tasks), attempts);
    }
    let output = match (&state.items, state.tasks.first()) {
        (None, Some(task)) => task.output.clone().unwrap_or_else(|| Output::inline(Value::Null)),
        // It does nothing.
        (None, None) => Output::inline(Value::Null),
        (Some(_), _) => match list(tools, step, state).await {
            Ok(output) => output,
            Err(error) => return Whole::failed(error, attempts),
        },
    };
    Whole { end, attempts, output: Some(output), error: None }
}

/// The outputs of the items in their order; null stands for one that failed and may.
async fn list<J: Journal>(tools: &Tools<J>, step: &Step, state: &State) -> Result<Output, StepError> {
    let values = state
        .tasks
        .iter()
        .map(|task| task.output.as_ref().map_or(Value::Null, |output| (*output.value).clone()));
    attempt::kept(tools, step, None, Value::Array(values.collect())).await.map_err(|failure| failure.error)
}

fn error(step: &Step, state: &State, tasks: &[Task]) -> StepError {
    let Some(for_each) = &step.for_each else {
        let error = state.tasks.first().and_then(|task| task.error.clone());
        return error.unwrap_or_else(|| StepError {
            error: "internal".to_owned(),
            message: "it has failed".to_owned(),
        });
    };
    let failed: Vec<_> =
        state.tasks.iter().zip(tasks).enumerate().filter(|(_, (_, at))| **at == Task::Failed).collect();
    let first = failed.first().and_then(|(item, (task, _))| Some((item, task.error.as_ref()?)));
    let first = first.map(|(item, error)| format!("; item {item}: {}: {}", error.error, error.message));
    let message = format!(
        "{} of {} items failed, {} may{}",
        failed.len(),
        state.tasks.len(),
        for_each.tolerated_failures,
        first.unwrap_or_default()
    );
    StepError { error: ITEMS_FAILED.to_owned(), message }
}

/// A run of which these steps have failed: their ids, their attempts, their errors.
pub(super) fn failed(steps: &[(&str, usize, Option<&StepError>)]) -> Ended {
    let mut message = match steps.first() {
        Some((id, attempts, error)) => {
            let attempts = match attempts {
                0 => "before its first attempt".to_owned(),
                1 => "after 1 attempt".to_owned(),
                more => format!("after {more} attempts"),
            };
            let error =
                error.map(|error| format!(": {}: {}", error.error, error.message)).unwrap_or_default();
            format!("step {id} failed {attempts}{error}")
        }
        None => "a step failed".to_owned(),
    };
    let others: Vec<_> = steps.iter().skip(1).map(|(id, _, _)| *id).collect();
    if !others.is_empty() {
        let named = others[..others.len().min(MAX_NAMED)].join(", ");
        let more = if others.len() > MAX_NAMED { ", …" } else { "" };
        // In front, as the end of a long message is cut.
        message = format!("{} steps failed, also {named}{more}: {message}", steps.len());
    }
    Ended::failed(STEP_FAILED, cut(&message), true)
}

/// A run whose steps have ended well, with what its spec makes of their outputs.
pub(super) async fn output<J>(tools: &Tools<J>, template: &Value, context: &Context) -> Ended {
    match rendered(&tools.evaluators, context, None, template, MAX_OUTPUT_BYTES).await {
        Ok(value) => match (attempt::unstorable(&value, 0), value.to_string().len()) {
            (Some(fault), _) => {
                no_output(&StepError { error: OUTPUT_FAILED.to_owned(), message: format!("it {fault}") })
            }
            (None, bytes) if bytes > MAX_OUTPUT_BYTES => {
                let message = format!("it has {bytes} bytes of JSON, and may have {MAX_OUTPUT_BYTES}");
                no_output(&StepError { error: OUTPUT_TOO_LARGE.to_owned(), message })
            }
            (None, _) => Ended::Succeeded { output: Some(tools.mask.value(value)) },
        },
        Err(error) => no_output(&tools.masked(error)),
    }
}

/// A run whose steps have ended well, but whose output cannot be had. Another attempt would find the same, unless the machine had no time.
pub(super) fn no_output(error: &StepError) -> Ended {
    let message =
        format!("all steps have ended, but the run's output failed: {}: {}", error.error, error.message);
    Ended::failed(OUTPUT_FAILED, cut(&message), error.error == UNAVAILABLE)
}

/// An error that can be stored.
pub(super) fn bounded(error: StepError) -> StepError {
    let name: String = error.error.chars().filter(|char| *char != '\0').take(100).collect();
    StepError { error: if name.is_empty() { "error".to_owned() } else { name }, message: cut(&error.message) }
}

fn cut(message: &str) -> String {
    let message = message.replace('\0', "\u{fffd}");
    if message.len() <= MAX_MESSAGE_BYTES {
        return message;
    }
    let mut end = MAX_MESSAGE_BYTES - '…'.len_utf8();
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &message[..end])
}
