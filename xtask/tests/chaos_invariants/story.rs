//! A good story: every verb, as the product's own SQL does it, with what its clients are told.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;
use xtask::chaos::ledger::{Entry, Kind, Ledger};

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

/// A file of the product.
macro_rules! sql {
    ($name:literal) => {
        include_str!(concat!("../../../shared/sql/", $name, ".sql"))
    };
}

/// A run, and whose.
#[derive(Clone, Copy)]
struct Run {
    id: Uuid,
    tenant: Uuid,
}

/// A claim that somebody was told of.
#[derive(Clone, Copy)]
struct Claim {
    run: Run,
    token: Uuid,
}

/// What a run may have beside its pipeline and its key.
#[derive(Default)]
struct Bounds {
    attempts: Option<i32>,
    lost: Option<i32>,
    concurrency_key: Option<&'static str>,
}

struct Teller<'a> {
    conn: &'a mut PgConnection,
    ledger: Ledger,
}

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
        let done = sqlx::query(sql!("release")).bind(B).bind(run.id).bind(claim.token);
        let done = done.bind(None::<DateTime<Utc>>).fetch_all(&mut *self.conn).await.unwrap();
        assert_eq!(done.len(), 1);
        self.told(Kind::Released, run, |line| line.lease_token = Some(claim.token));
        let claim = self.claim(run, "bob", false).await;
        self.complete(claim, "SUCCEEDED", "SUCCEEDED").await;

        for (key, begins) in [("cancelled", true), ("never_begun", false)] {
            let run = self.create(key, B, B1, Bounds::default()).await;
            let claim = if begins { Some(self.claim(run, "ann", false).await) } else { None };
            let done = sqlx::query(sql!("cancel")).bind(B).bind(run.id).bind(None::<&str>);
            assert_eq!(done.fetch_all(&mut *self.conn).await.unwrap().len(), 1);
            self.told(Kind::Cancelled, run, |line| line.status = Some("CANCELLED".to_owned()));
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

    async fn create(&mut self, key: &str, tenant: Uuid, pipeline: Uuid, bounds: Bounds) -> Run {
        let run = Run { id: Uuid::new_v4(), tenant };
        sqlx::query(
            "insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch, max_attempts, max_lost,
               idempotency_key, request_sha256, concurrency_key)
             values ($1, $1, $2, $3, $3, 'pull', $4, $5, $6, sha256('x'), $7)",
        )
        .bind(run.id)
        .bind(tenant)
        .bind(pipeline)
        .bind(bounds.attempts.unwrap_or(1))
        .bind(bounds.lost.unwrap_or(3))
        .bind(key)
        .bind(bounds.concurrency_key)
        .execute(&mut *self.conn)
        .await
        .unwrap();
        self.told(Kind::Created, run, |line| line.key = Some(key.to_owned()));
        run
    }

    async fn claim(&mut self, run: Run, worker: &str, taken_over: bool) -> Claim {
        let row = sqlx::query(
            "select (c.run).lease_token, (c.run).claim_count, (c.run).attempt
             from lease_runs(array[$1], $2, $3, 300, null, false) c",
        )
        .bind(run.id)
        .bind(taken_over)
        .bind(worker)
        .fetch_one(&mut *self.conn)
        .await
        .unwrap();
        let token = row.get("lease_token");
        self.told(Kind::Claimed, run, |line| {
            line.lease_token = Some(token);
            line.worker = Some(worker.to_owned());
            line.claim_count = row.get("claim_count");
            line.attempt = row.get("attempt");
        });
        Claim { run, token }
    }

    async fn extend(&mut self, Claim { run, token }: Claim, is_alive: bool) {
        let done = sqlx::query(sql!("heartbeat")).bind(run.tenant).bind(run.id).bind(token);
        let done = done.bind(None::<&str>).bind(None::<i32>).fetch_all(&mut *self.conn).await.unwrap();
        assert_eq!(done.len(), usize::from(is_alive));
        if is_alive {
            self.told(Kind::Extended, run, |line| line.lease_token = Some(token));
        } else {
            self.refused(Claim { run, token }, "lease_lost");
        }
    }

    /// Reports an outcome, of which the run becomes `status`.
    async fn complete(&mut self, Claim { run, token }: Claim, outcome: &str, status: &str) {
        let done: Vec<PgRow> = if outcome == "SUCCEEDED" {
            let query = sqlx::query(sql!("complete")).bind(run.tenant).bind(run.id).bind(token);
            query.bind(None::<serde_json::Value>).fetch_all(&mut *self.conn).await.unwrap()
        } else {
            let query = sqlx::query(sql!("fail")).bind(run.tenant).bind(run.id).bind(token).bind(true);
            let query = query.bind(None::<serde_json::Value>).bind("broken").bind("it broke");
            query.fetch_all(&mut *self.conn).await.unwrap()
        };
        assert_eq!(done.len(), 1);
        self.told(Kind::Completed, run, |line| {
            line.lease_token = Some(token);
            line.outcome = Some(outcome.to_owned());
            line.status = Some(status.to_owned());
        });
    }

    async fn begin(&mut self, Claim { run, token }: Claim, step: &str) {
        self.told(Kind::StepBegan, run, |line| {
            line.lease_token = Some(token);
            line.step_id = Some(step.to_owned());
            line.run_tenant_id = None;
        });
    }

    async fn store(&mut self, Claim { run, token }: Claim, step: &str, item: i32, status: &str) {
        let row = sqlx::query(sql!("store_steps"))
            .bind(run.tenant)
            .bind(run.id)
            .bind(token)
            .bind(0_i64)
            .bind([step])
            .bind([item])
            .bind([status])
            .bind([None::<&str>])
            .bind([1])
            .bind([(status == "SUCCEEDED").then(|| serde_json::json!(1))])
            .bind([None::<&str>])
            .bind([None::<i64>])
            .bind([None::<&str>])
            .bind([None::<&str>])
            .bind([Some(Utc::now())])
            .bind([None::<DateTime<Utc>>])
            .bind([None::<DateTime<Utc>>])
            .bind([Uuid::new_v4()])
            .bind([None::<&str>])
            .bind([None::<&str>])
            .bind([Uuid::new_v4()])
            .fetch_all(&mut *self.conn)
            .await
            .unwrap();
        assert_eq!(row.len(), 1);
        self.told(Kind::StepStored, run, |line| {
            line.lease_token = Some(token);
            line.step_id = Some(step.to_owned());
            line.outcome = Some(status.to_owned()).filter(|status| status == "SUCCEEDED");
        });
    }

    async fn expire(&mut self, run: Run) {
        let past = "update pipeline_runs set lease_expires_at = now() - interval '1 s' where id = $1";
        sqlx::query(past).bind(run.id).execute(&mut *self.conn).await.unwrap();
    }

    async fn sweep(&mut self) {
        let swept = sqlx::query(sql!("sweep_leases")).bind(None::<Uuid>).bind(10_i64);
        swept.execute(&mut *self.conn).await.unwrap();
    }

    fn seen(&self, run: Run, status: &str) {
        self.told(Kind::Seen, run, |line| line.status = Some(status.to_owned()));
    }

    fn refused(&self, Claim { run, token }: Claim, code: &str) {
        self.told(Kind::Refused, run, |line| {
            line.lease_token = Some(token);
            line.code = Some(code.to_owned());
        });
    }

    fn told(&self, kind: Kind, run: Run, with: impl FnOnce(&mut Entry)) {
        let mut line = Entry::new(kind, run.tenant, run.id);
        line.run_tenant_id = Some(run.tenant);
        with(&mut line);
        self.ledger.note(line);
    }
}
