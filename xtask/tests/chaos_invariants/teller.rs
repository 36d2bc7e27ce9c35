//! The verbs that a story is made of: each executes the product's own SQL and notes what its client is told.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;
use xtask::chaos::ledger::{Entry, Kind, Ledger};

/// A file of the product.
macro_rules! sql {
    ($name:literal) => {
        include_str!(concat!("../../../shared/sql/", $name, ".sql"))
    };
}

/// A run, and whose.
#[derive(Clone, Copy)]
pub struct Run {
    pub id: Uuid,
    pub tenant: Uuid,
}

/// A claim that somebody was told of.
#[derive(Clone, Copy)]
pub struct Claim {
    pub run: Run,
    pub token: Uuid,
}

/// What a run may have beside its pipeline and its key.
#[derive(Default)]
pub struct Bounds {
    pub attempts: Option<i32>,
    pub lost: Option<i32>,
    pub concurrency_key: Option<&'static str>,
}

/// Who tells it.
pub struct Teller<'a> {
    pub conn: &'a mut PgConnection,
    pub ledger: Ledger,
}

impl Teller<'_> {
    /// Creates a run; `key` names it.
    pub async fn create(&mut self, key: &str, tenant: Uuid, pipeline: Uuid, bounds: Bounds) -> Run {
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

    /// Gives a lease, or a lease that has expired to another worker.
    pub async fn claim(&mut self, run: Run, worker: &str, taken_over: bool) -> Claim {
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

    /// A heartbeat, which is accepted or refused.
    pub async fn extend(&mut self, Claim { run, token }: Claim, is_alive: bool) {
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
    pub async fn complete(&mut self, Claim { run, token }: Claim, outcome: &str, status: &str) {
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

    /// A worker begins a step.
    pub async fn begin(&mut self, Claim { run, token }: Claim, step: &str) {
        self.told(Kind::StepBegan, run, |line| {
            line.lease_token = Some(token);
            line.step_id = Some(step.to_owned());
            line.run_tenant_id = None;
        });
    }

    /// Stores a result of a step.
    pub async fn store(&mut self, Claim { run, token }: Claim, step: &str, item: i32, status: &str) {
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

    /// Hands the run back.
    pub async fn release(&mut self, Claim { run, token }: Claim) {
        let done = sqlx::query(sql!("release")).bind(run.tenant).bind(run.id).bind(token);
        let done = done.bind(None::<DateTime<Utc>>).fetch_all(&mut *self.conn).await.unwrap();
        assert_eq!(done.len(), 1);
        self.told(Kind::Released, run, |line| line.lease_token = Some(token));
    }

    /// Ends it, whoever has it.
    pub async fn cancel(&mut self, run: Run) {
        let done = sqlx::query(sql!("cancel")).bind(run.tenant).bind(run.id).bind(None::<&str>);
        assert_eq!(done.fetch_all(&mut *self.conn).await.unwrap().len(), 1);
        self.told(Kind::Cancelled, run, |line| line.status = Some("CANCELLED".to_owned()));
    }

    /// Lets the lease of a run be over.
    pub async fn expire(&mut self, run: Run) {
        let past = "update pipeline_runs set lease_expires_at = now() - interval '1 s' where id = $1";
        sqlx::query(past).bind(run.id).execute(&mut *self.conn).await.unwrap();
    }

    /// Requeues what was lost.
    pub async fn sweep(&mut self) {
        let swept = sqlx::query(sql!("sweep_leases")).bind(None::<Uuid>).bind(10_i64);
        swept.execute(&mut *self.conn).await.unwrap();
    }

    /// A GET shows it so.
    pub fn seen(&self, run: Run, status: &str) {
        self.told(Kind::Seen, run, |line| line.status = Some(status.to_owned()));
    }

    /// A report is refused.
    pub fn refused(&self, Claim { run, token }: Claim, code: &str) {
        self.told(Kind::Refused, run, |line| {
            line.lease_token = Some(token);
            line.code = Some(code.to_owned());
        });
    }

    /// Notes a line.
    pub fn told(&self, kind: Kind, run: Run, with: impl FnOnce(&mut Entry)) {
        let mut line = Entry::new(kind, run.tenant, run.id);
        line.run_tenant_id = Some(run.tenant);
        with(&mut line);
        self.ledger.note(line);
    }
}
