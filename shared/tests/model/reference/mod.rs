//! What docs/api.md and the state machine in docs/architecture.md say of a run, as plain data. Written after these documents, and
//! after no SQL: change the documents first.
//!
//! Times are microseconds of the model's own clock, which runs with that of Postgres and moves on with every [`Pass`](crate::transition::Transition::Pass).
//! What was written by the step that is looked at has a time that is not known yet ([`When::Now`]); once the table was read, it is.

pub mod claim;
pub mod create;
pub mod report;
mod run;
pub mod sweep;
pub mod time;

use std::collections::BTreeMap;

use runplane::runs::{Outcome, RunStatus};
use runplane::scope::Scope;
use serde_json::Value;
use uuid::Uuid;

pub use run::{Ended, Facts, Run, Step, T};
pub use time::{Clock, MINUTE, Micros, When};

use crate::world::{PIPELINES, World};

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
