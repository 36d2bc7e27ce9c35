//! `max_running` of tenants and pipelines, and pauses: never exceeded, and never a slot that stays free while runs wait.

use runplane::db::{Db, Plans, Pooler};
use runplane::runs::{self, ClaimOptions, CompleteRequest, Marks, Outcome, WaitingReason};
use runplane::scope::Scope;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, PgConnection};
use uuid::Uuid;

use crate::support::{World, claim, claim_by, claim_by_id, details, expire, queued, world};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

const NONE: [Uuid; 0] = [];

/// Sets a bound of a tenant or a pipeline by hand: `update <set>`, with the tenant as $1 and the pipeline as $2.
async fn bound(conn: &mut PgConnection, world: World, set: &'static str) {
    let which =
        if set.starts_with("tenants") { "id = $1 and $2 is not null" } else { "tenant_id = $1 and id = $2" };
    let sql = sqlx::AssertSqlSafe(format!("update {set} where {which}"));
    let done = sqlx::query(sql).bind(world.tenant).bind(world.pipeline).execute(conn).await.unwrap();
    assert_eq!(done.rows_affected(), 1);
}

/// Another pipeline of the same tenant.
async fn pipeline_beside(conn: &mut PgConnection, world: World) -> World {
    let beside = World { pipeline: Uuid::now_v7(), version: Uuid::now_v7(), ..world };
    sqlx::query(
        "with p as (insert into pipelines (id, tenant_id, name) values ($2, $1, 'Beside ' || $2::text))
         insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec, approved_at)
         values ($3, $1, $2, '1', 'APPROVED', '{}', now())",
    )
    .bind(beside.tenant)
    .bind(beside.pipeline)
    .bind(beside.version)
    .execute(conn)
    .await
    .unwrap();
    beside
}

async fn several(conn: &mut PgConnection, scope: Scope, marks: &Marks, max_runs: i32) -> Vec<Uuid> {
    let options = ClaimOptions { max_runs, ..claim_by("w") };
    let claimed = runs::claim(conn, scope, marks, options).await.unwrap();
    claimed.claims.iter().map(|claim| claim.run.run.id).collect()
}

async fn succeed(conn: &mut PgConnection, claim: &runs::Claim) {
    let request = CompleteRequest {
        lease_token: Some(claim.run.lease_token),
        ..CompleteRequest::new(Outcome::Succeeded)
    };
    runs::complete(conn, Scope::All, claim.run.run.id, &request).await.unwrap();
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_tenant_at_its_limit_waits_until_a_slot_is_free_whoever_asks(mut conn: Conn) {
    let (full, other) = (world(&mut conn).await, world(&mut conn).await);
    bound(&mut conn, full, "tenants set max_running = 1").await;
    let first = queued(&mut conn, full, "").await;
    let second = queued(&mut conn, full, "").await;
    let marks = Marks::default();
    let scope = Scope::Tenant(full.tenant);
    let held = claim(&mut conn, scope, &marks, claim_by("w")).await.unwrap().unwrap();
    assert_eq!((held.run.run.id, held.limited), (first, true));
    // However it is asked for: of the tenant, of anybody, several at once, by its id.
    assert_eq!(claim(&mut conn, scope, &marks, claim_by("w")).await.unwrap(), None);
    assert_eq!(several(&mut conn, Scope::All, &marks, 10).await, NONE);
    assert_eq!(claim_by_id(&mut conn, scope, second, "w").await, None);
    assert_eq!(details(&mut conn, second).await.waiting_for.unwrap().reason, WaitingReason::TenantLimit);
    // Nobody else waits for it.
    let others = queued(&mut conn, other, "").await;
    let claimed = claim(&mut conn, Scope::All, &marks, claim_by("w")).await.unwrap().unwrap();
    assert_eq!((claimed.run.run.id, claimed.limited), (others, false));

    succeed(&mut conn, &held).await;
    assert_eq!(
        claim(&mut conn, Scope::All, &marks, claim_by("w")).await.unwrap().unwrap().run.run.id,
        second
    );
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_pipeline_at_its_limit_lets_the_tenants_other_pipelines_pass_in_their_order(mut conn: Conn) {
    let full = world(&mut conn).await;
    let free = pipeline_beside(&mut conn, full).await;
    bound(&mut conn, full, "pipelines set max_running = 2").await;
    let scope = Scope::Tenant(full.tenant);
    let mut bounded = Vec::new();
    for _ in 0..4 {
        bounded.push(queued(&mut conn, full, "priority = 9").await);
    }
    let low = queued(&mut conn, free, "priority = 1").await;
    let high = queued(&mut conn, free, "priority = 8").await;
    let marks = Marks::default();
    // Several at once stop at the limit of the pipeline, and go on with the others.
    assert_eq!(several(&mut conn, scope, &marks, 10).await, [bounded[0], bounded[1], high, low]);
    assert_eq!(several(&mut conn, scope, &marks, 10).await, NONE);
    assert_eq!(
        details(&mut conn, bounded[2]).await.waiting_for.unwrap().reason,
        WaitingReason::PipelineLimit
    );
    assert_eq!(claim_by_id(&mut conn, scope, bounded[2], "w").await, None);
    // A lease that has expired holds no slot: its run is lost, and another one may run.
    expire(&mut conn, bounded[0]).await;
    assert_eq!(several(&mut conn, scope, &marks, 10).await, [bounded[2]]);
    // Now there is no slot to take the lost one over.
    assert_eq!(several(&mut conn, scope, &marks, 10).await, NONE);
    assert_eq!(claim_by_id(&mut conn, scope, bounded[0], "w").await, None);
}

/// Runs in this order; the first of each pipeline, and of each queue, may not be claimed while a run with its key is RUNNING.
async fn two_lanes_that_begin_with_runs_that_must_wait(conn: &mut PgConnection) -> (World, Vec<Uuid>) {
    let one = world(conn).await;
    let other = pipeline_beside(conn, one).await;
    let paused = pipeline_beside(conn, one).await;
    bound(conn, paused, "pipelines set paused = true").await;
    let _paused = queued(conn, paused, "priority = 9").await;
    let holder = queued(conn, one, "queue = 'a', concurrency_key = 'k', priority = 9").await;
    claim_by_id(conn, Scope::All, holder, "holder").await.unwrap();
    for (world, set) in [
        (one, "queue = 'a', concurrency_key = 'k', available_at = '2026-01-01T00:00:01Z'"),
        (other, "queue = 'b', concurrency_key = 'k', available_at = '2026-01-01T00:00:02Z'"),
    ] {
        queued(conn, world, set).await;
    }
    let mut order = Vec::new();
    for (world, set) in [
        (other, "queue = 'b', available_at = '2026-01-01T00:00:03Z'"),
        (one, "queue = 'a', available_at = '2026-01-01T00:00:04Z'"),
        (other, "queue = 'b', available_at = '2026-01-01T00:00:05Z'"),
        (one, "queue = 'a', available_at = '2026-01-01T00:00:06Z'"),
        (other, "queue = 'b', available_at = '2026-01-01T00:00:06Z'"),
    ] {
        order.push(queued(conn, world, set).await);
    }
    // Lower, though long due.
    order.push(queued(conn, one, "queue = 'a', priority = 1, available_at = '2025-01-01T00:00:00Z'").await);
    (one, order)
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_claim_of_one_run_takes_the_first_of_all_pipelines_beside_one_that_is_paused(mut conn: Conn) {
    let (world, order) = two_lanes_that_begin_with_runs_that_must_wait(&mut conn).await;
    let (scope, marks) = (Scope::Tenant(world.tenant), Marks::default());
    for id in order {
        assert_eq!(several(&mut conn, scope, &marks, 1).await, [id]);
    }
    assert_eq!(several(&mut conn, scope, &marks, 1).await, NONE);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_claim_of_one_run_takes_the_first_of_all_queues_that_it_names(mut conn: Conn) {
    let (_, order) = two_lanes_that_begin_with_runs_that_must_wait(&mut conn).await;
    let queues = ["b".to_owned(), "a".to_owned(), "none".to_owned()];
    let (marks, options) = (Marks::default(), ClaimOptions { queues: Some(&queues), ..claim_by("w") });
    for id in order {
        let claimed = claim(&mut conn, Scope::All, &marks, options).await.unwrap().unwrap();
        assert_eq!(claimed.run.run.id, id);
    }
    assert_eq!(claim(&mut conn, Scope::All, &marks, options).await.unwrap(), None);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn where_somebody_holds_the_first_of_all_the_next_one_is_taken(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let (mut conn, mut other) = (options.connect().await.unwrap(), options.connect().await.unwrap());
    let (world, order) = two_lanes_that_begin_with_runs_that_must_wait(&mut conn).await;
    let held = "select from pipeline_runs where id = any ($1) for update";
    sqlx::query("begin").execute(&mut other).await.unwrap();
    sqlx::query(held).bind(&order[..3]).execute(&mut other).await.unwrap();
    let marks = Marks::default();
    // Those that are held by nobody, lane by lane.
    let left = several(&mut conn, Scope::Tenant(world.tenant), &marks, 1).await;
    assert!(left == order[3..4] || left == order[4..5], "{left:?} of {order:?}");
    sqlx::query("rollback").execute(&mut other).await.unwrap();
    assert_eq!(several(&mut conn, Scope::Tenant(world.tenant), &Marks::default(), 1).await, order[..1]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_limit_of_a_pipeline_holds_in_its_queue_too(mut conn: Conn) {
    let full = world(&mut conn).await;
    let free = pipeline_beside(&mut conn, full).await;
    bound(&mut conn, full, "pipelines set max_running = 1").await;
    let first = queued(&mut conn, full, "queue = 'gpu'").await;
    let blocked = queued(&mut conn, full, "queue = 'gpu'").await;
    let beside = queued(&mut conn, free, "queue = 'gpu'").await;
    let elsewhere = queued(&mut conn, free, "queue = 'cpu', priority = 9").await;
    let queues = ["gpu".to_owned()];
    let marks = Marks::default();
    let options = ClaimOptions { queues: Some(&queues), max_runs: 10, ..claim_by("w") };
    for scope in [Scope::All, Scope::Tenant(full.tenant)] {
        let claimed = runs::claim(&mut conn, scope, &marks, options).await.unwrap().claims;
        let ids: Vec<_> = claimed.iter().map(|claim| claim.run.run.id).collect();
        assert_eq!(ids, if scope == Scope::All { vec![first, beside] } else { vec![] }, "{scope:?}");
    }
    for waits in [blocked, elsewhere] {
        assert!(details(&mut conn, waits).await.waiting_for.is_some());
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn nothing_of_what_is_paused_is_claimed_until_it_goes_on(mut conn: Conn) {
    let paused = world(&mut conn).await;
    let other = pipeline_beside(&mut conn, paused).await;
    let scope = Scope::Tenant(paused.tenant);
    let marks = Marks::default();
    let waits = queued(&mut conn, paused, "priority = 9").await;
    bound(&mut conn, paused, "tenants set paused = true").await;
    assert_eq!(several(&mut conn, scope, &marks, 10).await, NONE);
    assert_eq!(several(&mut conn, Scope::All, &marks, 10).await, NONE);
    assert_eq!(claim_by_id(&mut conn, scope, waits, "w").await, None);
    assert_eq!(details(&mut conn, waits).await.waiting_for.unwrap().reason, WaitingReason::TenantPaused);

    bound(&mut conn, paused, "tenants set paused = false").await;
    bound(&mut conn, paused, "pipelines set paused = true").await;
    let beside = queued(&mut conn, other, "").await;
    assert_eq!(details(&mut conn, waits).await.waiting_for.unwrap().reason, WaitingReason::PipelinePaused);
    assert_eq!(several(&mut conn, scope, &marks, 10).await, [beside]);
    assert_eq!(claim_by_id(&mut conn, scope, waits, "w").await, None);

    bound(&mut conn, paused, "pipelines set paused = false").await;
    assert_eq!(several(&mut conn, Scope::All, &marks, 10).await, [waits]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_lost_run_of_what_is_paused_is_not_taken_over(mut conn: Conn) {
    let paused = world(&mut conn).await;
    let lost = queued(&mut conn, paused, "").await;
    let marks = Marks::default();
    assert_eq!(several(&mut conn, Scope::All, &marks, 1).await, [lost]);
    expire(&mut conn, lost).await;
    bound(&mut conn, paused, "pipelines set paused = true").await;
    assert_eq!(several(&mut conn, Scope::All, &marks, 1).await, NONE);
    assert_eq!(claim_by_id(&mut conn, Scope::All, lost, "w").await, None);
    bound(&mut conn, paused, "pipelines set paused = false").await;
    assert_eq!(several(&mut conn, Scope::All, &Marks::default(), 1).await, [lost]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_database_whose_default_is_another_isolation_changes_nothing(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let mut conn = options.connect().await.unwrap();
    let name = options.get_database().unwrap();
    let default = format!("alter database \"{name}\" set default_transaction_isolation = 'repeatable read'");
    sqlx::raw_sql(sqlx::AssertSqlSafe(default)).execute(&mut conn).await.unwrap();
    for pooler in [Pooler::None, Pooler::Transaction] {
        let db = Db::new(options.clone(), Plans::Generic, pooler);
        let isolation: String = db
            .call(async |conn| sqlx::query_scalar("show transaction_isolation").fetch_one(conn).await)
            .await
            .unwrap();
        assert_eq!(isolation, "read committed", "{pooler:?}");
    }
}
