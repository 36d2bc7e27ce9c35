//! Schedules that there cannot be.

use runplane::catalog::{self, CreateScheduleError, ScheduleRefusal};
use runplane::dag::ParamsCache;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{schedule, wanted, world};
use crate::support::{self, Conn, World, approve};

async fn refusal(conn: &mut PgConnection, world: World, fields: Value) -> CreateScheduleError {
    let request = wanted(world, fields);
    catalog::create_schedule(conn, &ParamsCache::default(), &request).await.unwrap_err()
}

async fn version(conn: &mut PgConnection, world: World, spec: Value) -> Uuid {
    let version = catalog::create_version(conn, &world.version(spec)).await.unwrap().version.id;
    approve(conn, version).await.unwrap();
    version
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_could_not_run_is_refused(mut conn: Conn) {
    let (world, _) = world(&mut conn).await;
    let stranger = support::world(&mut conn).await;
    schedule(&mut conn, world, json!({"name": "taken"})).await;
    let draft = world.draft(&mut conn).await;
    let foreign = super::world(&mut conn).await.1;
    let opaque = version(&mut conn, world, json!({"kind": "other"})).await;
    let strict = json!({"steps": [], "params": {"type": "object", "required": ["day"]}});
    let strict = version(&mut conn, world, strict).await;
    let secret = json!({"steps": [], "params": {"type": "object", "properties": {"token": {"type": "string", "x-secret": true}}}});
    let secret = version(&mut conn, world, secret).await;
    for (fields, why) in [
        (json!({"tenant_id": Uuid::now_v7()}), "tenant not found"),
        (json!({"pipeline_id": Uuid::now_v7()}), "pipeline not found"),
        (json!({"pipeline_id": stranger.pipeline}), "pipeline not found"),
        (json!({"name": "taken"}), "the tenant has a schedule of this name"),
        (json!({"pipeline_version_id": draft}), "pipeline version must be APPROVED to run"),
        (json!({"pipeline_version_id": foreign}), "pipeline version not found"),
        (
            json!({"pipeline_version_id": opaque}),
            "a dag_spec of kind \"other\" is not run by the push worker",
        ),
        (json!({"pipeline_version_id": strict}), "the parameters are not what the version asks for"),
        (json!({"cron": "0 0 31 2 *"}), "none of its times lies ahead"),
        (json!({"ends_at": "2020-01-01T00:00:00Z"}), "none of its times lies ahead"),
        (
            json!({"starts_at": "2030-01-01T00:00:00Z", "ends_at": "2030-01-01T00:00:00Z"}),
            "ends_at must be later than starts_at",
        ),
    ] {
        assert_eq!(refusal(&mut conn, world, fields.clone()).await.to_string(), why, "{fields}");
    }
    schedule(&mut conn, world, json!({"pipeline_version_id": opaque, "dispatch": "pull"})).await;
    schedule(&mut conn, world, json!({"pipeline_version_id": strict, "parameters": {"day": 1}})).await;

    // Whoever may look at a schedule sees its parameters.
    schedule(&mut conn, world, json!({"pipeline_version_id": secret})).await;
    let fields = json!({"pipeline_version_id": secret, "parameters": {"token": "correct horse"}});
    match refusal(&mut conn, world, fields).await {
        CreateScheduleError::Refused(ScheduleRefusal::InvalidParameters(faults)) => {
            assert!(faults[0].detail.starts_with("may have no secret ones"), "{faults:?}");
        }
        error => panic!("{error}"),
    }

    let nothing = support::world(&mut conn).await;
    assert_eq!(
        refusal(&mut conn, nothing, json!({})).await.to_string(),
        "the pipeline has no APPROVED version"
    );
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_no_schedule_may_be_postgres_refuses_whoever_writes_it(mut conn: Conn) {
    let (world, _) = world(&mut conn).await;
    let made = schedule(&mut conn, world, json!({})).await;
    for set in [
        "paused = true",
        "missed_runs = 'some'",
        "starts_at = now(), ends_at = now()",
        "last_run_id = id",
        "last_error = 'e'",
        "priority = 10",
        "name = ''",
        "queue = ''",
        "dispatch = 'pigeon'",
        "parameters = '[]'",
        "max_attempts = 0",
    ] {
        let sql = sqlx::AssertSqlSafe(format!("update schedules set {set} where id = $1"));
        let refused = sqlx::query(sql).bind(made.id).execute(&mut *conn).await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().code().as_deref(), Some("23514"), "{set}");
    }
    for set in [
        "tenant_id = gen_random_uuid()",
        "pipeline_id = gen_random_uuid()",
        "pipeline_version_id = gen_random_uuid()",
    ] {
        let sql = sqlx::AssertSqlSafe(format!("update schedules set {set} where id = $1"));
        let refused = sqlx::query(sql).bind(made.id).execute(&mut *conn).await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().code().as_deref(), Some("23503"), "{set}");
    }
}
