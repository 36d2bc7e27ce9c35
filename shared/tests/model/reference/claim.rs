//! Which runs a claim may take. Where the product may choose, whatever it has chosen is followed if it was allowed.

use std::collections::BTreeSet;

use runplane::runs::{Dispatch, RunStatus};
use runplane::scope::Scope;
use uuid::Uuid;

use super::{Bounds, Facts, Micros, Model, Run, T, When, within};
use crate::world::Pipeline;

/// What a claim asks for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// 0 or 1; None: all tenants.
    pub tenant: Option<usize>,
    pub scope: Scope,
    pub worker: String,
    pub queues: Option<Vec<String>>,
    pub seconds: i32,
    pub claim_id: Option<u8>,
    pub max_runs: usize,
    pub pushed_only: bool,
    /// Whoever asks has asked before: it may pass by for a second what is QUEUED again at its old place, and for a minute what was
    /// expired when it last looked.
    pub remembers: bool,
}

/// A run and the token that its claim was given.
pub type Got = (Uuid, Uuid);

impl Asked {
    fn is_for(&self, facts: &Facts) -> bool {
        within(self.scope, facts.tenant_id)
            && self.queues.as_ref().is_none_or(|queues| queues.contains(&facts.queue))
            && (!self.pushed_only || facts.dispatch == Dispatch::Push)
    }
}

impl Model {
    /// Runs that a claim may take at this moment.
    fn waiting(&self, asked: &Asked) -> Vec<&Run> {
        let runs = self.runs.values().filter(|run| asked.is_for(&run.facts) && self.is_due(run));
        runs.filter(|run| self.obstacle(&run.facts, true).is_none()).collect()
    }

    /// Those of them that it may not pass by.
    pub fn must_take(&self, asked: &Asked) -> Vec<&Run> {
        let mut waiting = self.waiting(asked);
        waiting.retain(|run| !(asked.remembers && run.is_behind));
        waiting
    }

    /// Whose lease has expired, and who may have another one.
    fn to_take_over(&self, asked: &Asked) -> Vec<&Run> {
        let runs = self.runs.values().filter(|run| asked.is_for(&run.facts) && self.may_be_lost(run));
        runs.filter(|run| self.obstacle(&run.facts, false).is_none()).collect()
    }

    fn may_be_lost(&self, run: &Run) -> bool {
        self.is_expired(run) && run.facts.lost < run.facts.max_lost
    }

    /// Gives a lease.
    fn lease(&mut self, id: Uuid, token: Uuid, worker: &str, seconds: i32) {
        let run = self.runs.get_mut(&id).unwrap();
        if run.is(RunStatus::Running) {
            run.lose();
            run.facts.lost += 1;
        }
        run.facts.status = RunStatus::Running;
        run.facts.claim_count += 1;
        run.facts.claimed_by = Some(worker.to_owned());
        run.facts.lease_seconds = Some(seconds);
        run.facts.lease_token = Some(token);
        run.facts.dispatches = 0;
        run.tokens.push(token);
        run.claim_id = None;
        run.is_behind = false;
        run[T::Claimed] = Some(When::NOW);
        run[T::LeaseExpires] = Some(When::after(i64::from(seconds) * 1_000_000));
        run[T::Heartbeat] = None;
        run[T::Started] = run[T::Started].or(Some(When::NOW));
        run[T::DispatchDue] = None;
        run[T::Redispatch] = None;
        run.touched();
    }

    /// What a `claim_id` has claimed, as far as its leases live.
    fn claimed_before(&self, asked: &Asked) -> Vec<&Run> {
        let Some(id) = asked.claim_id else { return Vec::new() };
        let same = self.runs.values().filter(|run| run.claim_id == Some((asked.tenant, id)));
        same.filter(|run| self.is_alive(run)).collect()
    }

    /// Checks what a claim has answered, and follows it. Returns a word for what it was.
    pub fn claim(&mut self, asked: &Asked, got: Result<&[Got], &'static str>) -> &'static str {
        let before = self.claimed_before(asked);
        if before.iter().any(|run| run.facts.claimed_by.as_ref() != Some(&asked.worker)) {
            assert_eq!(got, Err("already_exists"), "the claim_id is another worker's");
            return "already_exists";
        }
        let got = got.unwrap_or_else(|refusal| panic!("refused: {refusal}"));
        if !before.is_empty() {
            let held: BTreeSet<Got> =
                before.iter().map(|run| (run.facts.id, run.facts.lease_token.unwrap())).collect();
            assert_eq!(got.iter().copied().collect::<BTreeSet<_>>(), held, "the claim was made before");
            return "repeated";
        }
        assert!(got.len() <= asked.max_runs, "more than were asked for: {got:?}");
        let known = got.iter().all(|(id, _)| self.runs.contains_key(id));
        assert!(known, "a run that does not exist was claimed: {got:?}");
        let is_takeover = got.first().is_some_and(|(id, _)| self.runs[id].is(RunStatus::Running));
        let word = if is_takeover {
            let must = self.must_take(asked);
            assert!(must.is_empty(), "taken over although {must:?} are due");
            self.take_over(asked, got);
            "taken_over"
        } else {
            self.take_waiting(asked, got);
            if got.is_empty() {
                self.take_over(asked, got);
                "nothing"
            } else {
                "ok"
            }
        };
        for (id, _) in got {
            self.runs.get_mut(id).unwrap().claim_id = asked.claim_id.map(|claim| (asked.tenant, claim));
        }
        word
    }

    /// What a claim of several runs has one order for, besides the priority: those of a queue where it names several, and else those of a
    /// pipeline where one of the tenant's is paused or has no slot. A claim of one has the same order for all.
    fn lane<'a>(&self, asked: &Asked, facts: &'a Facts) -> Option<(Uuid, &'a str)> {
        if asked.max_runs == 1 {
            return None;
        }
        let is_blocked = |(pipeline, bounds): (&Pipeline, Bounds)| {
            let alive =
                self.runs.values().filter(|run| self.is_alive(run) && run.facts.pipeline_id == pipeline.id);
            let is_full = bounds.max_running.is_some_and(|max| alive.count() as i32 >= max);
            pipeline.tenant == facts.tenant_id && (bounds.paused || is_full)
        };
        match &asked.queues {
            Some(queues) => (queues.len() > 1).then_some((Uuid::nil(), facts.queue.as_str())),
            None => {
                let mut pipelines = self.world.pipelines.iter().zip(self.pipelines);
                pipelines.any(is_blocked).then_some((facts.pipeline_id, ""))
            }
        }
    }

    fn take_waiting(&mut self, asked: &Asked, got: &[Got]) {
        let mut tenants: Vec<Uuid> = got.iter().map(|(id, _)| self.runs[id].facts.tenant_id).collect();
        tenants.dedup();
        for (id, token) in got {
            let waiting = self.waiting(asked);
            let chosen = waiting.iter().find(|run| run.facts.id == *id);
            let chosen = chosen.unwrap_or_else(|| panic!("{:?} may not be claimed", self.runs[id]));
            if self.lane(asked, &chosen.facts).is_none() {
                self.assert_in_order(asked, chosen, &self.must_take(asked));
            }
            self.lease(*id, *token, &asked.worker, asked.seconds);
        }
        let left = self.must_take(asked);
        assert!(got.len() == asked.max_runs || left.is_empty(), "these were not claimed: {left:?}");
        for tenant in tenants.iter().rev().skip(1) {
            let forgotten = left.iter().find(|run| run.facts.tenant_id == *tenant);
            assert!(forgotten.is_none(), "another tenant's run was claimed first: {forgotten:?}");
        }
        for (id, _) in got {
            self.assert_in_order(asked, &self.runs[id], &left);
        }
    }

    /// None of those that were left has its place before the one that was chosen.
    fn assert_in_order(&self, asked: &Asked, chosen: &Run, left: &[&Run]) {
        let lane = |run: &Run| {
            (run.facts.priority, self.lane(asked, &run.facts).map(|(id, queue)| (id, queue.to_owned())))
        };
        let better = left.iter().find(|run| {
            run.facts.tenant_id == chosen.facts.tenant_id
                && run.place() < chosen.place()
                && (run.facts.priority > chosen.facts.priority || lane(run) == lane(chosen))
        });
        assert!(better.is_none(), "{chosen:?} was claimed, and {better:?} was not");
    }

    fn take_over(&mut self, asked: &Asked, got: &[Got]) {
        let expired = |run: &Run| -> Micros { run[T::LeaseExpires].unwrap().known() };
        // An answer has them in the order of those that wait.
        let mut got = got.to_vec();
        got.sort_by_key(|(id, _)| expired(&self.runs[id]));
        for (id, token) in &got {
            let may = self.to_take_over(asked);
            let chosen = may.iter().find(|run| run.facts.id == *id);
            let chosen = chosen.unwrap_or_else(|| panic!("{:?} may not be taken over", self.runs[id]));
            let longer = may.iter().find(|run| expired(run) < expired(chosen));
            assert!(asked.remembers || longer.is_none(), "{chosen:?} was taken over, and {longer:?} was not");
            self.lease(*id, *token, &asked.worker, asked.seconds);
        }
        let left = self.to_take_over(asked);
        assert!(
            asked.remembers || got.len() == asked.max_runs || left.is_empty(),
            "these were not taken over: {left:?}"
        );
    }

    /// Checks what a claim of runs that messages name has answered, and follows it. What only has to wait for a slot is told to SQS no
    /// more, until it may go on.
    pub fn claim_by_ids(&mut self, asked: &[(Scope, Uuid)], worker: &str, seconds: i32, got: &[Got]) {
        let may = |model: &Model, run: &Run| {
            if run.is(RunStatus::Running) {
                model.may_be_lost(run) && model.obstacle(&run.facts, false).is_none()
            } else {
                model.is_due(run) && model.obstacle(&run.facts, true).is_none()
            }
        };
        for (id, token) in got {
            let named = asked.iter().any(|(scope, named)| named == id && self.visible(*scope, *id).is_some());
            assert!(named, "{id} was not asked for");
            let run = &self.runs[id];
            assert!(may(self, run), "{run:?} may not be claimed");
            self.lease(*id, *token, worker, seconds);
        }
        for (scope, id) in asked {
            if got.iter().any(|(taken, _)| taken == id) {
                continue;
            }
            let Some(run) = self.visible(*scope, *id) else { continue };
            assert!(!may(self, run), "{run:?} was not claimed");
            if self.is_due(run) && (run[T::DispatchDue].is_some() || run[T::Redispatch].is_some()) {
                let run = self.runs.get_mut(id).unwrap();
                run[T::DispatchDue] = None;
                run[T::Redispatch] = None;
                run.touched();
            }
        }
    }
}
