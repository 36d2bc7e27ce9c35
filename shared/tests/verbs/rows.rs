//! Rows that must not be, whoever writes them: what constraints say, and for what never changes a trigger.

use sqlx::AssertSqlSafe;

use crate::support::{queued, world};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn no_illegal_value_is_stored_neither_at_first_nor_later(mut conn: Conn) {
    let world = world(&mut conn).await;
    let id = queued(&mut conn, world, "").await;
    let traceparent =
        |version: &str, trace: &str, span: &str, flags: &str| format!("'{version}-{trace}-{span}-{flags}'");
    let long = |chars: usize| format!("'{}'", "x".repeat(chars));
    let wrong = [
        ("trigger_type", "''".to_owned()),
        ("trigger_type", long(31)),
        ("parameters", "'[]'".into()),
        ("queue", "''".into()),
        ("queue", long(101)),
        ("priority", "10".into()),
        ("priority", "-1".into()),
        ("labels", "'1'".into()),
        ("dispatch", "'pigeon'".into()),
        ("max_attempts", "0".into()),
        ("max_attempts", "21".into()),
        ("max_lost", "21".into()),
        ("idempotency_key", "'k'".into()),
        ("request_sha256", "'\\x00'".into()),
        ("concurrency_key", "''".into()),
        ("concurrency_key", long(201)),
        ("traceparent", "''".into()),
        ("traceparent", traceparent("00", "0af7651916cd43dd8448eb211c80319C", "b7ad6b7169203331", "01")),
        ("traceparent", traceparent("01", "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "01")),
        ("traceparent", traceparent("00", &"0".repeat(32), "b7ad6b7169203331", "01")),
        ("traceparent", traceparent("00", "0af7651916cd43dd8448eb211c80319c", &"0".repeat(16), "01")),
        ("traceparent", traceparent("00", "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "01-x")),
        ("attempt", "0".into()),
        ("attempt", "2".into()),
        ("lost", "-1".into()),
        ("claim_count", "-1".into()),
        ("dispatches", "-1".into()),
        ("error_code", long(101)),
        ("status", "'DONE'".into()),
        ("status", "'RUNNING'".into()),
        ("claimed_by", "'w'".into()),
        ("finished_at", "now()".into()),
    ];
    for (column, value) in wrong {
        let insert = format!(
            "insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, {column})
             select uuidv7(), root_run_id, tenant_id, pipeline_id, pipeline_version_id, {value} from pipeline_runs where id = $1"
        );
        let update = format!("update pipeline_runs set {column} = {value} where id = $1");
        for sql in [insert, update] {
            let refused = sqlx::query(AssertSqlSafe(sql.as_str())).bind(id).execute(&mut *conn).await;
            let code = refused.unwrap_err().as_database_error().unwrap().code().unwrap().into_owned();
            assert_eq!(code, "23514", "{sql}");
        }
    }
}
