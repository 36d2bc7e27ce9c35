//! Claim: the order of the queue, and that each run is claimed once, however many ask.

use std::collections::HashSet;

use runplane::runs::{ClaimError, ClaimOptions, Marks, RunStatus};
use runplane::scope::Scope;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, PgConnection};
use uuid::Uuid;

use crate::support::{Row, claim, claim_by, claim_by_id, queued, row, world};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

async fn claim_all(conn: &mut PgConnection, scope: Scope, options: ClaimOptions<'_>) -> Vec<Uuid> {
    let (mut ids, marks) = (Vec::new(), Marks::default());
    while let Some(claim) = claim(conn, scope, &marks, options).await.unwrap() {
        ids.push(claim.run.run.id);
    }
    ids
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_order_is_priority_then_available_at_then_id(mut conn: Conn) {
    let world = world(&mut conn).await;
    let late = queued(&mut conn, world, "available_at = '2026-01-01T00:00:02Z'").await;
    let first = queued(&mut conn, world, "available_at = '2026-01-01T00:00:01Z'").await;
    let second = queued(&mut conn, world, "available_at = '2026-01-01T00:00:01Z'").await;
    let low = queued(&mut conn, world, "priority = 0, available_at = '2025-01-01T00:00:00Z'").await;
    let high = queued(&mut conn, world, "priority = 9").await;
    let delayed = queued(&mut conn, world, "priority = 9, available_at = now() + interval '1 h'").await;
    let order = claim_all(&mut conn, Scope::Tenant(world.tenant), claim_by("w")).await;
    assert_eq!(order, [high, first, second, late, low]);
    assert_eq!(row(&mut conn, delayed).await["status"], "QUEUED");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_claim_sets_everything_a_lease_needs_and_returns_it(mut conn: Conn) {
    let world = world(&mut conn).await;
    let id = queued(&mut conn, world, "").await;
    let options = ClaimOptions { lease_seconds: 42, ..claim_by("me") };
    let claim = claim(&mut conn, Scope::All, &Marks::default(), options).await.unwrap().unwrap();
    let run = &claim.run.run;
    assert_eq!((run.id, run.status, run.claim_count, run.attempt), (id, RunStatus::Running, 1, 1));
    assert_eq!(run.claimed_by.as_deref(), Some("me"));
    assert_eq!((run.lease_expires_at.unwrap() - run.claimed_at.unwrap()).num_seconds(), 42);
    assert_eq!(run.started_at, run.claimed_at);
    assert_eq!(run.dispatch_due_at, None);
    assert_eq!(claim.pipeline_version.id, world.version);
    let stored = row(&mut conn, id).await;
    assert_eq!(stored["lease_token"], claim.run.lease_token.to_string());
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn only_the_queues_that_are_asked_for_are_claimed(mut conn: Conn) {
    let world = world(&mut conn).await;
    let _other = queued(&mut conn, world, "queue = 'other', priority = 9").await;
    let gpu = queued(&mut conn, world, "queue = 'gpu'").await;
    let pipes = queued(&mut conn, world, "priority = 1").await;
    let queues = ["gpu".to_owned(), "pipes".to_owned()];
    let options = ClaimOptions { queues: Some(&queues), ..claim_by("w") };
    assert_eq!(claim_all(&mut conn, Scope::All, options).await, [gpu, pipes]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn another_tenants_run_does_not_exist(mut conn: Conn) {
    let (mine, theirs) = (world(&mut conn).await, world(&mut conn).await);
    let id = queued(&mut conn, theirs, "").await;
    let scope = Scope::Tenant(mine.tenant);
    assert!(claim_all(&mut conn, scope, claim_by("w")).await.is_empty());
    assert!(claim_by_id(&mut conn, scope, id, "w").await.is_none());
    assert!(claim_by_id(&mut conn, Scope::Tenant(theirs.tenant), id, "w").await.is_some());
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn without_a_tenant_the_tenants_take_turns(mut conn: Conn) {
    let mut tenants = Vec::new();
    for _ in 0..3 {
        let world = world(&mut conn).await;
        tenants.push(world.tenant);
        queued(&mut conn, world, "").await;
        queued(&mut conn, world, "").await;
    }
    let (mut turns, marks) = (Vec::new(), Marks::default());
    while let Some(claim) = claim(&mut conn, Scope::All, &marks, claim_by("w")).await.unwrap() {
        turns.push(claim.run.run.tenant_id);
    }
    tenants.sort();
    assert_eq!(turns, [tenants.clone(), tenants].concat());
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_tenant_without_a_run_that_is_due_does_not_hold_up_the_others(mut conn: Conn) {
    let (idle, busy) = (world(&mut conn).await, world(&mut conn).await);
    queued(&mut conn, idle, "available_at = now() + interval '1 h'").await;
    let id = queued(&mut conn, busy, "").await;
    let marks = Marks::default();
    for turn in 0..4 {
        sqlx::query("begin").execute(&mut *conn).await.unwrap();
        let claim = claim(&mut conn, Scope::All, &marks, claim_by("w")).await.unwrap();
        assert_eq!(claim.map(|claim| claim.run.run.id), Some(id), "turn {turn}");
        sqlx::query("rollback").execute(&mut *conn).await.unwrap();
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn claim_by_id_takes_only_what_is_queued_and_due(mut conn: Conn) {
    let world = world(&mut conn).await;
    for status in RunStatus::ALL {
        let id = Row::new(status).insert(&mut conn, world).await;
        let before = row(&mut conn, id).await;
        let claim = claim_by_id(&mut conn, Scope::All, id, "w").await;
        assert_eq!(claim.is_some(), status == RunStatus::Queued, "{status:?}");
        if claim.is_none() {
            assert_eq!(row(&mut conn, id).await, before, "{status:?}");
        }
    }
    let delayed = queued(&mut conn, world, "available_at = now() + interval '1 s'").await;
    assert!(claim_by_id(&mut conn, Scope::All, delayed, "w").await.is_none());
    assert!(claim_by_id(&mut conn, Scope::All, Uuid::now_v7(), "w").await.is_none());
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn claim_takes_only_queued_runs(mut conn: Conn) {
    let world = world(&mut conn).await;
    let mut queued = None;
    for status in RunStatus::ALL {
        let id = Row::new(status).insert(&mut conn, world).await;
        queued = queued.or((status == RunStatus::Queued).then_some(id));
    }
    assert_eq!(claim_all(&mut conn, Scope::All, claim_by("w")).await, [queued.unwrap()]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_same_claim_id_returns_the_same_claim_while_its_lease_lives(mut conn: Conn) {
    let world = world(&mut conn).await;
    let first_run = queued(&mut conn, world, "").await;
    let second_run = queued(&mut conn, world, "").await;
    let options = ClaimOptions { claim_id: Some(Uuid::new_v4()), ..claim_by("me") };
    let scope = Scope::Tenant(world.tenant);
    let first = claim(&mut conn, scope, &Marks::default(), options).await.unwrap().unwrap();
    let again = claim(&mut conn, scope, &Marks::default(), options).await.unwrap().unwrap();
    assert_eq!(first, again);
    assert_eq!((first.run.run.id, first.run.run.claim_count), (first_run, 1));

    let thief = ClaimOptions { worker: "thief", ..options };
    let stolen = claim(&mut conn, scope, &Marks::default(), thief).await;
    assert!(matches!(stolen, Err(ClaimError::ClaimIdInUse)), "{stolen:?}");

    // Once the lease has expired, the claim_id may make a new claim; the lost run keeps its token.
    sqlx::query("update pipeline_runs set lease_expires_at = now() - interval '1 s' where id = $1")
        .bind(first_run)
        .execute(&mut *conn)
        .await
        .unwrap();
    let next = claim(&mut conn, scope, &Marks::default(), options).await.unwrap().unwrap();
    assert_eq!(next.run.run.id, second_run);
    assert_eq!(row(&mut conn, first_run).await["lease_token"], first.run.lease_token.to_string());
}

/// Nobody finds out which claim_ids another tenant uses, or takes one that it is going to use.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_claim_id_is_a_tenants_own(mut conn: Conn) {
    let worlds = [world(&mut conn).await, world(&mut conn).await];
    let options = ClaimOptions { claim_id: Some(Uuid::new_v4()), ..claim_by("me") };
    let thief = ClaimOptions { worker: "thief", ..options };
    for (world, options) in worlds.into_iter().zip([options, thief]) {
        let run = queued(&mut conn, world, "").await;
        let scope = Scope::Tenant(world.tenant);
        let claimed = claim(&mut conn, scope, &Marks::default(), options).await.unwrap().unwrap();
        assert_eq!(claimed.run.run.id, run);
        assert_eq!(claim(&mut conn, scope, &Marks::default(), options).await.unwrap(), Some(claimed));
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn one_claim_id_asked_for_at_once_claims_once(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut conn = options.connect().await.unwrap();
    let worlds = [world(&mut conn).await, world(&mut conn).await];
    for number in 0..40 {
        queued(&mut conn, worlds[number % 2], "").await;
    }
    let claim_id = Uuid::new_v4();
    // A repeated call may reach another environment.
    let askers = (0..16).map(|_| {
        let options = options.clone();
        tokio::spawn(async move {
            let mut conn = options.connect().await.unwrap();
            let wish = ClaimOptions { claim_id: Some(claim_id), ..claim_by("me") };
            claim(&mut conn, Scope::All, &Marks::default(), wish).await.unwrap().unwrap()
        })
    });
    let mut claims = HashSet::new();
    for asker in askers.collect::<Vec<_>>() {
        let claim = asker.await.unwrap();
        claims.insert((claim.run.run.id, claim.run.lease_token));
    }
    assert_eq!(claims.len(), 1);
    let running: i64 = sqlx::query_scalar("select count(*) from pipeline_runs where status = 'RUNNING'")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert_eq!(running, 1);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn thirty_two_claimers_share_two_thousand_runs_without_overlap(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let mut conn = options.connect().await.unwrap();
    let worlds = [world(&mut conn).await, world(&mut conn).await];
    for world in worlds {
        sqlx::query(
            "insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch, priority)
             select id, id, $1, $2, $3, 'pull', n % 10 from (select uuidv7() as id, n from generate_series(1, 1000) n) ids",
        )
        .bind(world.tenant)
        .bind(world.pipeline)
        .bind(world.version)
        .execute(&mut conn)
        .await
        .unwrap();
    }
    let claimers = (0..32).map(|number| {
        let options = options.clone();
        // Half of them ask for a tenant, half for anything.
        let scope = if number % 2 == 0 { Scope::All } else { Scope::Tenant(worlds[number % 4 / 2].tenant) };
        tokio::spawn(async move {
            let mut conn = options.connect().await.unwrap();
            let worker = format!("worker-{number}");
            let (mut mine, marks) = (Vec::new(), Marks::default());
            while let Some(claim) = claim(&mut conn, scope, &marks, claim_by(&worker)).await.unwrap() {
                mine.push(claim.run.run.id);
            }
            mine
        })
    });
    let mut all = Vec::new();
    for claimer in claimers.collect::<Vec<_>>() {
        all.extend(claimer.await.unwrap());
    }
    assert_eq!(all.len(), 2000);
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 2000);
    let once: i64 =
        sqlx::query_scalar("select count(*) from pipeline_runs where status = 'RUNNING' and claim_count = 1")
            .fetch_one(&mut conn)
            .await
            .unwrap();
    assert_eq!(once, 2000);
}
