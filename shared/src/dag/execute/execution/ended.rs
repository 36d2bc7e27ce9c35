//! What becomes of an execution when something has ended.

use std::sync::Arc;

use chrono::TimeDelta;
use tokio::task::{Id, JoinError};

use super::{Event, Execution, What};
use crate::dag::execute::attempt::{Failure, Outcome};
use crate::dag::execute::begin::Begun;
use crate::dag::execute::ending::{self, Whole};
use crate::dag::execute::{Journal, MAX_CONTEXT_BYTES, state};
use crate::dag::plan::{End, Progress, Task};
use crate::dag::spec::Step;
use crate::steps::{SkipReason, StepError, StepRecord, StepStatus};

impl<J: Journal> Execution<J> {
    pub(super) fn handle(&mut self, joined: Result<(Id, Event), JoinError>) {
        let (step, what) = match joined {
            Ok((id, Event { step, what })) => {
                self.names.remove(&id);
                (step, what)
            }
            Err(error) => {
                // Stopped by us; else a panic, which is a defect of ours and fails this step alone.
                let Some((step, task)) = self.names.remove(&error.id()).filter(|_| error.is_panic()) else {
                    return;
                };
                tracing::error!(step.id = self.spec.steps[step].id, "the worker panicked in this step");
                let failure =
                    Failure::new("internal", "the worker went wrong in this step; its log says how");
                let what = match task {
                    None => What::Begun(Begun::Failed(failure.error)),
                    Some(task) => What::Attempted(task, Outcome::Failed(failure)),
                };
                (step, what)
            }
        };
        match what {
            What::Begun(Begun::Open(items)) => self.open(step, items),
            What::Begun(Begun::Skipped) => self.skip(step),
            What::Begun(Begun::Failed(error)) => self.fail(step, self.tools.masked(error)),
            What::Attempted(task, outcome) => self.attempted(step, task, outcome),
        }
    }

    pub(super) fn attempted(&mut self, step: usize, task: usize, outcome: Outcome) {
        let now = self.now();
        let outcome = match outcome {
            Outcome::Done(output) if self.bytes + output.bytes > MAX_CONTEXT_BYTES => {
                let message =
                    format!("the outputs of the run would have more than {MAX_CONTEXT_BYTES} bytes of JSON");
                Outcome::Failed(Failure::new("context_too_large", message))
            }
            other => other,
        };
        let spec = Arc::clone(&self.spec);
        let one = &spec.steps[step];
        let state = &mut self.states[step].tasks[task];
        state.finished_at = Some(now);
        state.waits_until = None;
        let to = match outcome {
            Outcome::Done(output) => {
                self.bytes += output.bytes;
                state.output = Some(output);
                state.error = None;
                Task::Succeeded
            }
            Outcome::Wait(until) => {
                state.waits_until = Some(until);
                Task::At(until)
            }
            Outcome::Failed(failure) => {
                let again = state.attempts < one.retry.max_attempts && is_retried(one, &failure);
                state.error = Some(ending::bounded(failure.error));
                if again {
                    let delay = one.retry.delay(state.attempts, fastrand::f64());
                    let delay = failure.retry_after.map_or(delay, |asked| delay.max(asked));
                    Task::At(now + TimeDelta::from_std(delay).unwrap_or(TimeDelta::days(1)))
                } else {
                    Task::Failed
                }
            }
        };
        self.set(step, task, to);
        if let Progress::Open(tasks) = &self.progress[step]
            && !tasks.contains(&Task::Working)
        {
            // It may wait for long, and as many may wait as there are steps.
            self.states[step].context = None;
        }
        let is_item = self.states[step].items.is_some();
        // The end of a step that is no item's is recorded when the plan says that it has ended.
        if is_item || matches!(to, Task::At(_)) {
            let part = is_item.then_some(task);
            self.results.push(state::record(one, part, &self.states[step].tasks[task], to));
            self.known(step, part);
        }
    }

    /// Records the end of a step, which may turn out to be another one.
    pub(super) async fn end(&mut self, step: usize, end: End) -> End {
        let spec = Arc::clone(&self.spec);
        let one = &spec.steps[step];
        let now = self.now();
        let whole = match end {
            End::Skipped(reason) => Whole::skipped(reason),
            End::Succeeded | End::Failed => {
                let tasks = match &self.progress[step] {
                    Progress::Open(tasks) => tasks.as_slice(),
                    Progress::Pending | Progress::Beginning | Progress::Ended(_) => &[],
                };
                // What waits for another attempt that will not come.
                for (task, at) in tasks.iter().enumerate() {
                    let state = &self.states[step].tasks[task];
                    if self.states[step].items.is_some()
                        && matches!(at, Task::At(_) | Task::Due)
                        && state.is_known
                    {
                        let record = state::blank(one, Some(task), StepStatus::Cancelled);
                        let attempts = i32::try_from(state.attempts).unwrap_or(i32::MAX);
                        self.results.push(StepRecord { attempts, finished_at: Some(now), ..record });
                    }
                }
                ending::whole(&self.tools, one, &self.states[step], tasks, end).await
            }
        };
        self.close(step, whole)
    }

    pub(super) fn skip(&mut self, step: usize) {
        self.close(step, Whole::skipped(SkipReason::Condition));
    }

    /// A step that has failed without an attempt, or whatever its attempts have led to.
    pub(super) fn fail(&mut self, step: usize, error: StepError) {
        self.close(step, Whole::failed(error, 0));
    }

    pub(super) fn close(&mut self, step: usize, whole: Whole) -> End {
        let now = self.now();
        let state = &mut self.states[step];
        // It may be as long as all outputs of the run.
        (state.context, state.items) = (None, None);
        state.attempts = whole.attempts;
        let (status, reason) = state::status(whole.end);
        // A step that does nothing begins as it ends.
        if status != StepStatus::Skipped {
            state.started_at.get_or_insert(now);
        }
        let record = StepRecord {
            reason,
            attempts: i32::try_from(whole.attempts).unwrap_or(i32::MAX),
            output: whole
                .output
                .as_ref()
                .filter(|output| output.key.is_none())
                .map(|output| (*output.value).clone()),
            output_ref: whole.output.as_ref().and_then(|output| output.key.clone()),
            output_bytes: whole.output.as_ref().map(|output| output.bytes as i64),
            error: whole.error.clone(),
            started_at: state.started_at.filter(|_| status != StepStatus::Skipped),
            finished_at: Some(now),
            ..state::blank(&self.spec.steps[step], None, status)
        };
        state.end = Some(match whole.output {
            Some(output) => Ok(output.value),
            None => Err(whole.error),
        });
        self.progress[step] = Progress::Ended(whole.end);
        self.results.push(record);
        self.begun.retain(|(begun, _)| *begun != step);
        whole.end
    }
}

fn is_retried(step: &Step, failure: &Failure) -> bool {
    match &step.retry.on {
        Some(names) => names.iter().any(|name| match name.strip_suffix('*') {
            Some(start) => failure.error.error.starts_with(start),
            None => *name == failure.error.error,
        }),
        None => failure.passes,
    }
}
