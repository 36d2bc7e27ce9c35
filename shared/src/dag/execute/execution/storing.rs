//! Storing what an execution has come to.

use std::collections::HashSet;

use tokio::time::{Instant, sleep};

use super::{ASK_AGAIN_AFTER, Execution, MAX_RECORDS, SHOWN_EVERY};
use crate::dag::execute::{Journal, JournalError, state};
use crate::dag::plan::{Progress, Task};
use crate::steps::{StepRecord, StepResults, StepStatus};

impl<J: Journal> Execution<J> {
    /// Stores what has to be, and what has begun meanwhile. Asks again while the control plane is out of reach: nothing that has ended may be lost.
    pub(super) async fn store(&mut self) -> Result<(), JournalError> {
        for (step, part) in std::mem::take(&mut self.begun) {
            let one = &self.spec.steps[step];
            let record = match (part, &self.progress[step]) {
                (None, Progress::Open(_)) if self.states[step].items.is_some() => StepRecord {
                    started_at: self.states[step].started_at,
                    attempts: 1,
                    ..state::blank(one, None, StepStatus::Running)
                },
                (part, Progress::Open(tasks)) => {
                    let task = part.unwrap_or_default();
                    if tasks[task] != Task::Working {
                        continue;
                    }
                    state::record(one, part, &self.states[step].tasks[task], Task::Working)
                }
                _ => continue,
            };
            self.results.push(record);
            self.known(step, part);
        }
        self.show_at = (!self.working.is_empty()).then(|| Instant::now() + SHOWN_EVERY);
        let records = latest(std::mem::take(&mut self.results));
        let worked_ms = i64::try_from(self.worked().as_millis()).unwrap_or(i64::MAX);
        for steps in records.chunks(MAX_RECORDS) {
            let results = StepResults { steps: steps.to_vec(), worked_ms };
            while let Err(error) = self.tools.journal.store(&results).await {
                match error {
                    JournalError::Unavailable(detail) if !self.leave.is_cancelled() => {
                        tracing::warn!(error = detail, "results of steps were not stored: trying again");
                        tokio::select! {
                            () = sleep(ASK_AGAIN_AFTER) => {}
                            () = self.leave.cancelled() => {}
                        }
                    }
                    error => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Has everything stored that is being worked on.
    pub(super) fn show(&mut self) {
        for (step, progress) in self.progress.iter().enumerate() {
            let Progress::Open(tasks) = progress else { continue };
            let is_items = self.states[step].items.is_some();
            let working = tasks.iter().enumerate().filter(|(_, task)| **task == Task::Working);
            self.begun.extend(working.map(|(task, _)| (step, is_items.then_some(task))));
        }
    }

    /// Its beginning is stored.
    pub(super) fn known(&mut self, step: usize, part: Option<usize>) {
        match part {
            None if self.states[step].items.is_some() => self.states[step].is_known = true,
            part => {
                if let Some(task) = self.states[step].tasks.get_mut(part.unwrap_or_default()) {
                    task.is_known = true;
                }
            }
        }
    }
}

/// Of several records of one step or item, the last.
fn latest(records: Vec<StepRecord>) -> Vec<StepRecord> {
    let mut seen = HashSet::new();
    let mut kept: Vec<_> = records
        .into_iter()
        .rev()
        .filter(|record| seen.insert((record.step_id.clone(), record.item)))
        .collect();
    kept.reverse();
    kept
}
