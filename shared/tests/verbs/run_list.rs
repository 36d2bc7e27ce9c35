//! What stands beside the runs for the lists follows them, whoever writes them.

use runplane::runs::RunStatus;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::support::{Row, change, world};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

/// Runs whose place in the lists is missing or wrong, and places without a run.
async fn differences(conn: &mut PgConnection) -> i64 {
    sqlx::query_scalar(
        "select count(*) from (
           select id, tenant_id, created_at, pipeline_id, pipeline_version_id, queue, labels from pipeline_runs) r
         full join (
           select id, tenant_id, created_at, pipeline_id, pipeline_version_id, queue, coalesce(labels, '{}') as labels
           from run_list) l on l = r
         where l is null or r is null",
    )
    .fetch_one(conn)
    .await
    .unwrap()
}

async fn listed(conn: &mut PgConnection) -> i64 {
    sqlx::query_scalar("select count(*) from run_list").fetch_one(conn).await.unwrap()
}

/// Which version of its only row is there.
async fn written(conn: &mut PgConnection) -> String {
    sqlx::query_scalar("select xmin::text || ctid::text from run_list").fetch_one(conn).await.unwrap()
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_list_follows_every_kind_of_change_by_hand(mut conn: Conn) {
    let (here, there) = (world(&mut conn).await, world(&mut conn).await);
    let mut ids = Vec::new();
    for status in RunStatus::ALL {
        ids.push(Row::new(status).insert(&mut conn, here).await);
    }
    assert_eq!((differences(&mut conn).await, listed(&mut conn).await), (0, 5), "inserted");

    for set in [
        "created_at = created_at - interval '1 day'",
        "queue = 'gpu'",
        "labels = '{\"team\": \"a\"}'",
        "labels = '{}'",
    ] {
        change(&mut conn, ids[0], set).await;
        assert_eq!(differences(&mut conn).await, 0, "{set}");
    }
    let moved =
        sqlx::query("update pipeline_runs set tenant_id = $1, pipeline_id = $2, pipeline_version_id = $3")
            .bind(there.tenant)
            .bind(there.pipeline)
            .bind(there.version);
    assert_eq!(moved.execute(&mut *conn).await.unwrap().rows_affected(), 5);
    assert_eq!(differences(&mut conn).await, 0, "moved to another tenant");
    let renamed = sqlx::query("update pipeline_runs set id = $1, root_run_id = $1 where id = $2");
    renamed.bind(Uuid::now_v7()).bind(ids[1]).execute(&mut *conn).await.unwrap();
    assert_eq!(differences(&mut conn).await, 0, "another id");

    sqlx::query("delete from pipeline_runs where finished_at is not null").execute(&mut *conn).await.unwrap();
    assert_eq!((differences(&mut conn).await, listed(&mut conn).await), (0, 2), "deleted");
    sqlx::query("truncate pipeline_runs cascade").execute(&mut *conn).await.unwrap();
    assert_eq!(listed(&mut conn).await, 0, "truncated");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_claim_and_a_completion_leave_the_list_alone(mut conn: Conn) {
    let world = world(&mut conn).await;
    let id = Row::new(RunStatus::Queued).insert(&mut conn, world).await;
    let before = written(&mut conn).await;
    let claimed = crate::support::claim_by_id(&mut conn, runplane::scope::Scope::All, id, "w").await;
    let request = serde_json::json!({"status": "SUCCEEDED", "lease_token": claimed.unwrap().run.lease_token});
    let request = serde_json::from_value(request).unwrap();
    runplane::runs::complete(&mut conn, runplane::scope::Scope::All, id, &request).await.unwrap();
    assert_eq!(written(&mut conn).await, before);
}
