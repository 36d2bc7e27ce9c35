//! The plans of the hot statements on 100,000 runs: each uses the index that was made for it.

use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::support::{World, world};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

/// Three tenants share 100,000 runs: most have ended, a hundredth waits, some run, some have labels.
pub async fn seed(conn: &mut PgConnection) -> World {
    let worlds = [world(conn).await, world(conn).await, world(conn).await];
    for (share, world) in worlds.iter().enumerate() {
        sqlx::query(
            "insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, status, queue,
               dispatch, priority, labels, available_at, created_at, claim_count, claimed_by, claimed_at, lease_token,
               lease_seconds, lease_expires_at, started_at, finished_at)
             select id, id, $1, $2, $3, status, 'q' || n % 5, 'pull', n % 10,
               case when n % 20 = 0 then jsonb_build_object('team', 't' || n % 1000) else '{}' end, at, at,
               case when status = 'QUEUED' then 0 else 1 end, case when status <> 'QUEUED' then 'w' end,
               case when status <> 'QUEUED' then at end, case when status <> 'QUEUED' then gen_random_uuid() end,
               case when status <> 'QUEUED' then 300 end, case when status = 'RUNNING' then now() end,
               case when status <> 'QUEUED' then at end,
               case when status in ('SUCCEEDED', 'FAILED', 'CANCELLED') then at end
             from (
               select uuidv7() as id, n, now() - n * interval '1 s' as at,
                 case when n % 100 = 0 then 'QUEUED' when n % 200 = 1 then 'RUNNING' when n % 50 = 2 then 'FAILED'
                      when n % 500 = 3 then 'CANCELLED' else 'SUCCEEDED' end as status
               from generate_series(1, case $4 when 0 then 60000 else 20000 end) n) rows",
        )
        .bind(world.tenant)
        .bind(world.pipeline)
        .bind(world.version)
        .bind(share as i32)
        .execute(&mut *conn)
        .await
        .unwrap();
    }
    seed_workers(&mut *conn).await;
    sqlx::raw_sql("vacuum analyze pipeline_runs, run_list, workers").execute(conn).await.unwrap();
    worlds[0]
}

/// 10,000 workers, seen within the last hour.
async fn seed_workers(conn: &mut PgConnection) {
    sqlx::query(
        "insert into workers (worker_id, first_seen_at, last_seen_at)
         select 'w' || n, now() - n * interval '1 min', now() - n % 60 * interval '1 min' from generate_series(1, 10000) n",
    )
    .execute(conn)
    .await
    .unwrap();
}

/// The plan of a statement, planned as the functions have it planned.
pub async fn plan(conn: &mut PgConnection, mode: &str, sql: &str, arguments: &str) -> String {
    let sql = AssertSqlSafe(format!(
        "set role runplane_functions; set plan_cache_mode = {mode}; set jit = off; deallocate all; prepare statement as {sql}; \
         explain (costs off) execute statement ({arguments}); reset role"
    ));
    let rows = sqlx::raw_sql(sql).fetch_all(conn).await.unwrap();
    rows.iter().map(|row| sqlx::Row::get::<String, _>(row, 0)).collect::<Vec<_>>().join("\n")
}

/// How many pages a statement reads, with these arguments between commas if it takes any, planned as the functions have it planned.
pub async fn pages(conn: &mut PgConnection, mode: &str, sql: &str, arguments: &str) -> u64 {
    let arguments = if arguments.is_empty() { String::new() } else { format!("({arguments})") };
    let sql = AssertSqlSafe(format!(
        "set role runplane_functions; set plan_cache_mode = {mode}; set jit = off; deallocate all; prepare statement as {sql}; \
         explain (analyze, buffers, format json) execute statement {arguments}; reset role"
    ));
    let rows = sqlx::raw_sql(sql).fetch_all(conn).await.unwrap();
    let plan: serde_json::Value = sqlx::Row::get(&rows[0], 0);
    let read = |name: &str| plan[0]["Plan"][name].as_u64().unwrap();
    read("Shared Hit Blocks") + read("Shared Read Blocks")
}

pub fn assert_uses(plan: &str, index: &str, what: &str) {
    assert!(
        plan.contains(&format!("using {index} "))
            || plan.lines().any(|line| line.ends_with(&format!("on {index}"))),
        "{what}: no {index}\n{plan}"
    );
    for table in ["pipeline_runs", "run_list"] {
        assert!(!plan.contains(&format!("Seq Scan on {table}")), "{what}: reads the whole table\n{plan}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn hot_statements_and_lists_use_their_indexes(mut conn: Conn) {
    let world = seed(&mut conn).await;
    let (tenant, id) = (world.tenant, Uuid::now_v7());
    let generic = "force_generic_plan";

    for (sql, arguments, what) in [
        (
            include_str!("../../sql/heartbeat_all.sql"),
            format!("'{{null}}', '{{{id}}}', '{{{id}}}', '{{null}}', '{{null}}'"),
            "heartbeat all",
        ),
        (
            include_str!("../../sql/complete_all.sql"),
            format!(
                "'{{null}}', '{{{id}}}', '{{{id}}}', '{{true}}', '{{true}}', '{{null}}', '{{null}}', '{{null}}'"
            ),
            "complete all",
        ),
        (include_str!("../../sql/holders.sql"), format!("'{{null}}', '{{{id}}}', '{{{id}}}'"), "holders"),
        (include_str!("../../sql/exist.sql"), format!("'{{null}}', '{{{id}}}'"), "exist"),
        (include_str!("../../sql/heartbeat.sql"), format!("null, '{id}', '{id}', null, null"), "heartbeat"),
        (include_str!("../../sql/complete.sql"), format!("null, '{id}', '{id}', null"), "complete"),
        (include_str!("../../sql/fail.sql"), format!("null, '{id}', '{id}', true, null, null, null"), "fail"),
        (include_str!("../../sql/cancel.sql"), format!("null, '{id}', null"), "cancel"),
        (include_str!("../../sql/release.sql"), format!("null, '{id}', '{id}', null"), "release"),
        (
            include_str!("../../sql/retry.sql"),
            format!("'{id}', null, '{id}', null, null, null, null, '{{}}', '{{}}', '{{}}', null, null"),
            "retry",
        ),
    ] {
        assert_uses(&plan(&mut conn, generic, sql, &arguments).await, "pipeline_runs_pkey", what);
    }
    let arguments = format!("'{tenant}', '{id}', now()");
    let mark = plan(&mut conn, generic, include_str!("../../sql/mark_dispatched.sql"), &arguments).await;
    assert_uses(&mark, "pipeline_runs_dispatch", "mark dispatched");
    let arguments = format!("'{{{tenant}}}', '{{{id}}}', '{{2026-01-01}}'");
    let mark_all = include_str!("../../sql/mark_all_dispatched.sql");
    let mark = plan(&mut conn, generic, mark_all, &arguments).await;
    assert_uses(&mark, "pipeline_runs_dispatch", "mark all dispatched");
    for (name, sql) in SWEEP {
        let plan = plan(&mut conn, generic, sql, &sweep_arguments(name, "null")).await;
        assert_uses(&plan, name.trim_end(), "sweep");
    }
}

/// The statements of the sweep, each with the index that was made for it.
const SWEEP: [(&str, &str); 8] = [
    ("pipeline_runs_leases", include_str!("../../sql/sweep_leases.sql")),
    ("pipeline_runs_start_by", include_str!("../../sql/sweep_start_by.sql")),
    ("pipeline_runs_redispatch", include_str!("../../sql/sweep_redispatches.sql")),
    ("pipeline_runs_parked", include_str!("../../sql/sweep_parked.sql")),
    ("pipeline_runs_dispatch", include_str!("../../sql/take_dispatches.sql")),
    ("run_list_all", include_str!("../../sql/sweep_retention.sql")),
    ("run_list_all ", include_str!("../../sql/sweep_evidence.sql")),
    ("workers_seen", include_str!("../../sql/sweep_workers.sql")),
];

fn sweep_arguments(index: &str, tenant: &str) -> String {
    match index {
        "run_list_all" => format!("{tenant}, 90, 100, null, null"),
        "run_list_all " => format!("{tenant}, 90, 100, null, null, 10000"),
        _ => format!("{tenant}, 100"),
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_sweep_over_a_million_finished_runs_with_nothing_to_do_reads_less_than_50_pages(mut conn: Conn) {
    let world = world(&mut conn).await;
    sqlx::query(
        "insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, status, created_at,
           claim_count, claimed_by, claimed_at, lease_token, lease_seconds, started_at, finished_at)
         select id, id, $1, $2, $3, 'SUCCEEDED', at, 1, 'w', at, id, 30, at, at
         from (select uuidv7() as id, now() - n * interval '1 s' as at from generate_series(1, 1000000) n) rows",
    )
    .bind(world.tenant)
    .bind(world.pipeline)
    .bind(world.version)
    .execute(&mut *conn)
    .await
    .unwrap();
    seed_workers(&mut conn).await;
    sqlx::raw_sql("vacuum analyze pipeline_runs, run_list, workers").execute(&mut *conn).await.unwrap();
    let mut read = 0;
    for (index, sql) in SWEEP {
        read += pages(&mut conn, "force_generic_plan", sql, &sweep_arguments(index, "null")).await;
    }
    read += pages(&mut conn, "force_generic_plan", STANDING, "").await;
    assert!(read < 50, "{read} pages");
}

const STANDING: &str = include_str!("../../sql/sweep_standing.sql");

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn how_things_stand_is_told_by_a_few_pages_for_each_tenant_that_has_runs_waiting(mut conn: Conn) {
    for _ in 0..20 {
        let world = world(&mut conn).await;
        sqlx::query(
            "insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, available_at)
             select id, id, $1, $2, $3, now() - n * interval '1 s' from (select uuidv7() as id, n from generate_series(1, 5000) n) rows",
        )
        .bind(world.tenant)
        .bind(world.pipeline)
        .bind(world.version)
        .execute(&mut *conn)
        .await
        .unwrap();
    }
    sqlx::raw_sql("vacuum analyze pipeline_runs, tenants, pipelines, run_attempts")
        .execute(&mut *conn)
        .await
        .unwrap();
    let read = pages(&mut conn, "force_generic_plan", STANDING, "").await;
    assert!(read < 20 * 30, "{read} pages for 20 tenants with 100,000 runs");
}
