//! Push runs that may not run: SQS is not told of them until they may.

use runplane::dag::ParamsCache;
use runplane::runs::{self, Creation, RetryRequest, RunStatus};
use runplane::scope::Scope;
use runplane::sweep;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::support::{Row, World, change, claim_by_id, queued, row, world};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

const NONE: [Uuid; 0] = [];

async fn set(conn: &mut PgConnection, world: World, set: &'static str) {
    let which = if set.starts_with("tenants") { "id" } else { "tenant_id" };
    let sql = sqlx::AssertSqlSafe(format!("update {set} where {which} = $1"));
    sqlx::query(sql).bind(world.tenant).execute(conn).await.unwrap();
}

async fn is_parked(conn: &mut PgConnection, id: Uuid) -> bool {
    let row = row(conn, id).await;
    assert_eq!(row["status"], "QUEUED");
    row["dispatch_due_at"].is_null() && row["redispatch_at"].is_null()
}

/// What the sweep would send now, in its order.
async fn sent(conn: &mut PgConnection) -> Vec<Uuid> {
    sweep::parked(conn, Scope::All, 100).await.unwrap();
    let dispatches = sweep::take_dispatches(conn, Scope::All, 100).await.unwrap();
    dispatches.taken.iter().map(|taken| taken.notice.run_id).collect()
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn whatever_makes_a_run_that_may_not_run_parks_it(mut conn: Conn) {
    let full = world(&mut conn).await;
    let failed = Row::new(RunStatus::Failed).insert(&mut conn, full).await;
    change(&mut conn, failed, "dispatch = 'push'").await;
    set(&mut conn, full, "tenants set max_running = 0").await;
    let cache = ParamsCache::default();
    let (request, scope) = (full.request(), Scope::Tenant(full.tenant));
    let created = runs::create(&mut conn, &cache, &request, None).await.unwrap().run;
    assert_eq!(created.dispatch_due_at, None);
    assert!(is_parked(&mut conn, created.id).await, "create");
    let items = [Creation { request: &request, idempotency_key: None, scheduled: None }];
    let several = runs::create_all(&mut conn, &cache, &items).await.unwrap().remove(0).unwrap().run;
    assert!(is_parked(&mut conn, several.id).await, "create_all");
    let retried =
        runs::retry(&mut conn, &cache, scope, failed, &RetryRequest::default(), None).await.unwrap().run;
    assert!(is_parked(&mut conn, retried.id).await, "retry");

    // Due, or told before: taken out when the sweep looks, or the message comes.
    let due = queued(&mut conn, full, "dispatch_due_at = now()").await;
    let dispatches = sweep::take_dispatches(&mut conn, Scope::All, 100).await.unwrap();
    assert_eq!((dispatches.taken.len(), dispatches.parked), (0, 1));
    assert!(is_parked(&mut conn, due).await, "take_dispatches");
    let told = queued(&mut conn, full, "redispatch_at = now() + interval '1 min', dispatches = 1").await;
    assert_eq!(claim_by_id(&mut conn, scope, told, "w").await, None);
    assert!(is_parked(&mut conn, told).await, "claim_by_ids");

    // What is delayed keeps its time.
    let delayed = queued(
        &mut conn,
        full,
        "available_at = now() + interval '30 s', dispatch_due_at = now() + interval '30 s'",
    )
    .await;
    assert_eq!(sent(&mut conn).await, [delayed]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_parked_run_is_sent_as_soon_as_it_may_run_however_that_came_about(mut conn: Conn) {
    for (bound, freed) in [
        ("tenants set max_running = 0", "tenants set max_running = 5"),
        ("tenants set max_running = 0", "tenants set max_running = null"),
        ("tenants set paused = true", "tenants set paused = false"),
        ("pipelines set max_running = 0", "pipelines set max_running = 5"),
        ("pipelines set max_running = 0", "pipelines set max_running = null"),
        ("pipelines set paused = true", "pipelines set paused = false"),
    ] {
        let world = world(&mut conn).await;
        set(&mut conn, world, bound).await;
        let id = queued(&mut conn, world, "").await;
        assert_eq!(sent(&mut conn).await, NONE, "{bound}");
        set(&mut conn, world, freed).await;
        assert_eq!(sent(&mut conn).await, [id], "{freed}");
        assert_eq!(sent(&mut conn).await, NONE, "once: {freed}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn as_many_are_sent_as_there_are_slots_the_best_first_and_of_a_key_one(mut conn: Conn) {
    let world = world(&mut conn).await;
    let beside = World { pipeline: Uuid::now_v7(), version: Uuid::now_v7(), ..world };
    sqlx::query(
        "with p as (insert into pipelines (id, tenant_id, name) values ($2, $1, 'Beside'))
         insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec, approved_at)
         values ($3, $1, $2, '1', 'APPROVED', '{}', now())",
    )
    .bind(beside.tenant)
    .bind(beside.pipeline)
    .bind(beside.version)
    .execute(&mut *conn)
    .await
    .unwrap();
    set(&mut conn, world, "tenants set max_running = 0").await;
    let low = queued(&mut conn, world, "priority = 1").await;
    let mut runs = Vec::new();
    for of in [world, beside, world, beside] {
        runs.push(queued(&mut conn, of, "").await);
    }
    let keyed = [
        queued(&mut conn, world, "priority = 9, concurrency_key = 'k'").await,
        queued(&mut conn, world, "priority = 9, concurrency_key = 'k'").await,
    ];
    set(&mut conn, world, "tenants set max_running = 3").await;
    let mut three = sent(&mut conn).await;
    three.sort_unstable();
    let mut expected = [keyed[0], runs[0], runs[1]];
    expected.sort_unstable();
    assert_eq!(three, expected);
    assert!(is_parked(&mut conn, low).await && is_parked(&mut conn, keyed[1]).await);
}
