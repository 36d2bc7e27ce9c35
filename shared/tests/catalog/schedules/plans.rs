//! The statements on 20,000 schedules: each uses the index that was made for it.

use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use uuid::Uuid;

use crate::support::Conn;

/// Twenty tenants with 100 pipelines and 1,000 schedules each, none of them due.
const SEED: &str = "
    insert into tenants (id, name) select uuidv7(), 'T' from generate_series(1, 20);
    insert into pipelines (id, tenant_id, name) select uuidv7(), t.id, 'P' || n from tenants t, generate_series(1, 100) n;
    insert into schedules (id, tenant_id, name, pipeline_id, cron, time_zone, missed_runs, next_due_at, created_at)
      select uuidv7(), p.tenant_id, p.id || '/' || n, p.id, '0 * * * *', 'UTC', 'latest', now() + n * interval '1 min', now() - n * interval '1 s'
      from pipelines p, generate_series(1, 10) n;
    analyze tenants, pipelines, schedules";

async fn explained(conn: &mut PgConnection, mode: &str, sql: &str, arguments: &str) -> Vec<String> {
    let explain = AssertSqlSafe(format!(
        "set role runplane_functions; set plan_cache_mode = {mode}; set jit = off; deallocate all; prepare statement as {sql}; \
         explain (costs off) execute statement ({arguments}); reset role"
    ));
    let rows = sqlx::raw_sql(explain).fetch_all(conn).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn statements_use_their_indexes(mut conn: Conn) {
    sqlx::raw_sql(SEED).execute(&mut *conn).await.unwrap();
    let (tenant, pipeline): (Uuid, Uuid) =
        sqlx::query_as("select tenant_id, id from pipelines limit 1").fetch_one(&mut *conn).await.unwrap();
    let id = Uuid::now_v7();
    let (due, list) =
        (include_str!("../../../sql/due_schedules.sql"), include_str!("../../../sql/list_schedules.sql"));
    let (generic, custom) = ("force_generic_plan", "force_custom_plan");
    for (mode, sql, arguments, index) in [
        (generic, due, "null, null, null, 100, false".to_owned(), "schedules_due"),
        (generic, due, format!("'{tenant}', now(), '{id}', 100, true"), "schedules_due"),
        (generic, include_str!("../../../sql/take_schedule.sql"), format!("null, '{id}'"), "schedules_pkey"),
        (custom, include_str!("../../../sql/lock_schedule.sql"), format!("null, '{id}'"), "schedules_pkey"),
        (custom, include_str!("../../../sql/get_schedule.sql"), format!("null, '{id}'"), "schedules_pkey"),
        (custom, list, "null, null, null, null, null, null, 21".to_owned(), "schedules_list"),
        (custom, list, format!("'{tenant}', null, null, null, now(), '{id}', 21"), "schedules_list_tenant"),
        (
            custom,
            list,
            format!("'{tenant}', '{pipeline}', null, null, null, null, 21"),
            "schedules_list_pipeline",
        ),
    ] {
        let plan = explained(&mut conn, mode, sql, &arguments).await;
        let uses = plan
            .iter()
            .any(|line| line.contains(&format!("using {index} ")) || line.ends_with(&format!("on {index}")));
        let plan = plan.join("\n");
        assert!(uses && !plan.contains("Seq Scan on schedules"), "{arguments}: no {index}\n{plan}");
        assert!(index.ends_with("_pipeline") || !plan.contains("Sort"), "{arguments}: sorts\n{plan}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_sweep_with_nothing_due_reads_the_beginning_of_an_index(mut conn: Conn) {
    sqlx::raw_sql(SEED).execute(&mut *conn).await.unwrap();
    // Paused ones are not in it.
    for sql in [
        "update schedules set paused = true, next_due_at = null where name like '%/1'",
        "vacuum analyze schedules",
    ] {
        sqlx::raw_sql(sql).execute(&mut *conn).await.unwrap();
    }
    let due = include_str!("../../../sql/due_schedules.sql");
    for missed in [false, true] {
        let explain = AssertSqlSafe(format!(
            "set plan_cache_mode = force_generic_plan; deallocate all; prepare statement as {due}; \
             explain (analyze, buffers, format json) execute statement (null, null, null, 100, {missed})"
        ));
        let plan: serde_json::Value = sqlx::raw_sql(explain).fetch_all(&mut *conn).await.unwrap()[0].get(0);
        let read = |name: &str| plan[0]["Plan"][name].as_u64().unwrap();
        let pages = read("Shared Hit Blocks") + read("Shared Read Blocks");
        assert!(pages <= 3, "{pages} pages");
    }
}
