//! One round trip to Postgres for each hot verb on its good path, counted on the wire.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use runplane::auth::{ApiKey, Auth, SECRET_BYTES};
use runplane::dag::ParamsCache;
use runplane::db::{Db, Plans, Pooler};
use runplane::evidence::{self, LogLine};
use runplane::runs::{
    self, Beat, CancelRequest, Claim, CompleteRequest, Completion, Creation, HeartbeatRequest, Marks,
    Outcome, ReleaseRequest, RetryRequest,
};
use runplane::scope::Scope;
use runplane::{steps, sweep};
use serde_json::json;
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{World, claim, claim_by, results, world};

/// Counts how often the client spoke after the server had spoken.
#[derive(Default)]
struct Wire {
    round_trips: AtomicUsize,
    client_speaks: AtomicBool,
}

/// A proxy in front of Postgres; returns its port.
async fn proxy(wire: Arc<Wire>, host: String, port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect((host.as_str(), port)).await.unwrap();
            let ((from_client, to_client), (from_server, to_server)) =
                (client.into_split(), server.into_split());
            tokio::spawn(pump(from_client, to_server, Arc::clone(&wire), true));
            tokio::spawn(pump(from_server, to_client, Arc::clone(&wire), false));
        }
    });
    address.port()
}

async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    wire: Arc<Wire>,
    client: bool,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if wire.client_speaks.swap(client, Ordering::SeqCst) != client && client {
            wire.round_trips.fetch_add(1, Ordering::SeqCst);
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn every_hot_verb_takes_one_round_trip(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut seed = options.connect().await.unwrap();
    let world = world(&mut seed).await;
    let wire = Arc::new(Wire::default());
    let port = proxy(Arc::clone(&wire), options.get_host().to_owned(), options.get_port()).await;
    // However slow the machine that runs this test, no connection counts as idle in it: the ping is for quiet hours.
    let quiet = Duration::from_secs(3600);
    let db =
        Db::new(options.host("127.0.0.1").port(port), Plans::Generic, Pooler::None).ping_after_idle(quiet);

    // As an execution environment has it: the first create of a version looks at it.
    let (cache, marks) = (ParamsCache::default(), Marks::default());
    // The first round prepares the statements, which a connection does once; the second one counts.
    for counts in [false, true] {
        let expect = |verb: &str| {
            let taken = wire.round_trips.swap(0, Ordering::SeqCst);
            assert!(!counts || taken == 1, "{verb} took {taken} round trips");
        };
        expect_reset(&wire);
        let key = Some(if counts { "second" } else { "first" });
        let first =
            db.call(async |conn| runs::create(conn, &cache, &world.request(), key).await).await.unwrap().run;
        expect("create");
        let due_at = first.dispatch_due_at.unwrap();
        db.call(async |conn| runs::mark_dispatched(conn, world.tenant, first.id, due_at).await)
            .await
            .unwrap();
        expect("mark_dispatched");
        let claim = db.call(async |conn| claim(conn, Scope::All, &marks, claim_by("w")).await).await;
        let claim = claim.unwrap().unwrap();
        expect("claim");
        let token = Some(claim.run.lease_token);
        let beat = HeartbeatRequest { lease_token: token, ..HeartbeatRequest::default() };
        db.call(async |conn| runs::heartbeat(conn, Scope::All, first.id, &beat).await).await.unwrap();
        expect("heartbeat");
        let (scope, of_steps) = (Scope::All, results(json!([{ "step_id": "a", "status": "SUCCEEDED" }])));
        let token_of_claim = claim.run.lease_token;
        db.call(async |conn| steps::store(conn, scope, first.id, token_of_claim, &of_steps).await)
            .await
            .unwrap();
        expect("store steps");
        db.call(async |conn| steps::load_all(conn, scope, first.id).await).await.unwrap();
        expect("load all steps");
        let lines: Vec<LogLine> = serde_json::from_value(json!([{ "message": "m" }])).unwrap();
        db.call(async |conn| evidence::add_logs(conn, scope, first.id, &lines).await).await.unwrap();
        expect("add logs");
        let completion = CompleteRequest { lease_token: token, ..CompleteRequest::new(Outcome::Succeeded) };
        db.call(async |conn| runs::complete(conn, Scope::All, first.id, &completion).await).await.unwrap();
        expect("complete");
        let second =
            db.call(async |conn| runs::create(conn, &cache, &world.request(), None).await).await.unwrap().run;
        expect("create without a key");
        let by_ids = [(Scope::Tenant(world.tenant), second.id)];
        let claims = db.call(async |conn| runs::claim_by_ids(conn, &by_ids, "w", 30).await).await;
        let claim = claims.unwrap().pop().unwrap();
        expect("claim_by_ids");
        others(&db, world, &claim, expect).await;
    }
}

fn expect_reset(wire: &Wire) {
    wire.round_trips.store(0, Ordering::SeqCst);
}

/// The verbs after a claim that lead elsewhere, and those of the sweep.
async fn others(db: &Db, world: World, claim: &Claim, expect: impl Fn(&str)) {
    let (scope, id) = (Scope::Tenant(world.tenant), claim.run.run.id);
    let lease_token = claim.run.lease_token;
    let release = ReleaseRequest { lease_token, available_at: None };
    db.call(async |conn| runs::release(conn, scope, id, &release).await).await.unwrap();
    expect("release");
    let by_ids = [(scope, id)];
    let claims = db.call(async |conn| runs::claim_by_ids(conn, &by_ids, "w", 30).await).await;
    let claim = claims.unwrap().pop().unwrap();
    expect("claim_by_ids");
    let failure =
        CompleteRequest { lease_token: Some(claim.run.lease_token), ..CompleteRequest::new(Outcome::Failed) };
    db.call(async |conn| runs::complete(conn, scope, id, &failure).await).await.unwrap();
    expect("complete FAILED");
    let request = RetryRequest::default();
    let retried = db
        .call(async |conn| runs::retry(conn, &ParamsCache::default(), scope, id, &request, None).await)
        .await
        .unwrap()
        .run;
    expect("retry");
    let request = CancelRequest::default();
    db.call(async |conn| runs::cancel(conn, scope, retried.id, &request).await).await.unwrap();
    expect("cancel");
    db.call(async |conn| runs::get(conn, scope, id).await).await.unwrap();
    expect("get");
    db.call(async |conn| sweep::leases(conn, Scope::All, 10).await).await.unwrap();
    expect("sweep leases");
    db.call(async |conn| sweep::start_by(conn, Scope::All, 10).await).await.unwrap();
    expect("sweep start_by");
    db.call(async |conn| sweep::redispatches(conn, Scope::All, 10).await).await.unwrap();
    expect("sweep redispatches");
    db.call(async |conn| sweep::parked(conn, Scope::All, 10).await).await.unwrap();
    expect("sweep parked");
    let taken = db.call(async |conn| sweep::take_dispatches(conn, Scope::All, 10).await).await.unwrap();
    expect("take dispatches");
    db.call(async |conn| sweep::mark_dispatched(conn, &taken.taken).await).await.unwrap();
    expect("mark all dispatched");
    db.call(async |conn| sweep::evidence(conn, Scope::All, 90, 10, None, 10).await).await.unwrap();
    expect("sweep evidence");
    db.call(async |conn| sweep::retention(conn, Scope::All, 90, 10, None).await).await.unwrap();
    expect("sweep retention");
    db.call(async |conn| sweep::workers(conn, Scope::All, 10).await).await.unwrap();
    expect("sweep workers");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_batch_of_a_hundred_takes_as_many_round_trips_as_one_run(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let mut seed = options.connect().await.unwrap();
    let world = world(&mut seed).await;
    let wire = Arc::new(Wire::default());
    let port = proxy(Arc::clone(&wire), options.get_host().to_owned(), options.get_port()).await;
    let quiet = Duration::from_secs(3600);
    let db =
        Db::new(options.host("127.0.0.1").port(port), Plans::Generic, Pooler::None).ping_after_idle(quiet);
    let cache = ParamsCache::default();
    // The first round prepares the statements, and looks at the version.
    for (size, counts) in [(1, false), (1, true), (100, true)] {
        let expect = |verb: &str, trips: usize| {
            let taken = wire.round_trips.swap(0, Ordering::SeqCst);
            assert!(!counts || taken == trips, "{verb} of {size} took {taken} round trips");
        };
        expect_reset(&wire);
        let request = world.request();
        let keys: Vec<_> = (0..size).map(|number| format!("{counts}-{size}-{number}")).collect();
        let items: Vec<_> = keys
            .iter()
            .map(|key| Creation { request: &request, idempotency_key: Some(key), scheduled: None })
            .collect();
        let created = db.call(async |conn| runs::create_all(conn, &cache, &items).await).await.unwrap();
        expect("create_all", 1);
        let again = db.call(async |conn| runs::create_all(conn, &cache, &items).await).await.unwrap();
        assert!(again.into_iter().all(|answer| !answer.unwrap().new));
        expect("create_all with keys that came before", 2);
        let created: Vec<_> = created.into_iter().map(|answer| answer.unwrap().run).collect();
        let sent: Vec<_> =
            created.iter().map(|run| (run.tenant_id, run.id, run.dispatch_due_at.unwrap())).collect();
        db.call(async |conn| runs::mark_all_dispatched(conn, &sent).await).await.unwrap();
        expect("mark_all_dispatched", 1);
        let asked: Vec<_> = created.iter().map(|run| (Scope::All, run.id)).collect();
        let claims = db.call(async |conn| runs::claim_by_ids(conn, &asked, "w", 30).await).await.unwrap();
        assert_eq!(claims.len(), size);
        expect("claim_by_ids", 1);
        let token = |claim: &Claim| Some(claim.run.lease_token);
        let beats: Vec<_> = claims
            .iter()
            .map(|claim| HeartbeatRequest { lease_token: token(claim), ..HeartbeatRequest::default() })
            .collect();
        let beats: Vec<_> = claims
            .iter()
            .zip(&beats)
            .map(|(claim, request)| Beat { scope: Scope::All, run_id: claim.run.run.id, request })
            .collect();
        db.call(async |conn| runs::heartbeat_all(conn, &beats).await).await.unwrap();
        expect("heartbeat_all", 1);
        // Both outcomes, one statement.
        let ends = [Outcome::Succeeded, Outcome::Failed].into_iter().cycle();
        let ends: Vec<_> = claims
            .iter()
            .zip(ends)
            .map(|(claim, end)| CompleteRequest { lease_token: token(claim), ..CompleteRequest::new(end) })
            .collect();
        let completions: Vec<_> = claims
            .iter()
            .zip(&ends)
            .map(|(claim, request)| Completion { scope: Scope::All, run_id: claim.run.run.id, request })
            .collect();
        let ended = db.call(async |conn| runs::complete_all(conn, &completions).await).await.unwrap();
        assert!(ended.iter().all(Result::is_ok));
        expect("complete_all", 1);
        let again = db.call(async |conn| runs::complete_all(conn, &completions).await).await.unwrap();
        assert_eq!(again, ended);
        expect("complete_all again", 2);
    }
}

/// A key that the environment has seen a moment ago costs nothing, be it limited or not.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_claim_with_a_key_takes_one_round_trip(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut seed = options.connect().await.unwrap();
    let world = world(&mut seed).await;
    let wire = Arc::new(Wire::default());
    let port = proxy(Arc::clone(&wire), options.get_host().to_owned(), options.get_port()).await;
    let quiet = Duration::from_secs(3600);
    let db =
        Db::new(options.host("127.0.0.1").port(port), Plans::Generic, Pooler::None).ping_after_idle(quiet);
    let marks = Marks::default();
    for limit in [None, Some(1000)] {
        let auth = Auth::required(None);
        let key = ApiKey::new(uuid::Uuid::now_v7(), [1; SECRET_BYTES]);
        sqlx::query(
            "insert into api_keys (id, tenant_id, name, roles, secret_sha256, created_by, requests_per_second)
             values ($1, $2, 'w', '{worker}', $3, 'test', $4)",
        )
        .bind(key.id)
        .bind(world.tenant)
        .bind(key.digest().to_vec())
        .bind(limit)
        .execute(&mut seed)
        .await
        .unwrap();
        let bearer = format!("Bearer {}", key.text());
        let headers = http::HeaderMap::from_iter([(http::header::AUTHORIZATION, bearer.parse().unwrap())]);
        // The first calls look the key up, with a limit until they know the pace, and prepare the statements.
        let mut taken = Vec::new();
        for _ in 0..20 {
            expect_reset(&wire);
            let principal = auth.principal(&headers, &db).await.unwrap();
            let scope = principal.scope();
            db.call(async |conn| claim(conn, scope, &marks, claim_by("w")).await).await.unwrap();
            taken.push(wire.round_trips.swap(0, Ordering::SeqCst));
        }
        assert!(taken[0] > 1, "{taken:?}");
        assert_eq!(taken[10..], [1; 10], "{limit:?}: {taken:?}");
    }
}
