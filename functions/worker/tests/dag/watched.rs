//! The journal of Postgres, with somebody who looks over its shoulder.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use runplane::catalog::Connection;
use runplane::dag::execute::{Journal, JournalError, Stored};
use runplane::steps::{PgJournal, StepResults, StepStatus};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A step, or an item of it.
type Place = (String, Option<i32>);

/// What was seen of one run, over all its claims.
#[derive(Debug, Default)]
pub struct Seen {
    /// Steps and items that are known to be stored as ended.
    ended: Mutex<HashSet<Place>>,
    /// What should not have happened.
    pub faults: Mutex<Vec<String>>,
}

/// A journal under watch: it refuses artifacts as often as their payload says, and asks to leave after so many calls.
#[derive(Debug)]
pub struct Watched {
    pub inner: PgJournal,
    pub seen: Arc<Seen>,
    /// How many attempts to store an artifact were refused: to begin with, as many as are stored.
    pub refused: Mutex<HashMap<Place, u64>>,
    pub calls: AtomicUsize,
    pub leave_after: usize,
    pub leave: CancellationToken,
}

impl Watched {
    fn count(&self) {
        if self.calls.fetch_add(1, Ordering::Relaxed) + 1 >= self.leave_after {
            self.leave.cancel();
        }
    }
}

impl Seen {
    fn fault(&self, fault: String) {
        self.faults.lock().unwrap().push(fault);
    }
}

impl Journal for Watched {
    async fn load(&self) -> Result<Stored, JournalError> {
        let stored = self.inner.load().await?;
        for record in stored.records.iter().filter(|record| !record.status.is_terminal()) {
            // One that was under way is made again.
            let again = u64::from(record.status == StepStatus::Running && record.resume_at.is_none());
            let refused = (record.attempts as u64).saturating_sub(again);
            self.refused.lock().unwrap().insert((record.step_id.clone(), record.item), refused);
        }
        Ok(stored)
    }

    async fn connection(&self, name: &str) -> Result<Option<Connection>, JournalError> {
        self.inner.connection(name).await
    }

    async fn secret_parameters(&self) -> Result<Map<String, Value>, JournalError> {
        self.inner.secret_parameters().await
    }

    async fn store(&self, results: &StepResults) -> Result<(), JournalError> {
        let places = |only_ended: bool| {
            let steps = results.steps.iter().filter(move |step| !only_ended || step.status.is_terminal());
            steps.map(|step| (step.step_id.clone(), step.item))
        };
        for place in places(false).filter(|place| self.seen.ended.lock().unwrap().contains(place)) {
            self.seen.fault(format!("{place:?} has ended, and was stored again"));
        }
        self.count();
        self.inner.store(results).await?;
        self.seen.ended.lock().unwrap().extend(places(true));
        Ok(())
    }

    async fn hand_back(&self, until: Option<DateTime<Utc>>) -> Result<(), JournalError> {
        self.inner.hand_back(until).await
    }

    async fn artifact(
        &self,
        id: Uuid,
        artifact_type: &str,
        payload: &Map<String, Value>,
        source: &str,
    ) -> Result<(), JournalError> {
        let step = source.strip_prefix("step ").unwrap_or(source).to_owned();
        let place = (step, payload["item"].as_i64().map(|item| item as i32));
        for ended in [&place, &(place.0.clone(), None)] {
            if self.seen.ended.lock().unwrap().contains(ended) {
                self.seen.fault(format!("{ended:?} has ended, and runs again"));
            }
        }
        self.count();
        let fails = payload["fails"].as_u64().unwrap();
        {
            let mut refused = self.refused.lock().unwrap();
            let refused = refused.entry(place).or_default();
            if *refused < fails {
                *refused += 1;
                return Err(JournalError::Unavailable("the test says so".to_owned()));
            }
        }
        self.inner.artifact(id, artifact_type, payload, source).await
    }
}
