//! Workers: what their claims note, what their leases tell, and whose list shows them.

use runplane::catalog::{self, BatchSize, Page};
use runplane::cursor::Cursor;
use runplane::runs::{Marks, RunStatus};
use runplane::scope::Scope;
use runplane::sweep;
use runplane::workers::{self, Worker, WorkerFilter};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::support::{Row, change, claim, claim_by, queued, world};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;
const FIRST: Page = Page { limit: 100, cursor: None };

async fn see(conn: &mut PgConnection, worker: &str, tenant: Option<Uuid>, queues: Option<&[&str]>) {
    let seen = sqlx::query("select see_worker($1, $2, $3)").bind(worker).bind(tenant).bind(queues);
    seen.execute(conn).await.unwrap();
}

/// Lets time pass for every worker.
async fn pass(conn: &mut PgConnection, interval: &str) {
    let sql = "update workers set first_seen_at = first_seen_at - $1::text::interval, last_seen_at = last_seen_at - $1::text::interval";
    sqlx::query(sql).bind(interval).execute(conn).await.unwrap();
}

async fn list(conn: &mut PgConnection, scope: Scope, filter: &WorkerFilter) -> Vec<Worker> {
    let list = workers::list(conn, scope, filter, &FIRST).await.unwrap();
    assert_eq!((list.count, list.next_cursor), (list.items.len(), None));
    list.items
}

async fn names(conn: &mut PgConnection, scope: Scope, filter: &WorkerFilter) -> Vec<String> {
    let mut names: Vec<String> =
        list(conn, scope, filter).await.into_iter().map(|worker| worker.worker_id).collect();
    names.sort();
    names
}

/// Which version of each row is there.
async fn written(conn: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar("select ctid::text from workers order by id").fetch_all(conn).await.unwrap()
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_worker_is_noted_once_in_half_a_minute_and_at_once_with_other_queues(mut conn: Conn) {
    let tenant = world(&mut conn).await.tenant;
    let queues: &[&str] = &["b", "a", "b"];
    see(&mut conn, "w", Some(tenant), Some(queues)).await;
    let first = written(&mut conn).await;
    see(&mut conn, "w", Some(tenant), Some(&["a", "b"])).await;
    pass(&mut conn, "29 s").await;
    let moved = written(&mut conn).await;
    assert_ne!(first, moved);
    see(&mut conn, "w", Some(tenant), Some(queues)).await;
    assert_eq!(written(&mut conn).await, moved, "seen 29 s ago");

    see(&mut conn, "w", Some(tenant), Some(&["c"])).await;
    let worker = &list(&mut conn, Scope::All, &WorkerFilter::default()).await[0];
    assert_eq!(worker.queues.as_deref(), Some(&["c".to_owned()][..]));
    assert!((worker.last_seen_at - worker.since).num_seconds() >= 29, "{worker:?}");
    see(&mut conn, "w", Some(tenant), None).await;
    assert_eq!(list(&mut conn, Scope::All, &WorkerFilter::default()).await[0].queues, None);

    pass(&mut conn, "31 s").await;
    let before = written(&mut conn).await;
    see(&mut conn, "w", Some(tenant), None).await;
    assert_ne!(written(&mut conn).await, before, "seen 31 s ago");

    see(&mut conn, "w", None, None).await;
    see(&mut conn, "w", None, None).await;
    see(&mut conn, "stranger", Some(Uuid::now_v7()), None).await;
    let tenants: Vec<_> = list(&mut conn, Scope::All, &WorkerFilter::default())
        .await
        .into_iter()
        .map(|w| w.tenant_id)
        .collect();
    assert_eq!(tenants, [None, Some(tenant)], "newest first; a tenant that does not exist has none");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn whom_another_claim_notes_at_this_moment_nobody_waits_for(pool: sqlx::PgPool) {
    let (mut one, mut other) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    see(&mut one, "w", None, None).await;
    pass(&mut one, "1 min").await;
    let mut transaction = sqlx::Connection::begin(&mut *one).await.unwrap();
    see(&mut transaction, "w", None, None).await;
    sqlx::query("set lock_timeout = '5s'").execute(&mut *other).await.unwrap();
    see(&mut other, "w", None, None).await;
    transaction.commit().await.unwrap();
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_tenant_that_is_deleted_while_a_worker_first_claims_for_it_is_one_that_is_not_there(
    pool: sqlx::PgPool,
) {
    let [mut one, mut other] = [pool.acquire().await.unwrap(), pool.acquire().await.unwrap()];
    let world = world(&mut one).await;
    queued(&mut one, world, "").await;
    let scope = Scope::Tenant(world.tenant);
    let mut transaction = sqlx::Connection::begin(&mut *one).await.unwrap();
    let size = BatchSize::default();
    let last =
        catalog::delete_tenant(&mut transaction, Scope::All, world.tenant, "T", "key:1 op", size).await;
    assert!(last.unwrap().done);

    let first = tokio::spawn(async move {
        let claimed = claim(&mut other, scope, &Marks::default(), claim_by("w")).await;
        (claimed.map_err(|error| error.to_string()), other)
    });
    let waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&pool).await.unwrap() == 0 && !first.is_finished() {
        assert!(std::time::Instant::now() < until, "it neither waits nor answers");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    transaction.commit().await.unwrap();
    let (claimed, mut other) = first.await.unwrap();
    assert_eq!(claimed, Ok(None));
    assert_eq!(claim(&mut other, scope, &Marks::default(), claim_by("w")).await.unwrap(), None);
    assert_eq!(names(&mut other, Scope::All, &WorkerFilter::default()).await, [""; 0]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_lease_keeps_its_worker_alive_and_its_heartbeat_is_when_it_was_seen(mut conn: Conn) {
    let world = world(&mut conn).await;
    see(&mut conn, "worker", Some(world.tenant), None).await;
    pass(&mut conn, "3 min").await;
    let (alive, gone) =
        (WorkerFilter { alive: Some(true), queue: None }, WorkerFilter { alive: Some(false), queue: None });
    assert_eq!(names(&mut conn, Scope::All, &alive).await, [""; 0]);
    assert_eq!(names(&mut conn, Scope::All, &gone).await, ["worker"]);

    let run = Row::new(RunStatus::Running).insert(&mut conn, world).await;
    Row::new(RunStatus::Running).insert(&mut conn, world).await;
    Row::new(RunStatus::Succeeded).insert(&mut conn, world).await;
    change(&mut conn, run, "heartbeat_at = now() - interval '5 s'").await;
    let worker = &list(&mut conn, Scope::All, &alive).await[0];
    assert_eq!((worker.running, worker.alive), (2, true));
    let seen = sqlx::query_scalar("select heartbeat_at from pipeline_runs where id = $1").bind(run);
    let seen: chrono::DateTime<chrono::Utc> = seen.fetch_one(&mut *conn).await.unwrap();
    assert_eq!(worker.last_seen_at, seen);
    assert_eq!(names(&mut conn, Scope::All, &gone).await, [""; 0]);

    sqlx::query(
        "update pipeline_runs set lease_expires_at = now() - interval '1 s' where status = 'RUNNING'",
    )
    .execute(&mut *conn)
    .await
    .unwrap();
    let worker = &list(&mut conn, Scope::All, &gone).await[0];
    assert_eq!((worker.running, worker.alive), (0, false));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_tenant_sees_its_own_workers_and_those_of_everybody_with_its_own_runs(mut conn: Conn) {
    let (here, there) = (world(&mut conn).await, world(&mut conn).await);
    for (worker, tenant) in [("here", Some(here.tenant)), ("there", Some(there.tenant)), ("worker", None)] {
        see(&mut conn, worker, tenant, None).await;
    }
    for world in [here, there, there] {
        Row::new(RunStatus::Running).insert(&mut conn, world).await;
    }
    let all = WorkerFilter::default();
    assert_eq!(names(&mut conn, Scope::All, &all).await, ["here", "there", "worker"]);
    assert_eq!(names(&mut conn, Scope::Tenant(here.tenant), &all).await, ["here", "worker"]);
    assert_eq!(names(&mut conn, Scope::Tenant(there.tenant), &all).await, ["there", "worker"]);
    for (scope, expected) in
        [(Scope::All, 3), (Scope::Tenant(here.tenant), 1), (Scope::Tenant(there.tenant), 2)]
    {
        let shared =
            list(&mut conn, scope, &all).await.into_iter().find(|w| w.worker_id == "worker").unwrap();
        assert_eq!(shared.running, expected, "{scope:?}");
    }
    // Who claims both for one tenant and for all of them holds each run once.
    see(&mut conn, "worker", Some(here.tenant), None).await;
    let twice = list(&mut conn, Scope::All, &all).await;
    let running: Vec<_> =
        twice.iter().filter(|w| w.worker_id == "worker").map(|w| (w.tenant_id, w.running)).collect();
    assert_eq!(running, [(Some(here.tenant), 1), (None, 2)]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn workers_are_found_by_queue_and_walked_page_by_page(mut conn: Conn) {
    see(&mut conn, "gpu", None, Some(&["gpu", "default"])).await;
    see(&mut conn, "cpu", None, Some(&["cpu"])).await;
    see(&mut conn, "any", None, None).await;
    let on = |queue: &str| WorkerFilter { queue: Some(queue.to_owned()), alive: None };
    assert_eq!(names(&mut conn, Scope::All, &on("gpu")).await, ["any", "gpu"]);
    assert_eq!(names(&mut conn, Scope::All, &on("tpu")).await, ["any"]);

    // First seen at one instant: told apart by their ids.
    sqlx::query("update workers set first_seen_at = date_trunc('hour', now())")
        .execute(&mut *conn)
        .await
        .unwrap();
    let (mut seen, mut cursor, all) = (Vec::new(), None, WorkerFilter::default());
    loop {
        let page = workers::list(&mut conn, Scope::All, &all, &Page { limit: 1, cursor }).await.unwrap();
        seen.extend(page.items.into_iter().map(|worker| worker.worker_id));
        match page.next_cursor {
            Some(text) => cursor = Some(Cursor::decode(&text, Scope::All, &all).unwrap()),
            None => break,
        }
    }
    seen.sort();
    assert_eq!(seen, ["any", "cpu", "gpu"]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn workers_are_forgotten_after_a_week_unless_they_hold_a_lease(mut conn: Conn) {
    let world = world(&mut conn).await;
    for worker in ["gone", "long gone", "worker"] {
        see(&mut conn, worker, Some(world.tenant), None).await;
    }
    pass(&mut conn, "6 days 23 h").await;
    Row::new(RunStatus::Running).insert(&mut conn, world).await;
    assert_eq!(sweep::workers(&mut conn, Scope::All, 10).await.unwrap(), 0);
    pass(&mut conn, "1 h 1 s").await;
    see(&mut conn, "new", None, None).await;
    assert_eq!(sweep::workers(&mut conn, Scope::Tenant(Uuid::now_v7()), 10).await.unwrap(), 0);
    assert_eq!(sweep::workers(&mut conn, Scope::All, 1).await.unwrap(), 1, "a small batch");
    assert_eq!(sweep::workers(&mut conn, Scope::Tenant(world.tenant), 10).await.unwrap(), 1);
    assert_eq!(names(&mut conn, Scope::All, &WorkerFilter::default()).await, ["new", "worker"]);
}
