//! Schedules: their runs, each of them once, whatever happens meanwhile.

mod changes;
mod errors;
mod once;
mod plans;
mod refusals;
mod ticks;

use chrono::{DateTime, Utc};
use runplane::catalog::{self, CreateScheduleRequest, Schedule, Ticked, VersionStatus};
use runplane::dag::ParamsCache;
use runplane::scope::Scope;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use uuid::Uuid;

use crate::support::{self, World, request};

const NO_TIMES: [DateTime<Utc>; 0] = [];

/// A tenant with a pipeline that has an APPROVED version, and that version.
async fn world(conn: &mut PgConnection) -> (World, Uuid) {
    let world = support::world(conn).await;
    (world, approved(conn, world).await)
}

/// Another APPROVED version of its pipeline.
async fn approved(conn: &mut PgConnection, world: World) -> Uuid {
    let version: Value =
        json!({"steps": [], "params": {"type": "object", "properties": {"day": {"default": "today"}}}});
    let version = catalog::create_version(conn, &world.version(version)).await.unwrap().version.id;
    support::approve(conn, version).await.unwrap();
    assert_eq!(support::get(conn, version).await.version.status, VersionStatus::Approved);
    version
}

/// A request for a schedule that is due once a year, with these fields besides: no time comes by itself while a test lets it be due.
fn wanted(world: World, fields: Value) -> CreateScheduleRequest {
    let mut body = json!({
        "tenant_id": world.tenant, "name": Uuid::now_v7(), "pipeline_id": world.pipeline, "cron": "0 0 1 1 *",
    });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let request: CreateScheduleRequest = request(body);
    request.check().unwrap();
    request
}

/// That schedule.
async fn schedule(conn: &mut PgConnection, world: World, fields: Value) -> Schedule {
    let request = wanted(world, fields);
    catalog::create_schedule(conn, &ParamsCache::default(), &request).await.unwrap()
}

/// Lets it be due since then, a time in SQL.
async fn due_since(conn: &mut PgConnection, id: Uuid, since: &str) -> DateTime<Utc> {
    let sql = format!("update schedules set next_due_at = {since} where id = $1 returning next_due_at");
    sqlx::query_scalar(AssertSqlSafe(sql)).bind(id).fetch_one(conn).await.unwrap()
}

/// A sweep comes by it: a transaction of its own.
async fn tick(conn: &mut PgConnection, id: Uuid) -> Ticked {
    let mut transaction = conn.begin().await.unwrap();
    let ticked = catalog::tick_schedule(&mut transaction, &ParamsCache::default(), Scope::All, id).await;
    transaction.commit().await.unwrap();
    ticked.unwrap()
}

async fn get(conn: &mut PgConnection, id: Uuid) -> Schedule {
    catalog::get_schedule(conn, Scope::All, id).await.unwrap()
}

/// The times that have runs, in their order.
async fn times(conn: &mut PgConnection, id: Uuid) -> Vec<DateTime<Utc>> {
    sqlx::query_scalar(
        "select scheduled_for from pipeline_runs where schedule_id = $1 order by scheduled_for",
    )
    .bind(id)
    .fetch_all(conn)
    .await
    .unwrap()
}

async fn now(conn: &mut PgConnection) -> DateTime<Utc> {
    sqlx::query_scalar("select now()").fetch_one(conn).await.unwrap()
}
