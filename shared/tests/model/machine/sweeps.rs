//! The sweep, what SQS is told, and what an operator changes.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use runplane::catalog::{Patch, UpdatePipelineRequest, UpdateTenantRequest, update_pipeline, update_tenant};
use runplane::runs;
use runplane::scope::Scope;
use runplane::sweep::{self, Leases};
use uuid::Uuid;

use super::Machine;
use crate::counts::count;
use crate::reference::{Bounds, T};
use crate::transition::Sweep;

/// More than there ever are.
const LIMIT: i64 = 1000;
/// Time passes by 25 hours at most.
const DAYS: i32 = 1;

fn some(number: u64) -> &'static str {
    if number > 0 { "ok" } else { "nothing" }
}

impl Machine {
    pub(super) fn sweep(&mut self, what: Sweep, tenant: Option<usize>) {
        let scope = tenant.map_or(Scope::All, |tenant| Scope::Tenant(self.model.world.tenants[tenant]));
        let lab = self.lab.clone();
        match what {
            Sweep::Leases => {
                let done = lab.call(async |conn| sweep::leases(conn, scope, LIMIT).await.unwrap());
                self.look();
                let (requeued, failed) = self.model.sweep_leases(scope);
                assert_eq!(done, Leases { requeued, failed });
                count("sweep_leases", some(requeued + failed));
            }
            Sweep::StartBy => {
                let done = lab.call(async |conn| sweep::start_by(conn, scope, LIMIT).await.unwrap());
                self.look();
                assert_eq!(done, self.model.sweep_start_by(scope));
                count("sweep_start_by", some(done));
            }
            Sweep::Redispatches => {
                let done = lab.call(async |conn| sweep::redispatches(conn, scope, LIMIT).await.unwrap());
                self.look();
                assert_eq!(done, self.model.sweep_redispatches(scope));
                count("sweep_redispatches", some(done));
            }
            Sweep::Parked => self.sweep_parked(scope),
            Sweep::Take => self.take(scope),
            Sweep::Retention => {
                let done =
                    lab.call(async |conn| sweep::retention(conn, scope, DAYS, LIMIT, None).await.unwrap());
                self.look();
                let expected = self.model.sweep_retention(scope, i64::from(DAYS));
                assert_eq!((done.walked, done.deleted), expected);
                count("sweep_retention", some(done.deleted));
            }
        }
    }

    fn sweep_parked(&mut self, scope: Scope) {
        let done = self.lab.call(async |conn| sweep::parked(conn, scope, LIMIT).await.unwrap());
        self.look();
        // Which ones, only the table says.
        let rows = self.lab.rows();
        let due =
            rows.iter().filter(|row| row.times[T::DispatchDue as usize].is_some()).map(|row| row.facts.id);
        let chosen: BTreeSet<Uuid> = due
            .filter(|id| self.model.runs.get(id).is_some_and(|run| run[T::DispatchDue].is_none()))
            .collect();
        assert_eq!(done, chosen.len() as u64);
        self.model.sweep_parked(scope, &chosen);
        count("sweep_parked", some(done));
    }

    fn take(&mut self, scope: Scope) {
        let done = self.lab.call(async |conn| sweep::take_dispatches(conn, scope, LIMIT).await.unwrap());
        self.look();
        let (taken, parked) = self.model.take_dispatches(scope);
        assert_eq!(done.parked, parked, "parked");
        let told: BTreeSet<Uuid> = done.taken.iter().map(|one| one.notice.run_id).collect();
        assert_eq!(told, taken.keys().copied().collect(), "taken to be told to SQS");
        for one in done.taken {
            let notice = one.notice;
            let (least, most) = taken[&notice.run_id];
            assert!(
                (least..=most).contains(&i64::from(notice.delay_seconds)),
                "{notice:?}, and not {least} to {most}"
            );
            assert_eq!(notice.tenant_id, self.model.runs[&notice.run_id].facts.tenant_id);
            self.tell(notice.tenant_id, notice.run_id, Some(one.due_at));
        }
        if parked > 0 {
            count("take_dispatches", "parked");
        }
        count("take_dispatches", some(taken.len() as u64));
    }

    /// SQS would be told of this run now.
    pub(super) fn tell(&mut self, tenant: Uuid, run: Uuid, due: Option<DateTime<Utc>>) {
        if let Some(due) = due {
            self.told.push((tenant, run, due.timestamp_micros() + self.model.clock.offset));
        }
    }

    pub(super) fn mark(&mut self, one: bool, wrong_tenant: bool) {
        let mut told =
            if one { self.told.pop().into_iter().collect() } else { std::mem::take(&mut self.told) };
        if wrong_tenant {
            for (tenant, _, _) in &mut told {
                *tenant = self.model.world.tenants[1 - self.model.world.tenant(*tenant)];
            }
        }
        let offset = self.model.clock.offset;
        let marks: Vec<_> = told
            .iter()
            .map(|(tenant, run, due)| (*tenant, *run, DateTime::from_timestamp_micros(due - offset).unwrap()))
            .collect();
        self.lab.call(async |conn| match &marks[..] {
            [(tenant, run, due)] => runs::mark_dispatched(conn, *tenant, *run, *due).await.unwrap(),
            marks => runs::mark_all_dispatched(conn, marks).await.unwrap(),
        });
        self.look();
        let marked = self.model.mark_dispatched(&told);
        count("mark_dispatched", some(marked));
    }

    pub(super) fn bound_tenant(&mut self, tenant: usize, max_running: Option<i32>, paused: bool) {
        let id = self.model.world.tenants[tenant];
        let request =
            UpdateTenantRequest { name: None, max_running: patch(max_running), paused: Some(paused) };
        request.check().unwrap();
        let stored =
            self.lab.call(async |conn| update_tenant(conn, Scope::Tenant(id), id, &request).await.unwrap());
        assert_eq!((stored.max_running, stored.paused), (max_running, paused));
        self.model.tenants[tenant] = Bounds { max_running, paused };
        self.look();
        count("update_tenant", "ok");
    }

    pub(super) fn bound_pipeline(&mut self, pipeline: usize, max_running: Option<i32>, paused: bool) {
        let id = self.model.world.pipelines[pipeline].id;
        let request = UpdatePipelineRequest {
            max_running: patch(max_running),
            paused: Some(paused),
            ..Default::default()
        };
        request.check().unwrap();
        let stored =
            self.lab.call(async |conn| update_pipeline(conn, Scope::All, id, &request).await.unwrap());
        assert_eq!((stored.max_running, stored.paused), (max_running, paused));
        self.model.pipelines[pipeline] = Bounds { max_running, paused };
        self.look();
        count("update_pipeline", "ok");
    }
}

fn patch(max_running: Option<i32>) -> Patch<i32> {
    max_running.map_or(Patch::Clear, Patch::Set)
}
