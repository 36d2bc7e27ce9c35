//! Sixteen claimers on one limit, with workers that die, leases that run out at this very moment, and heartbeats that come too late.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use runplane::runs::{self, Claim, ClaimOptions, CompleteRequest, HeartbeatRequest, Marks, Outcome};
use runplane::scope::Scope;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, PgConnection};
use uuid::Uuid;

use crate::support::{World, claim_by, world};

const CLAIMERS: usize = 16;
/// With each limit; 12,000 in all.
const POLLS: usize = 4_000;

/// So many claims make a storm: on a busy machine it goes on until there were.
const ENOUGH: usize = 100;

/// What the claimers share.
#[derive(Default)]
struct Storm {
    polls: AtomicUsize,
    claimed: AtomicUsize,
    over: AtomicBool,
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_limit_of_1_is_never_exceeded(_pool: PgPoolOptions, options: PgConnectOptions) {
    storm(options, 1, "tenants set max_running = 1 where id = $1").await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_limit_of_10_is_never_exceeded(_pool: PgPoolOptions, options: PgConnectOptions) {
    storm(options, 10, "pipelines set max_running = 10 where tenant_id = $1").await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_limit_of_100_is_never_exceeded(_pool: PgPoolOptions, options: PgConnectOptions) {
    storm(options, 100, "tenants set max_running = 100 where id = $1").await;
}

async fn storm(options: PgConnectOptions, limit: usize, set: &'static str) {
    let mut conn = options.connect().await.unwrap();
    let world = world(&mut conn).await;
    let set = sqlx::AssertSqlSafe(format!("update {set}"));
    sqlx::query(set).bind(world.tenant).execute(&mut conn).await.unwrap();
    refill(&mut conn, world, 500).await;

    let storm = Arc::new(Storm::default());
    let claimers: Vec<_> = (0..CLAIMERS)
        .map(|number| {
            let (storm, options) = (Arc::clone(&storm), options.clone());
            tokio::spawn(async move { claimer(&storm, &options, world, limit, number).await })
        })
        .collect();
    let others = [
        tokio::spawn(reaper(Arc::clone(&storm), options.clone(), world)),
        tokio::spawn(observer(Arc::clone(&storm), options.clone(), world, limit)),
        tokio::spawn(refiller(Arc::clone(&storm), options.clone(), world)),
    ];
    for claimer in claimers {
        claimer.await.unwrap();
    }
    storm.over.store(true, Relaxed);
    for other in others {
        other.await.unwrap();
    }
    let claimed = storm.claimed.load(Relaxed);
    assert!(claimed > ENOUGH, "the storm was a calm: {claimed} claims");
    not_stuck(&mut conn, world, limit).await;
}

impl Storm {
    /// Counts a poll that comes next.
    fn goes_on(&self) -> bool {
        let polls = self.polls.fetch_add(1, Relaxed);
        polls < POLLS || (polls < 10 * POLLS && self.claimed.load(Relaxed) <= ENOUGH)
    }
}

/// Claims in every way there is, and then does with its runs what workers do.
async fn claimer(storm: &Storm, options: &PgConnectOptions, world: World, limit: usize, number: usize) {
    let mut conn = options.connect().await.unwrap();
    let (marks, worker) = (Marks::default(), format!("w{number}"));
    let mut held: Vec<Claim> = Vec::new();
    // Together they would hold twice as many as may be.
    let most = 2 * limit / CLAIMERS + 1;
    while storm.goes_on() {
        let tenant = Scope::Tenant(world.tenant);
        let claims = match fastrand::u8(0..8) {
            0 => {
                let any: Option<Uuid> = sqlx::query_scalar(
                    "(select id from pipeline_runs where tenant_id = $1 and status = 'RUNNING' and lease_expires_at <= now() limit 1)
                     union all (select id from pipeline_runs where tenant_id = $1 and status = 'QUEUED' limit 1) limit 1",
                )
                .bind(world.tenant)
                .fetch_optional(&mut conn)
                .await
                .unwrap();
                let Some(any) = any else { continue };
                runs::claim_by_ids(&mut conn, &[(tenant, any)], &worker, 30).await.unwrap()
            }
            way => {
                let max_runs = if way < 3 { 7 } else { 1 };
                let scope = if way % 2 == 0 { Scope::All } else { tenant };
                let wish = ClaimOptions { max_runs, lease_seconds: 30, ..claim_by(&worker) };
                runs::claim(&mut conn, scope, &marks, wish).await.unwrap().claims
            }
        };
        storm.claimed.fetch_add(claims.len(), Relaxed);
        held.extend(claims);
        // Late or in time: whatever it is answered, it goes on.
        if let Some(claim) = fastrand::choice(&held) {
            let beat =
                HeartbeatRequest { lease_token: Some(claim.run.lease_token), ..HeartbeatRequest::default() };
            if fastrand::bool() {
                runs::heartbeat(&mut conn, Scope::All, claim.run.run.id, &beat).await.ok();
            } else {
                let item = runs::Beat { scope: Scope::All, run_id: claim.run.run.id, request: &beat };
                runs::heartbeat_all(&mut conn, &[item]).await.unwrap();
            }
        }
        // Some are completed, some forgotten: their worker has died.
        held.retain(|_| fastrand::u8(0..12) != 0);
        while held.len() > most || (!held.is_empty() && fastrand::bool()) {
            let claim = held.swap_remove(fastrand::usize(..held.len()));
            let status = if fastrand::u8(0..4) == 0 { Outcome::Failed } else { Outcome::Succeeded };
            let end =
                CompleteRequest { lease_token: Some(claim.run.lease_token), ..CompleteRequest::new(status) };
            runs::complete(&mut conn, Scope::All, claim.run.run.id, &end).await.ok();
        }
    }
}

/// Lets leases run out: some have, some will in the next milliseconds, while their heartbeats are under way.
async fn reaper(storm: Arc<Storm>, options: PgConnectOptions, world: World) {
    let mut conn = options.connect().await.unwrap();
    while !storm.over.load(Relaxed) {
        sqlx::query(
            "update pipeline_runs set lease_expires_at = least(lease_expires_at, clock_timestamp() + random() * interval '8 ms')
             where id in (select id from pipeline_runs where tenant_id = $1 and status = 'RUNNING' order by random() limit 3
                          for no key update skip locked)",
        )
        .bind(world.tenant)
        .execute(&mut conn)
        .await
        .unwrap();
        tokio::task::yield_now().await;
    }
}

/// Looks all the time. A lease lives as long as the clock says, not the beginning of a transaction.
async fn observer(storm: Arc<Storm>, options: PgConnectOptions, world: World, limit: usize) {
    let mut conn = options.connect().await.unwrap();
    let (mut looked, mut most) = (0, 0);
    let limit = limit as i64;
    while !storm.over.load(Relaxed) {
        let live: i64 = sqlx::query_scalar(
            "select count(*) from pipeline_runs
             where tenant_id = $1 and status = 'RUNNING' and lease_expires_at > clock_timestamp()",
        )
        .bind(world.tenant)
        .fetch_one(&mut conn)
        .await
        .unwrap();
        assert!(live <= limit, "{live} of {limit}");
        (looked, most) = (looked + 1, most.max(live));
    }
    // It was looked at often enough, and the limit was reached.
    assert!(looked > 100 && most == limit, "{looked} looks, at most {most} of {limit}");
}

/// Keeps runs waiting.
async fn refiller(storm: Arc<Storm>, options: PgConnectOptions, world: World) {
    let mut conn = options.connect().await.unwrap();
    while !storm.over.load(Relaxed) {
        let waiting: i64 = sqlx::query_scalar("select count(*) from pipeline_runs where status = 'QUEUED'")
            .fetch_one(&mut conn)
            .await
            .unwrap();
        if waiting < 300 {
            refill(&mut conn, world, 300).await;
        }
        tokio::task::yield_now().await;
    }
}

async fn refill(conn: &mut PgConnection, world: World, count: i32) {
    sqlx::query(
        "insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch, max_attempts, max_lost)
         select i.id, i.id, $1, $2, $3, 'pull', 2, 20 from (select uuidv7() as id from generate_series(1, $4)) i",
    )
    .bind(world.tenant)
    .bind(world.pipeline)
    .bind(world.version)
    .bind(count)
    .execute(conn)
    .await
    .unwrap();
}

/// When everybody is gone, exactly the free slots are given, one by one; and a slot that frees is given again at once.
async fn not_stuck(conn: &mut PgConnection, world: World, limit: usize) {
    sqlx::query("update pipeline_runs set lease_expires_at = now() where lease_expires_at is not null")
        .execute(&mut *conn)
        .await
        .unwrap();
    refill(conn, world, 300).await;
    let marks = Marks::default();
    let scope = Scope::Tenant(world.tenant);
    let mut held = Vec::new();
    for _ in 0..limit {
        let claimed = runs::claim(conn, scope, &marks, claim_by("last")).await.unwrap();
        held.push(claimed.claims.into_iter().next().unwrap());
    }
    for _ in 0..20 {
        assert_eq!(runs::claim(conn, scope, &marks, claim_by("last")).await.unwrap().claims, []);
        let claim = held.swap_remove(0);
        let end = CompleteRequest {
            lease_token: Some(claim.run.lease_token),
            ..CompleteRequest::new(Outcome::Succeeded)
        };
        runs::complete(conn, scope, claim.run.run.id, &end).await.unwrap();
        let claimed = runs::claim(conn, scope, &marks, claim_by("last")).await.unwrap();
        held.push(claimed.claims.into_iter().next().unwrap());
    }
}
