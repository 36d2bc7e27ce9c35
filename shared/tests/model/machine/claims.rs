//! Claims: of what waits, and of what messages name.

use runplane::runs::{self, Claim, ClaimError, ClaimOptions, Marks, RunStatus};
use runplane::scope::Scope;
use uuid::Uuid;

use super::Machine;
use super::reports::worker;
use crate::counts::count;
use crate::reference::claim::{Asked, Got};
use crate::transition::{Again, Reach, Which, Wish};

impl Machine {
    pub(super) fn claim(&mut self, wish: &Wish) {
        let before = self.last_claim.clone().filter(|_| wish.again != Again::No);
        let wish = &match (before, wish.again) {
            (Some(before), Again::ByThisWorker) => Wish { worker: wish.worker, ..before },
            (before, _) => before.unwrap_or_else(|| wish.clone()),
        };
        let world = &self.model.world;
        let queues = [None, Some(vec!["gpu"]), Some(vec!["gpu", "pipes", "default"]), Some(vec!["default"])];
        let queues = queues[usize::from(wish.queues)].clone();
        let asked = Asked {
            tenant: wish.tenant,
            scope: wish.tenant.map_or(Scope::All, |tenant| Scope::Tenant(world.tenants[tenant])),
            worker: worker(wish.worker),
            queues: queues.map(|queues| queues.into_iter().map(str::to_owned).collect()),
            seconds: wish.lease_minutes * 60,
            claim_id: wish.claim_id,
            max_runs: usize::try_from(wish.max_runs).unwrap(),
            pushed_only: wish.pushed_only,
            remembers: wish.remembers,
        };
        let options = ClaimOptions {
            worker: &asked.worker,
            queues: asked.queues.as_deref(),
            lease_seconds: asked.seconds,
            claim_id: asked.claim_id.map(|id| Uuid::from_u128(100 + u128::from(id))),
            max_runs: wish.max_runs,
            pushed_only: asked.pushed_only,
        };
        let anew = Marks::default();
        let marks = if asked.remembers { &self.marks } else { &anew };
        let answer = self.lab.call(async |conn| runs::claim(conn, asked.scope, marks, options).await);
        self.look();
        let answer = answer.map_err(|error| match error {
            ClaimError::ClaimIdInUse => "already_exists",
            ClaimError::Db(error) => panic!("{error:?}"),
        });
        let claims = answer.as_ref().map_or(&[][..], |claimed| &claimed.claims);
        let got: Vec<Got> = claims.iter().map(|claim| (claim.run.run.id, claim.run.lease_token)).collect();
        self.check_turn(wish, &asked, &got);
        let found = answer.as_ref().map(|_| &got[..]).map_err(|code| *code);
        let word = self.model.claim(&asked, found);
        count(if wish.max_runs > 1 { "claim_several" } else { "claim" }, word);
        assert!(
            answer.as_ref().is_ok_and(|claimed| !claimed.more) || word == "already_exists",
            "there is no more"
        );
        for claim in answer.map(|claimed| claimed.claims).unwrap_or_default() {
            self.claimed(claim);
        }
    }

    /// Without a tenant, the tenant's turn comes that is not the one of the last claim, if it has something.
    fn check_turn(&mut self, wish: &Wish, asked: &Asked, got: &[Got]) {
        if !asked.remembers || asked.tenant.is_some() {
            return;
        }
        let tenant_of = |(id, _): &Got| self.model.runs.get(id).map(|run| run.facts.tenant_id);
        let is_new =
            got.iter().all(|(id, _)| self.model.runs.get(id).is_some_and(|run| run.is(RunStatus::Queued)));
        let kind = (wish.queues, wish.pushed_only);
        if let (Some(last), Some(first), true) =
            (self.turns.get(&kind), got.first().and_then(tenant_of), is_new)
        {
            let must = self.model.must_take(asked);
            let next = must.iter().find(|run| run.facts.tenant_id != *last);
            assert!(next.is_none() || first != *last, "{last} had its turn, and {next:?} waits");
        }
        // Where the turn is after a claim that looked further than it found, is its own.
        match got.last().and_then(tenant_of).filter(|_| is_new && got.len() == asked.max_runs) {
            Some(last) => self.turns.insert(kind, last),
            None => self.turns.remove(&kind),
        };
    }

    fn claimed(&mut self, claim: Claim) {
        let run = &self.model.runs[&claim.run.run.id];
        assert_eq!(claim.pipeline_version.id, run.facts.pipeline_version_id);
        let bounds = [
            self.model.tenants[self.model.world.tenant(run.facts.tenant_id)],
            self.model.pipelines[self.model.world.pipeline(run.facts.pipeline_id)],
        ];
        let is_limited =
            run.facts.concurrency_key.is_some() || bounds.iter().any(|of| of.max_running.is_some());
        assert_eq!(claim.limited, is_limited, "whether others wait for the end of {run:?}");
        self.answered(claim.run.run);
    }

    pub(super) fn claim_by_ids(&mut self, named: &[(Reach, Which)], number: u8, lease_minutes: i32) {
        let ids = named.iter().map(|(reach, which)| (*reach, self.id(*which)));
        let asked: Vec<(Scope, Uuid)> = ids.map(|(reach, id)| (self.scope(id, reach), id)).collect();
        let (worker, seconds) = (worker(number), lease_minutes * 60);
        let claims =
            self.lab.call(async |conn| runs::claim_by_ids(conn, &asked, &worker, seconds).await.unwrap());
        self.look();
        let got: Vec<Got> = claims.iter().map(|claim| (claim.run.run.id, claim.run.lease_token)).collect();
        for (_, id) in &asked {
            let taken = got.iter().any(|(taken, _)| taken == id);
            let is_lost = self.model.runs.get(id).is_some_and(|run| run.is(RunStatus::Running));
            count(
                "claim_by_ids",
                if !taken {
                    "not_claimed"
                } else if is_lost {
                    "taken_over"
                } else {
                    "ok"
                },
            );
        }
        self.model.claim_by_ids(&asked, &worker, seconds, &got);
        claims.into_iter().for_each(|claim| self.claimed(claim));
    }
}
