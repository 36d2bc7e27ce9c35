//! What has become due without anybody asking.

use std::collections::{BTreeMap, BTreeSet};

use runplane::runs::{Dispatch, RunStatus};
use runplane::scope::Scope;
use uuid::Uuid;

use super::{Ended, MINUTE, Micros, Model, Run, T, When, within};

/// A dispatch that SQS is told of: tenant, run, and when it was due.
pub type Told = (Uuid, Uuid, Micros);

impl Run {
    /// Keeps the attempt whose lease was lost.
    pub fn lose(&mut self) {
        self.ended.push(Ended {
            claim_number: self.facts.claim_count,
            attempt: self.facts.attempt,
            outcome: "LOST",
            token: self.facts.lease_token.unwrap(),
            claimed_by: self.facts.claimed_by.clone().unwrap(),
            error_code: Some("lease_expired".to_owned()),
        });
    }

    fn is_parked(&self) -> bool {
        self.is(RunStatus::Queued)
            && self.facts.dispatch == Dispatch::Push
            && self[T::DispatchDue].is_none()
            && self[T::Redispatch].is_none()
    }
}

impl Model {
    fn those(&self, scope: Scope, is_one: impl Fn(&Run) -> bool) -> Vec<Uuid> {
        let runs = self.runs.values().filter(|run| within(scope, run.facts.tenant_id) && is_one(run));
        runs.map(|run| run.facts.id).collect()
    }

    /// Leases that nobody took over: how many are QUEUED again, and how many FAILED.
    pub fn sweep_leases(&mut self, scope: Scope) -> (u64, u64) {
        let expired = self.those(scope, |run| self.is_expired(run));
        let mut answer = (0, 0);
        for id in expired {
            let run = self.runs.get_mut(&id).unwrap();
            run.lose();
            run.touched();
            if run.facts.lost < run.facts.max_lost {
                answer.0 += 1;
                run.facts.status = RunStatus::Queued;
                run.facts.lost += 1;
                run.is_behind = true;
                run[T::Queued] = Some(When::NOW);
                run[T::DispatchDue] = (run.facts.dispatch == Dispatch::Push).then_some(When::NOW);
                run.without_claim();
            } else {
                answer.1 += 1;
                run.facts.status = RunStatus::Failed;
                run.facts.error_code = Some("lease_expired".to_owned());
                // It did not end by its worker's token.
                run.facts.lease_token = None;
                run.claim_id = None;
                run[T::LeaseExpires] = None;
                run[T::Finished] = Some(When::NOW);
            }
        }
        answer
    }

    /// Runs that were not started in time: how many are CANCELLED.
    pub fn sweep_start_by(&mut self, scope: Scope) -> u64 {
        let late = self.those(scope, |run| {
            run.is(RunStatus::Queued) && run[T::Started].is_none() && self.passed(run[T::StartBy])
        });
        for id in &late {
            let run = self.runs.get_mut(id).unwrap();
            run.facts.status = RunStatus::Cancelled;
            run.facts.error_code = Some("expired".to_owned());
            run[T::Finished] = Some(When::NOW);
            run[T::DispatchDue] = None;
            run[T::Redispatch] = None;
            run.touched();
        }
        late.len() as u64
    }

    /// SQS is told again of what nobody has claimed: how many.
    pub fn sweep_redispatches(&mut self, scope: Scope) -> u64 {
        let due = self.those(scope, |run| self.passed(run[T::Redispatch]));
        for id in &due {
            let clock = self.clock;
            let run = self.runs.get_mut(id).unwrap();
            run[T::DispatchDue] = Some(ahead(clock, run));
            run[T::Redispatch] = None;
            run.touched();
        }
        due.len() as u64
    }

    /// What SQS is to be told now, with the seconds until it may be claimed, at least and at most; and how many nobody could claim.
    pub fn take_dispatches(&mut self, scope: Scope) -> (BTreeMap<Uuid, (i64, i64)>, u64) {
        let due = self.those(scope, |run| self.passed(run[T::DispatchDue].map(|due| due.plus(-MINUTE))));
        let (mut taken, mut parked) = (BTreeMap::new(), 0);
        let (parks, sends): (Vec<_>, Vec<_>) = due.into_iter().partition(|id| {
            let run = &self.runs[id];
            self.passed(run[T::Available]) && self.obstacle(&run.facts, true).is_some()
        });
        for id in parks {
            parked += 1;
            let run = self.runs.get_mut(&id).unwrap();
            run[T::DispatchDue] = None;
            run.touched();
        }
        for id in sends {
            let clock = self.clock;
            let run = self.runs.get_mut(&id).unwrap();
            let available = run[T::Available].unwrap().known();
            // Rounded up; SQS delays by 15 minutes at most.
            let seconds = |from: Micros| ((available - from + 999_999).div_euclid(1_000_000)).clamp(0, 900);
            taken.insert(id, (seconds(clock.after), seconds(clock.before)));
            run[T::DispatchDue] = Some(When::after(2 * MINUTE));
            run.touched();
        }
        (taken, parked)
    }

    /// SQS has taken what it was told of. Returns how many of the dispatches are still the ones that are due.
    pub fn mark_dispatched(&mut self, told: &[Told]) -> u64 {
        let mut marked = 0;
        for (tenant, id, due) in told {
            let clock = self.clock;
            let Some(run) = self.runs.get_mut(id).filter(|run| run.facts.tenant_id == *tenant) else {
                continue;
            };
            if run[T::DispatchDue] != Some(When::At(*due)) {
                continue;
            }
            let minutes = [1, 2, 4, 8, 16, 30][usize::try_from(run.facts.dispatches.min(5)).unwrap()];
            run[T::Redispatch] = Some(ahead(clock, run).plus(minutes * MINUTE));
            run[T::DispatchDue] = None;
            run.facts.dispatches += 1;
            run.touched();
            marked += 1;
        }
        marked
    }

    /// Which parked runs are told to SQS, the sweep chooses: as many of a tenant as it has slots, each of which may go on. If any may, it
    /// chooses one.
    pub fn sweep_parked(&mut self, scope: Scope, chosen: &BTreeSet<Uuid>) {
        let may = self.those(scope, |run| run.is_parked() && self.obstacle(&run.facts, true).is_none());
        for tenant in self.world.tenants {
            let of_tenant: Vec<_> =
                may.iter().filter(|id| self.runs[*id].facts.tenant_id == tenant).collect();
            let freed: Vec<_> = of_tenant.iter().filter(|id| chosen.contains(**id)).collect();
            assert!(freed.is_empty() == of_tenant.is_empty(), "of {of_tenant:?} none is told to SQS");
            let leases =
                self.runs.values().filter(|run| self.is_alive(run) && run.facts.tenant_id == tenant).count();
            let slots = self.tenants[self.world.tenant(tenant)].max_running;
            assert!(
                freed.is_empty() || slots.is_none_or(|max| leases + freed.len() <= max as usize),
                "{freed:?} are told to SQS, beside {leases} leases of {slots:?}"
            );
            let keys: Vec<_> =
                freed.iter().filter_map(|id| self.runs[**id].facts.concurrency_key.as_ref()).collect();
            assert_eq!(
                keys.len(),
                keys.iter().collect::<BTreeSet<_>>().len(),
                "a concurrency key twice: {freed:?}"
            );
        }
        for id in chosen {
            assert!(may.contains(id), "{id} is told to SQS, and may not run");
            let clock = self.clock;
            let run = self.runs.get_mut(id).unwrap();
            run[T::DispatchDue] = Some(ahead(clock, run));
            run.touched();
        }
    }

    /// Runs that ended longer ago than they are kept are gone: how many were looked at, and how many deleted.
    pub fn sweep_retention(&mut self, scope: Scope, days: i64) -> (u64, u64) {
        let days = days * 24 * 60 * MINUTE;
        let is_old = |time: Option<When>| self.passed(time.map(|time| time.plus(days)));
        let walked = self.those(scope, |run| is_old(run[T::Created]));
        let old: BTreeSet<_> =
            walked.iter().filter(|id| is_old(self.runs[*id][T::Finished])).copied().collect();
        self.runs.retain(|id, _| !old.contains(id));
        self.keys.retain(|_, (_, run)| !old.contains(run));
        (walked.len() as u64, old.len() as u64)
    }
}

/// When it may be claimed: now, if that has passed.
fn ahead(clock: super::Clock, run: &Run) -> When {
    run[T::Available].filter(|available| !clock.passed(*available)).unwrap_or(When::NOW)
}
