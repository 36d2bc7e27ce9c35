//! The verbs behind a transaction pooler: every answer is the caller's own.
//!
//! A pooler that hands a server connection to another client in the middle of a verb does not fail, it answers with somebody
//! else's rows. So these tests compare answers. They need the pgbouncer that `cargo xtask test` starts.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use runplane::dag::ParamsCache;
use runplane::db::{Db, Plans, Pooler};
use runplane::runs::{
    self, CancelRequest, ClaimOptions, CompleteError, CompleteRefusal, CompleteRequest, CreateRequest,
    HeartbeatRequest, ListFilter, Marks, Outcome, Page, ReleaseRequest, RunStatus,
};
use runplane::scope::Scope;
use runplane::sweep;
use serde_json::json;
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use uuid::Uuid;

const CLIENTS: usize = 16;
const CALLS: usize = 5000;

/// The test's database as a function behind the pooler reaches it.
fn pooled(options: &PgConnectOptions) -> Db {
    let pooler = std::env::var("RUNPLANE_TEST_POOLER");
    let pooler =
        pooler.expect("RUNPLANE_TEST_POOLER is the address of a pgbouncer: run `cargo xtask test pooler`");
    let (host, port) = pooler.rsplit_once(':').unwrap();
    let options = options.clone().host(host).port(port.parse().unwrap());
    Db::new(options, Plans::Generic, Pooler::Transaction)
}

/// A tenant of its own, over a connection of its own.
async fn tenant(options: &PgConnectOptions) -> (Uuid, Uuid) {
    let (tenant, version) = (Uuid::now_v7(), Uuid::now_v7());
    sqlx::query(
        "with t as (insert into tenants (id, name) values ($1, 'T')),
              p as (insert into pipelines (id, tenant_id, name) values ($1, $1, 'P'))
         insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec, approved_at)
         values ($2, $1, $1, '1', 'APPROVED', '{\"retry\": {\"max_attempts\": 2, \"delay_seconds\": 0}}', now())",
    )
    .bind(tenant)
    .bind(version)
    .execute(&mut options.connect().await.unwrap())
    .await
    .unwrap();
    (tenant, version)
}

/// One client: a function's environment with a tenant that nobody else uses, so that it knows every answer beforehand.
struct Client {
    db: Db,
    tenant: Uuid,
    version: Uuid,
    name: String,
    calls: Arc<AtomicUsize>,
}

impl Client {
    fn request(&self, number: usize) -> CreateRequest {
        let labels = json!({"of": self.name, "number": number.to_string()});
        serde_json::from_value(json!({
            "tenant_id": self.tenant, "pipeline_version_id": self.version, "labels": labels, "dispatch": "pull",
        }))
        .unwrap()
    }

    /// A run's life, with a look at every answer. Counts the calls.
    async fn life(&self, number: usize) {
        let (db, scope) = (&self.db, Scope::Tenant(self.tenant));
        let (request, key) = (self.request(number), format!("key-{number}"));
        let created = db
            .call(async |conn| runs::create(conn, &ParamsCache::default(), &request, Some(&key)).await)
            .await
            .unwrap();
        let run = created.run;
        assert!(created.new && run.tenant_id == self.tenant && run.labels["number"] == number.to_string());
        let again = db
            .call(async |conn| runs::create(conn, &ParamsCache::default(), &request, Some(&key)).await)
            .await
            .unwrap();
        assert_eq!((again.new, &again.run), (false, &run));

        let options = ClaimOptions {
            worker: &self.name,
            queues: None,
            lease_seconds: 60,
            claim_id: number.is_multiple_of(2).then(Uuid::new_v4),
            max_runs: 1,
            pushed_only: false,
        };
        let claim = db
            .call(async |conn| runs::claim(conn, scope, &Marks::default(), options).await)
            .await
            .unwrap()
            .claims
            .pop()
            .unwrap();
        assert_eq!(
            (claim.run.run.id, claim.run.run.claimed_by.as_deref()),
            (run.id, Some(self.name.as_str()))
        );
        assert_eq!(claim.pipeline_version.id, self.version);
        let lease_token = claim.run.lease_token;
        let beat = HeartbeatRequest { lease_token: Some(lease_token), ..HeartbeatRequest::default() };
        let reply = db.call(async |conn| runs::heartbeat(conn, scope, run.id, &beat).await).await.unwrap();
        assert_eq!((reply.run_id, reply.tenant_id), (run.id, self.tenant));
        self.calls.fetch_add(4, Ordering::Relaxed);
        self.end(number, run.id, lease_token).await;

        let details = db.call(async |conn| runs::get(conn, scope, run.id).await).await.unwrap();
        assert_eq!((details.run.id, details.run.labels["of"].as_str()), (run.id, self.name.as_str()));
        let filter = ListFilter { labels: run.labels.clone(), ..ListFilter::default() };
        let page = Page { limit: 5, offset: 0, cursor: None };
        let listed = db.call(async |conn| runs::list(conn, scope, &filter, &page).await).await.unwrap();
        assert_eq!(listed.items.iter().map(|run| run.id).collect::<Vec<_>>(), [run.id]);
        let swept = db.call(async |conn| sweep::leases(conn, scope, 10).await).await.unwrap();
        assert_eq!(swept, sweep::Leases::default());
        self.calls.fetch_add(3, Ordering::Relaxed);
    }

    /// One of the ways in which a run ends.
    async fn end(&self, number: usize, id: Uuid, lease_token: Uuid) {
        let (db, scope) = (&self.db, Scope::Tenant(self.tenant));
        let output = json!({"of": self.name, "number": number});
        let completion = |status| CompleteRequest {
            lease_token: Some(lease_token),
            output: Some(output.clone()),
            ..CompleteRequest::new(status)
        };
        match number % 4 {
            0 => {
                let request = completion(Outcome::Succeeded);
                let done =
                    db.call(async |conn| runs::complete(conn, scope, id, &request).await).await.unwrap();
                assert_eq!((done.id, done.output), (id, Some(output)));
            }
            1 => {
                let request = completion(Outcome::Failed);
                let again =
                    db.call(async |conn| runs::complete(conn, scope, id, &request).await).await.unwrap();
                assert_eq!((again.id, again.status, again.attempt), (id, RunStatus::Queued, 2));
                self.cancel(id).await;
            }
            2 => {
                let request = ReleaseRequest { lease_token, available_at: None };
                let released =
                    db.call(async |conn| runs::release(conn, scope, id, &request).await).await.unwrap();
                assert_eq!((released.id, released.status), (id, RunStatus::Queued));
                self.cancel(id).await;
            }
            _ => {
                self.cancel(id).await;
                let request = completion(Outcome::Succeeded);
                let refused = db.call(async |conn| runs::complete(conn, scope, id, &request).await).await;
                assert!(
                    matches!(refused, Err(CompleteError::Refused(CompleteRefusal::Cancelled))),
                    "{refused:?}"
                );
            }
        }
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    async fn cancel(&self, id: Uuid) {
        let request = CancelRequest { reason: Some(self.name.clone()) };
        let scope = Scope::Tenant(self.tenant);
        let cancel = self.db.call(async |conn| runs::cancel(conn, scope, id, &request).await);
        let run = cancel.await.unwrap().run;
        assert_eq!((run.id, run.error_message.as_deref()), (id, Some(self.name.as_str())));
        self.calls.fetch_add(1, Ordering::Relaxed);
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn behind_a_pooler_every_answer_is_the_callers_own(_pool: PgPoolOptions, options: PgConnectOptions) {
    let calls = Arc::new(AtomicUsize::new(0));
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..CLIENTS {
        let (tenant, version) = tenant(&options).await;
        let client = Client {
            db: pooled(&options),
            tenant,
            version,
            name: format!("client-{number}"),
            calls: Arc::clone(&calls),
        };
        clients.spawn(async move {
            for number in 0.. {
                if client.calls.load(Ordering::Relaxed) >= CALLS {
                    return;
                }
                client.life(number).await;
            }
        });
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    assert!(calls.load(Ordering::Relaxed) >= CALLS);
    // They shared few server connections: otherwise this would prove nothing.
    let servers: i64 = sqlx::query_scalar(
        "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
    )
    .fetch_one(&mut options.connect().await.unwrap())
    .await
    .unwrap();
    assert!((1..=2).contains(&servers), "{servers} server connections");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn behind_a_pooler_one_claim_id_asked_for_at_once_claims_once(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let (tenant, version) = tenant(&options).await;
    let request = json!({"tenant_id": tenant, "pipeline_version_id": version, "dispatch": "pull"});
    let request: CreateRequest = serde_json::from_value(request).unwrap();
    let db = pooled(&options);
    for _ in 0..8 {
        db.call(async |conn| runs::create(conn, &ParamsCache::default(), &request, None).await)
            .await
            .unwrap();
    }
    let claim_id = Uuid::new_v4();
    let mut askers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let db = pooled(&options);
        askers.spawn(async move {
            let options = ClaimOptions {
                worker: "me",
                queues: None,
                lease_seconds: 60,
                claim_id: Some(claim_id),
                max_runs: 1,
                pushed_only: false,
            };
            let claimed =
                db.call(async |conn| runs::claim(conn, Scope::All, &Marks::default(), options).await).await;
            claimed.unwrap().claims.pop().unwrap().run.lease_token
        });
    }
    let mut tokens = askers.join_all().await;
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn behind_a_pooler_a_verb_that_is_given_up_leaves_no_transaction(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let db = pooled(&options);
    let sleep = db.call(async |conn| sqlx::query("select pg_sleep(60)").execute(conn).await);
    tokio::time::timeout(std::time::Duration::from_millis(200), sleep).await.unwrap_err();
    // The next call has a connection of its own, and its settings.
    let timeout: String = db
        .call(async |conn| {
            sqlx::query_scalar("select current_setting('statement_timeout')").fetch_one(conn).await
        })
        .await
        .unwrap();
    assert_eq!(timeout, "2500ms");
    let outside: Result<String, sqlx::Error> =
        sqlx::query_scalar("select current_setting('statement_timeout')")
            .fetch_one(&mut options.connect().await.unwrap())
            .await;
    assert_eq!(outside.unwrap(), "0");
}
