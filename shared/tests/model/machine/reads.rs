//! Get and list.

use runplane::runs::{self, Cursor, GetError, ListFilter, Page, RunStatus};
use runplane::scope::Scope;

use super::Machine;
use super::answers::{at, same_run};
use crate::counts::count;
use crate::reference::{T, within};
use crate::transition::{Reach, Which};

impl Machine {
    pub(super) fn get(&mut self, which: Which, reach: Reach) {
        let id = self.id(which);
        let scope = self.scope(id, reach);
        let answer = self.lab.call(async |conn| runs::get(conn, scope, id).await);
        self.look();
        let details = match (answer, self.model.visible(scope, id)) {
            (Err(GetError::NotFound), None) => return count("get", "run_not_found"),
            (Ok(details), Some(_)) => details,
            (answer, run) => panic!("of a get of {run:?}: {answer:?}"),
        };
        let run = &self.model.runs[&id];
        let attempts = details.attempts.iter();
        let attempts: Vec<_> = attempts
            .map(|one| (one.attempt, one.outcome.as_str(), &one.claimed_by, &one.error_code))
            .collect();
        let ended = run.ended.iter();
        let ended: Vec<_> =
            ended.map(|one| (one.attempt, one.outcome, &one.claimed_by, &one.error_code)).collect();
        assert_eq!(attempts, ended, "attempts of {run:?}");
        let reason =
            details.waiting_for.as_ref().map(|waiting| serde_json::to_value(waiting.reason).unwrap());
        let expected = self.model.waiting_for(run);
        assert_eq!(reason.as_ref().and_then(|reason| reason.as_str()), expected, "what {run:?} waits for");
        if let Some(waiting) = details.waiting_for {
            let until =
                matches!(expected, Some("delayed" | "backoff")).then_some(run[T::Available]).flatten();
            let offset = self.model.clock.offset;
            assert_eq!(waiting.until.map(|until| at(until, offset)), until, "until when {run:?} waits");
            let next = (expected == Some("worker")).then_some(run[T::Redispatch]).flatten();
            assert_eq!(
                waiting.next_dispatch_at.map(|next| at(next, offset)),
                next,
                "when SQS is told again of {run:?}"
            );
            assert_eq!(
                waiting.dispatches,
                next.map(|_| run.facts.dispatches),
                "how often SQS was told of {run:?}"
            );
        }
        self.answered(details.run);
        count("get", "ok");
    }

    /// Page after page.
    pub(super) fn list(&mut self, tenant: Option<usize>, status: Option<RunStatus>, limit: i64) {
        let scope = tenant.map_or(Scope::All, |tenant| Scope::Tenant(self.model.world.tenants[tenant]));
        let filter = ListFilter { status: status.into_iter().collect(), ..ListFilter::default() };
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let page = Page { limit, offset: 0, cursor };
            let page = self.lab.call(async |conn| runs::list(conn, scope, &filter, &page).await.unwrap());
            found.extend(page.items);
            let Some(next) = page.next_cursor else { break };
            cursor = Some(Cursor::decode(&next, scope, &filter).unwrap());
        }
        self.look();
        let mut expected: Vec<_> = self
            .model
            .runs
            .values()
            .filter(|run| within(scope, run.facts.tenant_id) && status.is_none_or(|status| run.is(status)))
            .collect();
        expected.sort_by_key(|run| std::cmp::Reverse((run[T::Created].unwrap().known(), run.facts.id)));
        let ids = |runs: &[runs::Run]| runs.iter().map(|run| run.id).collect::<Vec<_>>();
        assert_eq!(ids(&found), expected.iter().map(|run| run.facts.id).collect::<Vec<_>>(), "a list");
        for (run, answer) in expected.iter().zip(&found) {
            same_run(run, answer, self.model.clock.offset);
        }
        count("list", if found.is_empty() { "nothing" } else { "ok" });
    }
}
