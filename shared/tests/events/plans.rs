//! What the statements read with many deliveries: by their indexes, however many wait.

use serde_json::json;

use crate::support::{queued, world};
use crate::telling::{Conn, webhook};

/// Pages that a statement reads.
async fn pages(conn: &mut Conn, sql: &str, arguments: &str) -> u64 {
    let sql = sqlx::AssertSqlSafe(format!(
        "set role runplane_functions; set plan_cache_mode = force_generic_plan; set jit = off; deallocate all; prepare statement as {sql}; \
         explain (analyze, buffers, format json) execute statement {arguments}; reset role"
    ));
    let rows = sqlx::raw_sql(sql).fetch_all(&mut **conn).await.unwrap();
    let plan: serde_json::Value = sqlx::Row::get(&rows[0], 0);
    let read = |name: &str| plan[0]["Plan"][name].as_u64().unwrap();
    read("Shared Hit Blocks") + read("Shared Read Blocks")
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn nothing_reads_what_is_not_due(mut conn: Conn) {
    let world = world(&mut conn).await;
    for _ in 0..3 {
        webhook(&mut conn, world, json!({})).await;
    }
    // Three listeners with 30,000 deliveries each: none due, a third of them given up.
    sqlx::query(
        "insert into deliveries (listener_id, tenant_id, run_id, event_id, event_type, data, due_at, given_up)
         select l.id, l.tenant_id, gen_random_uuid(), gen_random_uuid(), 'run.queued', '{}', now() + interval '1 h', n % 3 = 0
         from listeners l, generate_series(1, 30000) n",
    )
    .execute(&mut *conn)
    .await
    .unwrap();
    sqlx::raw_sql("vacuum analyze deliveries, listeners, listener_health").execute(&mut *conn).await.unwrap();
    for (what, sql, arguments) in [
        ("take", include_str!("../../sql/take_deliveries.sql"), "('{}', null, 16, 100, 256)"),
        ("expire", include_str!("../../sql/expire_deliveries.sql"), "(1000)"),
        ("standing", include_str!("../../sql/events_standing.sql"), ""),
    ] {
        // sqlx reads the names of columns out of their quotes; Postgres takes them as they are.
        let read = pages(&mut conn, sql, arguments).await;
        assert!(read < 150, "{what} reads {read} pages");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_change_of_a_run_looks_at_no_other_tenants_webhooks(mut conn: Conn) {
    let mine = world(&mut conn).await;
    sqlx::raw_sql(
        "with others as (insert into tenants (id, name) select gen_random_uuid(), 'T' from generate_series(1, 500) returning id)
         insert into listeners (id, tenant_id, name, url, secret_ref)
         select gen_random_uuid(), o.id, 'w' || n, 'https://x', 's' from others o, generate_series(1, 20) n",
    )
    .execute(&mut *conn)
    .await
    .unwrap();
    sqlx::raw_sql("vacuum analyze listeners").execute(&mut *conn).await.unwrap();
    let run = queued(&mut conn, mine, "").await;
    let cancel = format!(
        "update pipeline_runs set status = 'CANCELLED', finished_at = now(), dispatch_due_at = null where id = '{run}'"
    );
    let read = pages(&mut conn, &cancel, "").await;
    assert!(read < 60, "{read} pages");
}
