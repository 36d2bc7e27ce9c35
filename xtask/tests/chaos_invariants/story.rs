//! A good story: every verb, as the product's own SQL does it, with what its clients are told.

use sqlx::PgConnection;
use uuid::Uuid;
use xtask::chaos::ledger::{Entry, Kind, Ledger};

use crate::teller::{Bounds, Teller};

/// Two tenants. The first may hold two leases, its second pipeline one.
pub const SEED: &str = "
    insert into tenants (id, name, max_running) values
      ('00000000-0000-7000-8000-00000000000a', 'a', 2), ('00000000-0000-7000-8000-00000000000b', 'b', null);
    insert into pipelines (id, tenant_id, name, max_running) values
      ('00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-00000000000a', 'one', null),
      ('00000000-0000-7000-8000-0000000000a2', '00000000-0000-7000-8000-00000000000a', 'narrow', 1),
      ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-00000000000b', 'one', null);
    insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, approved_at, dag_spec)
    select p.id, p.tenant_id, p.id, '1', 'APPROVED', now(), '{\"kind\":\"chaos\"}' from pipelines p;";

const A: Uuid = Uuid::from_u128(0x7000_8000_0000_0000_000a);
const B: Uuid = Uuid::from_u128(0x7000_8000_0000_0000_000b);
const A1: Uuid = Uuid::from_u128(0x7000_8000_0000_0000_00a1);
const A2: Uuid = Uuid::from_u128(0x7000_8000_0000_0000_00a2);
const B1: Uuid = Uuid::from_u128(0x7000_8000_0000_0000_00b1);

/// Tells it all; returns the ledger.
pub async fn tell(conn: &mut PgConnection) -> Vec<Entry> {
    let mut story = Teller { conn, ledger: Ledger::default() };
    story.one_that_goes_well().await;
    story.one_that_fails_once().await;
    story.leases_that_are_lost().await;
    story.handed_back_and_cancelled().await;
    story.one_at_a_time().await;
    story.within_limits().await;
    story.without_a_token().await;
    story.ledger.take()
}

impl Teller<'_> {
    async fn one_that_goes_well(&mut self) {
        let run = self.create("plain", A, A1, Bounds::default()).await;
        // Its answer was lost, and it was sent again.
        self.told(Kind::Created, run, |line| line.key = Some("plain".to_owned()));
        self.seen(run, "QUEUED");
        let claim = self.claim(run, "ann", false).await;
        self.begin(claim, "load").await;
        self.store(claim, "load", -1, "RUNNING").await;
        self.extend(claim, true).await;
        self.store(claim, "load", -1, "SUCCEEDED").await;
        // Once more: nothing changes.
        self.store(claim, "load", -1, "SUCCEEDED").await;
        self.complete(claim, "SUCCEEDED", "SUCCEEDED").await;
        self.told(Kind::Completed, run, |line| {
            (line.lease_token, line.outcome, line.status) =
                (Some(claim.token), Some("SUCCEEDED".to_owned()), Some("SUCCEEDED".to_owned()));
        });
        self.seen(run, "SUCCEEDED");
        self.refused(claim, "already_finished");
    }

    async fn one_that_fails_once(&mut self) {
        let run = self.create("retried", A, A1, Bounds { attempts: Some(2), ..Bounds::default() }).await;
        let first = self.claim(run, "ann", false).await;
        self.begin(first, "load").await;
        self.store(first, "load", -1, "SUCCEEDED").await;
        self.complete(first, "FAILED", "QUEUED").await;
        self.refused(first, "lease_lost");
        let second = self.claim(run, "bob", false).await;
        // Deliberately: a worker of an opaque spec knows what it runs again.
        self.begin(second, "load").await;
        self.store(second, "load", -1, "SUCCEEDED").await;
        self.complete(second, "FAILED", "FAILED").await;
    }

    async fn leases_that_are_lost(&mut self) {
        let run = self.create("swept", A, A1, Bounds::default()).await;
        let zombie = self.claim(run, "ann", false).await;
        self.begin(zombie, "load").await;
        self.store(zombie, "load", -1, "SUCCEEDED").await;
        self.expire(run).await;
        self.sweep().await;
        let heir = self.claim(run, "bob", false).await;
        self.begin(heir, "send").await;
        self.store(heir, "send", -1, "SUCCEEDED").await;
        // Stalled before it began: nothing could hold it back.
        self.begin(zombie, "send").await;
        self.refused(zombie, "lease_lost");
        self.complete(heir, "SUCCEEDED", "SUCCEEDED").await;

        let run = self.create("taken", A, A1, Bounds::default()).await;
        let first = self.claim(run, "ann", false).await;
        self.expire(run).await;
        self.extend(first, false).await;
        let second = self.claim(run, "bob", true).await;
        self.complete(second, "SUCCEEDED", "SUCCEEDED").await;

        let run = self.create("given_up", A, A1, Bounds { lost: Some(0), ..Bounds::default() }).await;
        let claim = self.claim(run, "ann", false).await;
        self.expire(run).await;
        self.sweep().await;
        self.refused(claim, "lease_lost");
        self.seen(run, "FAILED");

        // Nobody took it over: its report stands though its lease had expired.
        let run = self.create("late", A, A1, Bounds::default()).await;
        let claim = self.claim(run, "ann", false).await;
        self.expire(run).await;
        self.complete(claim, "SUCCEEDED", "SUCCEEDED").await;
    }

    async fn handed_back_and_cancelled(&mut self) {
        let run = self.create("released", B, B1, Bounds::default()).await;
        let claim = self.claim(run, "ann", false).await;
        self.release(claim).await;
        let claim = self.claim(run, "bob", false).await;
        self.complete(claim, "SUCCEEDED", "SUCCEEDED").await;

        for (key, begins) in [("cancelled", true), ("never_begun", false)] {
            let run = self.create(key, B, B1, Bounds::default()).await;
            let claim = if begins { Some(self.claim(run, "ann", false).await) } else { None };
            self.cancel(run).await;
            if let Some(claim) = claim {
                self.refused(claim, "run_cancelled");
            }
        }
    }

    async fn one_at_a_time(&mut self) {
        for key in ["single_1", "single_2"] {
            let bounds = Bounds { concurrency_key: Some("k"), ..Bounds::default() };
            let run = self.create(key, B, B1, bounds).await;
            let claim = self.claim(run, "ann", false).await;
            self.complete(claim, "SUCCEEDED", "SUCCEEDED").await;
        }
    }

    async fn within_limits(&mut self) {
        let first = self.create("narrow_1", A, A2, Bounds::default()).await;
        let second = self.create("narrow_2", A, A2, Bounds::default()).await;
        let third = self.create("narrow_3", A, A1, Bounds::default()).await;
        let dead = self.claim(first, "ann", false).await;
        // Its slot is free when its lease has expired.
        self.expire(first).await;
        let alive = self.claim(second, "bob", false).await;
        let other = self.claim(third, "cy", false).await;
        self.complete(dead, "SUCCEEDED", "SUCCEEDED").await;
        self.complete(alive, "SUCCEEDED", "SUCCEEDED").await;
        self.complete(other, "SUCCEEDED", "SUCCEEDED").await;
    }

    /// As clients of the original API do.
    async fn without_a_token(&mut self) {
        let run = self.create("tokenless", B, B1, Bounds::default()).await;
        let claim = self.claim(run, "ann", false).await;
        self.extend(claim, true).await;
        self.complete(claim, "SUCCEEDED", "SUCCEEDED").await;
        for line in self.ledger.take() {
            let is_its = line.run_id == run.id && matches!(line.kind, Kind::Extended | Kind::Completed);
            let lease_token = if is_its { None } else { line.lease_token };
            self.ledger.note(Entry { lease_token, ..line });
        }
    }
}
