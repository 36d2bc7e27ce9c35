//! What the model knows of a run.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Index, IndexMut};

use runplane::runs::{Dispatch, RunStatus};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::time::{Micros, When};

/// What there is of a run besides its times.
#[derive(Clone, Debug, PartialEq, Serialize, sqlx::FromRow)]
pub struct Facts {
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub pipeline_id: Uuid,
    pub pipeline_version_id: Uuid,
    pub status: RunStatus,
    pub trigger_type: String,
    pub queue: String,
    pub priority: i16,
    pub dispatch: Dispatch,
    pub dispatches: i32,
    pub attempt: i32,
    pub max_attempts: i32,
    pub lost: i32,
    pub max_lost: i32,
    pub claim_count: i32,
    pub claimed_by: Option<String>,
    pub lease_seconds: Option<i32>,
    pub lease_token: Option<Uuid>,
    pub output: Option<Value>,
    pub error_code: Option<String>,
    /// Of what a worker or a caller has said; what Postgres says itself has times in it.
    pub error_message: Option<String>,
    pub retry_of_run_id: Option<Uuid>,
    pub root_run_id: Uuid,
    pub idempotency_key: Option<String>,
    pub concurrency_key: Option<String>,
}

/// The times of a run, in the order in which the table is asked for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum T {
    DispatchDue,
    Redispatch,
    Available,
    Queued,
    Claimed,
    LeaseExpires,
    Heartbeat,
    Started,
    Finished,
    StartBy,
    Created,
    Updated,
}

impl T {
    pub const ALL: [T; 12] = [
        T::DispatchDue,
        T::Redispatch,
        T::Available,
        T::Queued,
        T::Claimed,
        T::LeaseExpires,
        T::Heartbeat,
        T::Started,
        T::Finished,
        T::StartBy,
        T::Created,
        T::Updated,
    ];
}

/// An attempt that ended badly.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    pub claim_number: i32,
    pub attempt: i32,
    pub outcome: &'static str,
    pub token: Uuid,
    pub claimed_by: String,
    pub error_code: Option<String>,
}

/// What is stored of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub run_attempt: i32,
    pub status: &'static str,
    pub output: Option<Value>,
}

#[derive(Clone)]
pub struct Run {
    pub facts: Facts,
    pub times: [Option<When>; T::ALL.len()],
    /// Of every claim, the latest last.
    pub tokens: Vec<Uuid>,
    pub ended: Vec<Ended>,
    pub steps: BTreeMap<String, Step>,
    /// The claim_id that its lease was claimed under, and for which tenant.
    pub claim_id: Option<(Option<usize>, u8)>,
    /// QUEUED again after a lease was lost, at its old place: who remembers may find it a second later.
    pub is_behind: bool,
}

impl fmt::Debug for Run {
    /// What it is known by, in a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Facts { id, status, queue, priority, claim_count, concurrency_key, .. } = &self.facts;
        let (attempt, lost) = (self.facts.attempt, self.facts.lost);
        write!(
            f,
            "run {id} {} ({queue}, priority {priority}, attempt {attempt}, lost {lost}, ",
            status.as_str()
        )?;
        write!(f, "claimed {claim_count} times, key {concurrency_key:?}, ")?;
        write!(f, "available {:?}, lease until {:?})", self[T::Available], self[T::LeaseExpires])
    }
}

impl Index<T> for Run {
    type Output = Option<When>;

    fn index(&self, time: T) -> &Option<When> {
        &self.times[time as usize]
    }
}

impl IndexMut<T> for Run {
    fn index_mut(&mut self, time: T) -> &mut Option<When> {
        &mut self.times[time as usize]
    }
}

impl Run {
    /// Where it stands in the order of claims: the lowest first.
    pub fn place(&self) -> (i16, Micros, Uuid) {
        (-self.facts.priority, self[T::Available].unwrap().known(), self.facts.id)
    }

    /// Whether it has this status.
    pub fn is(&self, status: RunStatus) -> bool {
        self.facts.status == status
    }

    /// A run that waits belongs to nobody.
    pub fn without_claim(&mut self) {
        self.facts.claimed_by = None;
        self.facts.lease_seconds = None;
        self.facts.lease_token = None;
        self.claim_id = None;
        self[T::Claimed] = None;
        self[T::LeaseExpires] = None;
        self[T::Heartbeat] = None;
    }

    /// Its row has changed.
    pub fn touched(&mut self) {
        self[T::Updated] = Some(When::NOW);
    }
}
