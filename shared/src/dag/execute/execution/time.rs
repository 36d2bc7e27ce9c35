//! How long an execution has worked, and how long it may.

use std::time::Duration;

use tokio::time::Instant;

use super::Execution;
use crate::dag::execute::{Journal, attempt};
use crate::dag::spec::{Step, StepKind};

impl<J: Journal> Execution<J> {
    /// Whether an attempt would end in time. Whoever has begun nothing yet tries all the same, or it would never be tried.
    pub(super) fn fits(&mut self, step: &Step) -> bool {
        let fits = step.kind == StepKind::Noop || !self.has_started || self.has_time(attempt::takes(step));
        self.is_out_of_time |= !fits;
        fits
    }

    pub(super) fn has_time(&self, takes: Duration) -> bool {
        self.ends_at.is_none_or(|ends_at| Instant::now() + takes <= ends_at)
    }

    /// Time counts while anything is being worked on.
    pub(super) fn count_work(&mut self) {
        match (self.working.is_empty(), self.works_since) {
            (false, None) => self.works_since = Some(Instant::now()),
            (true, Some(since)) => {
                self.worked += since.elapsed();
                self.works_since = None;
            }
            (true, None) | (false, Some(_)) => {}
        }
    }

    pub(super) fn worked(&self) -> Duration {
        self.worked + self.works_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    pub(super) fn time_left(&self) -> Duration {
        self.spec.timeout.saturating_sub(self.worked())
    }
}
