//! The journal of Postgres, with somebody who looks over its shoulder.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use runplane::dag::execute::{Journal, JournalError, Stored};
use runplane::steps::{PgJournal, StepResults};
use serde_json::{Map, Value};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::made::ALWAYS;

/// What was seen of one run, over all its claims.
#[derive(Debug, Default)]
pub struct Seen {
    /// Steps and items that are known to be stored as ended.
    ended: Mutex<HashSet<(String, Option<i32>)>>,
    /// Artifacts that were asked for, and how often.
    artifacts: Mutex<HashMap<Uuid, u64>>,
    /// Those that were stored.
    stored: Mutex<HashSet<Uuid>>,
    /// What should not have happened.
    pub faults: Mutex<Vec<String>>,
}

/// A journal under watch: it refuses artifacts as often as their payload says, and asks to leave after so many calls.
#[derive(Debug)]
pub struct Watched {
    pub inner: PgJournal,
    pub seen: Arc<Seen>,
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
        self.inner.load().await
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
        if self.seen.ended.lock().unwrap().contains(&(step, None)) {
            self.seen.fault(format!("{source} has ended, and runs again"));
        }
        self.count();
        let calls = {
            let mut artifacts = self.seen.artifacts.lock().unwrap();
            let calls = artifacts.entry(id).or_default();
            *calls += 1;
            *calls
        };
        let fails = payload["fails"].as_u64().unwrap();
        if calls <= fails || fails == ALWAYS {
            return Err(JournalError::Unavailable("the test says so".to_owned()));
        }
        self.inner.artifact(id, artifact_type, payload, source).await?;
        self.seen.stored.lock().unwrap().insert(id);
        Ok(())
    }
}
