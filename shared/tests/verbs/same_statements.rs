//! What is another tenant's and what there is not are asked for by the same statements: nobody can tell the two apart, by how long an answer takes
//! either. Compared is what the client says on the wire, message by message in bytes: ids are of one length.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use runplane::auth::{Principal, keys};
use runplane::catalog::{
    self, ApprovedStatus, ChangeStatusRequest, UpdatePipelineRequest, UpdateScheduleRequest,
};
use runplane::dag::ParamsCache;
use runplane::db::{Db, Plans, Pooler};
use runplane::evidence::{self, LogLine};
use runplane::runs::{
    self, CancelRequest, CompleteRequest, HeartbeatRequest, Outcome, ReleaseRequest, RetryRequest,
};
use runplane::scope::Scope;
use runplane::steps;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, PgConnection};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::support::{queued, running, world};

/// How long each thing was that the client has said.
type Said = Arc<Mutex<Vec<usize>>>;

/// A proxy in front of Postgres; returns its port.
async fn proxy(said: Said, host: String, port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect((host.as_str(), port)).await.unwrap();
            let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
                (client.into_split(), server.into_split());
            let said = Arc::clone(&said);
            tokio::spawn(async move {
                let mut buffer = vec![0; 256 * 1024];
                while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
                    said.lock().unwrap().push(read);
                    if to_server.write_all(&buffer[..read]).await.is_err() {
                        return;
                    }
                }
            });
            tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
        }
    });
    address.port()
}

/// A connection, and what is said on it.
struct Wire {
    db: Db,
    said: Said,
}

impl Wire {
    async fn new(options: &PgConnectOptions) -> Self {
        let said = Said::default();
        let port = proxy(Arc::clone(&said), options.get_host().to_owned(), options.get_port()).await;
        let options = options.clone().host("127.0.0.1").port(port);
        let db = Db::new(options, Plans::Generic, Pooler::None).ping_after_idle(Duration::from_secs(3600));
        Self { db, said }
    }

    /// Asks for something that there is not, which prepares the statements; then for another thing that there is not, and for another tenant's.
    async fn compare(&self, what: &str, others: Uuid, verb: impl AsyncFn(&mut PgConnection, Uuid) -> bool) {
        let mut told = Vec::new();
        for id in [Uuid::now_v7(), Uuid::now_v7(), others] {
            self.said.lock().unwrap().clear();
            let refused =
                self.db.call(async |conn| Ok::<_, sqlx::Error>(verb(conn, id).await)).await.unwrap();
            assert!(refused, "{what} of {id}");
            told.push(std::mem::take(&mut *self.said.lock().unwrap()));
        }
        assert!(!told[1].is_empty() && told[1] == told[2], "{what}: {told:?}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn another_tenants_and_nobodys_are_asked_for_alike(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut seed = options.connect().await.unwrap();
    let (own, other) = (world(&mut seed).await, world(&mut seed).await);
    let (run, token) = running(&mut seed, other).await;
    let waiting = queued(&mut seed, other, "").await;
    let connection: Uuid = sqlx::query_scalar(
        "insert into connections (id, tenant_id, name, kind, config)
         values (gen_random_uuid(), $1, 'c', 'http', jsonb_build_object('base_url', 'https://example.com')) returning id",
    )
    .bind(other.tenant)
    .fetch_one(&mut seed)
    .await
    .unwrap();
    let key: Uuid = sqlx::query_scalar(
        "insert into api_keys (id, tenant_id, name, roles, secret_sha256, created_by)
         values (gen_random_uuid(), $1, 'k', '{viewer}', sha256('k'), 'test') returning id",
    )
    .bind(other.tenant)
    .fetch_one(&mut seed)
    .await
    .unwrap();
    let schedule: Uuid = sqlx::query_scalar(
        "insert into schedules (id, tenant_id, name, pipeline_id, cron, time_zone, missed_runs, next_due_at)
         values (gen_random_uuid(), $1, 's', $2, '* * * * *', 'UTC', 'all', now()) returning id",
    )
    .bind(other.tenant)
    .bind(other.pipeline)
    .fetch_one(&mut seed)
    .await
    .unwrap();
    let scope = Scope::Tenant(own.tenant);
    let wire = Wire::new(&options).await;

    wire.compare("get", run, async |conn, id| runs::get(conn, scope, id).await.is_err()).await;
    let beat = HeartbeatRequest { lease_token: Some(token), ..HeartbeatRequest::default() };
    wire.compare("heartbeat", run, async |conn, id| runs::heartbeat(conn, scope, id, &beat).await.is_err())
        .await;
    let end = CompleteRequest { lease_token: Some(token), ..CompleteRequest::new(Outcome::Succeeded) };
    wire.compare("complete", run, async |conn, id| runs::complete(conn, scope, id, &end).await.is_err())
        .await;
    let release: ReleaseRequest =
        serde_json::from_value(serde_json::json!({ "lease_token": token })).unwrap();
    wire.compare("release", run, async |conn, id| runs::release(conn, scope, id, &release).await.is_err())
        .await;
    let cancel = CancelRequest::default();
    wire.compare("cancel", waiting, async |conn, id| runs::cancel(conn, scope, id, &cancel).await.is_err())
        .await;
    let (cache, retry) = (ParamsCache::default(), RetryRequest::default());
    wire.compare("retry", run, async |conn, id| {
        runs::retry(conn, &cache, scope, id, &retry, None).await.is_err()
    })
    .await;
    wire.compare("secrets", run, async |conn, id| runs::secrets(conn, scope, id, token).await.is_err()).await;
    wire.compare("steps", run, async |conn, id| steps::load_all(conn, scope, id).await.is_err()).await;
    let line = [LogLine { level: None, message: "m".to_owned(), source: None, meta: None }];
    wire.compare("add logs", run, async |conn, id| evidence::add_logs(conn, scope, id, &line).await.is_err())
        .await;

    wire.compare("version", other.version, async |conn, id| {
        catalog::get_version(conn, scope, id).await.is_err()
    })
    .await;
    let change = ChangeStatusRequest {
        status: ApprovedStatus::Deprecated,
        comment: None,
        revision: None,
        approved_by: None,
    };
    wire.compare("status", other.version, async |conn, id| {
        catalog::change_status(conn, scope, id, &change, None).await.is_err()
    })
    .await;
    wire.compare("pipeline", other.pipeline, async |conn, id| {
        catalog::get_pipeline(conn, scope, id).await.is_err()
    })
    .await;
    let pause: UpdatePipelineRequest = serde_json::from_value(serde_json::json!({ "paused": true })).unwrap();
    wire.compare("pause", other.pipeline, async |conn, id| {
        catalog::update_pipeline(conn, scope, id, &pause).await.is_err()
    })
    .await;
    wire.compare("connection", connection, async |conn, id| {
        catalog::get_connection(conn, scope, id).await.is_err()
    })
    .await;
    wire.compare("delete connection", connection, async |conn, id| {
        catalog::delete_connection(conn, scope, id).await.is_err()
    })
    .await;
    wire.compare("schedule", schedule, async |conn, id| {
        catalog::get_schedule(conn, scope, id).await.is_err()
    })
    .await;
    let pause: UpdateScheduleRequest = serde_json::from_value(serde_json::json!({ "paused": true })).unwrap();
    wire.compare("pause schedule", schedule, async |conn, id| {
        catalog::update_schedule(conn, &cache, scope, id, &pause).await.is_err()
    })
    .await;
    wire.compare("delete schedule", schedule, async |conn, id| {
        catalog::delete_schedule(conn, scope, id).await.is_err()
    })
    .await;
    wire.compare("revoke", key, async |conn, id| {
        keys::revoke_key(conn, scope, id, &Principal::open().id).await.is_err()
    })
    .await;

    // A version whose params this environment has compiled for its owner.
    let theirs = runs::CreateRequest { tenant_id: other.tenant, ..own.request() };
    let theirs = runs::CreateRequest { pipeline_version_id: other.version, ..theirs };
    wire.db.call(async |conn| runs::create(conn, &cache, &theirs, None).await).await.unwrap();
    wire.compare("create", other.version, async |conn, id| {
        let request = runs::CreateRequest { pipeline_version_id: id, ..own.request() };
        runs::create(conn, &cache, &request, None).await.is_err()
    })
    .await;
}
