//! What docs/api.md and the state machine in docs/architecture.md say of a run, as plain data. Written after these documents, and
//! after no SQL: change the documents first.
//!
//! Times are microseconds of the model's own clock, which runs with that of Postgres and moves on with every [`Pass`](crate::transition::Transition::Pass).
//! What was written by the step that is looked at has a time that is not known yet ([`When::Now`]); once the table was read, it is.

pub mod claim;
pub mod create;
pub mod report;
pub mod sweep;
pub mod time;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Index, IndexMut};

use runplane::runs::{Dispatch, Outcome, RunStatus};
use runplane::scope::Scope;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

pub use time::{Clock, MINUTE, Micros, When};

use crate::world::{PIPELINES, World};

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

    pub fn is(&self, status: RunStatus) -> bool {
        self.facts.status == status
    }

    /// A run that waits belongs to nobody.
    fn without_claim(&mut self) {
        self.facts.claimed_by = None;
        self.facts.lease_seconds = None;
        self.facts.lease_token = None;
        self.claim_id = None;
        self[T::Claimed] = None;
        self[T::LeaseExpires] = None;
        self[T::Heartbeat] = None;
    }

    fn touched(&mut self) {
        self[T::Updated] = Some(When::NOW);
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    pub max_running: Option<i32>,
    pub paused: bool,
}

#[derive(Clone, Debug)]
pub struct Model {
    pub world: World,
    pub tenants: [Bounds; 2],
    pub pipelines: [Bounds; PIPELINES],
    pub runs: BTreeMap<Uuid, Run>,
    /// What a tenant's Idempotency-Key was used for first, and the run that came of it.
    pub keys: BTreeMap<(Uuid, String), (Value, Uuid)>,
    /// Which outcome was accepted under a token.
    pub reports: BTreeMap<Uuid, Outcome>,
    pub clock: Clock,
}

impl Model {
    pub fn new(world: World, clock: Clock) -> Self {
        Self {
            world,
            tenants: Default::default(),
            pipelines: Default::default(),
            runs: BTreeMap::new(),
            keys: BTreeMap::new(),
            reports: BTreeMap::new(),
            clock,
        }
    }

    /// Another tenant's run does not exist.
    pub fn visible(&self, scope: Scope, id: Uuid) -> Option<&Run> {
        self.runs.get(&id).filter(|run| within(scope, run.facts.tenant_id))
    }

    pub fn visible_mut(&mut self, scope: Scope, id: Uuid) -> Option<&mut Run> {
        self.runs.get_mut(&id).filter(|run| within(scope, run.facts.tenant_id))
    }

    pub fn passed(&self, time: Option<When>) -> bool {
        time.is_some_and(|time| self.clock.passed(time))
    }

    pub fn is_alive(&self, run: &Run) -> bool {
        run.is(RunStatus::Running) && !self.passed(run[T::LeaseExpires])
    }

    pub fn is_expired(&self, run: &Run) -> bool {
        run.is(RunStatus::Running) && self.passed(run[T::LeaseExpires])
    }

    /// Why a run that is due may not be claimed at this moment, in the words of `waiting_for`.
    pub fn obstacle(&self, facts: &Facts, with_key: bool) -> Option<&'static str> {
        let tenant = self.tenants[self.world.tenant(facts.tenant_id)];
        let pipeline = self.pipelines[self.world.pipeline(facts.pipeline_id)];
        let alive = || self.runs.values().filter(|run| self.is_alive(run)).map(|run| &run.facts);
        let of_tenant = alive().filter(|other| other.tenant_id == facts.tenant_id).count();
        let of_pipeline = alive().filter(|other| other.pipeline_id == facts.pipeline_id).count();
        let is_full =
            |bounds: Bounds, leases: usize| bounds.max_running.is_some_and(|max| leases as i32 >= max);
        // Also one whose lease has expired still is RUNNING.
        let in_use = |key: &String| {
            self.runs.values().any(|run| {
                run.is(RunStatus::Running)
                    && run.facts.tenant_id == facts.tenant_id
                    && run.facts.concurrency_key.as_ref() == Some(key)
            })
        };
        if tenant.paused {
            Some("tenant_paused")
        } else if pipeline.paused {
            Some("pipeline_paused")
        } else if is_full(tenant, of_tenant) {
            Some("tenant_limit")
        } else if is_full(pipeline, of_pipeline) {
            Some("pipeline_limit")
        } else if with_key && facts.concurrency_key.as_ref().is_some_and(in_use) {
            Some("concurrency_key")
        } else {
            None
        }
    }

    /// Why nobody works on a run that is QUEUED.
    pub fn waiting_for(&self, run: &Run) -> Option<&'static str> {
        if !run.is(RunStatus::Queued) {
            return None;
        }
        if !self.passed(run[T::Available]) {
            let last = run.ended.last();
            let failed = last
                .is_some_and(|last| last.outcome == "FAILED" && last.claim_number == run.facts.claim_count);
            return Some(if failed { "backoff" } else { "delayed" });
        }
        let told = if run[T::DispatchDue].is_some() { "dispatch" } else { "worker" };
        Some(self.obstacle(&run.facts, true).unwrap_or(told))
    }

    /// QUEUED, due, and not too late to be started.
    pub fn is_due(&self, run: &Run) -> bool {
        run.is(RunStatus::Queued)
            && self.passed(run[T::Available])
            && (run[T::Started].is_some() || !self.passed(run[T::StartBy]))
    }
}

/// Whether a caller with this scope may touch what is the tenant's.
pub fn within(scope: Scope, tenant: Uuid) -> bool {
    scope.tenant().is_none_or(|own| own == tenant)
}
