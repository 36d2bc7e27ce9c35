//! The plans of the statements on steps, logs and artifacts, with a million rows in each table: each finds what it needs by the run.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::plans::{assert_uses, pages, plan};
use crate::support::{running, world};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

const STORE: &str = include_str!("../../sql/store_steps.sql");
const LOAD: &str = include_str!("../../sql/load_steps.sql");
const GET: &str = include_str!("../../sql/get.sql");
const KEPT: &str = include_str!("../../sql/kept_steps.sql");
const RETRY: &str = include_str!("../../sql/retry.sql");
const ADD_LOGS: &str = include_str!("../../sql/add_logs.sql");
const LIST_LOGS: &str = include_str!("../../sql/list_logs.sql");
const ADD_ARTIFACT: &str = include_str!("../../sql/add_artifact.sql");
const LIST_ARTIFACTS: &str = include_str!("../../sql/list_artifacts.sql");
const GENERIC: &str = "force_generic_plan";

/// 2,000 runs with 50 steps, 100 lines and 10 artifacts each, and one with many more; its id, and its token.
async fn seed(conn: &mut PgConnection) -> (Uuid, Uuid) {
    let world = world(conn).await;
    let (run, token) = running(conn, world).await;
    sqlx::query(
        "insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch)
         select id, id, $1, $2, $3, 'pull' from (select uuidv7() as id from generate_series(1, 2000)) ids",
    )
    .bind(world.tenant)
    .bind(world.pipeline)
    .bind(world.version)
    .execute(&mut *conn)
    .await
    .unwrap();
    for (table, each, of_one) in [("steps", 50, 5_000), ("logs", 100, 50_000), ("artifacts", 10, 5_000)] {
        let columns = match table {
            "steps" => {
                "(run_id, step_id, tenant_id, run_attempt, status) select r.id, 's' || n, r.tenant_id, 1, 'RUNNING'"
            }
            "logs" => {
                "(run_id, id, tenant_id, level, message, created_at)
                 select r.id, uuidv7(), r.tenant_id, 'info', 'm', now() - n * interval '1 s'"
            }
            _ => {
                "(run_id, id, tenant_id, artifact_type, payload, bytes, created_at)
                 select r.id, uuidv7(), r.tenant_id, 't', '{}', 2, now() - n * interval '1 s'"
            }
        };
        let sql = format!(
            "insert into run_{table} {columns} from pipeline_runs r
             cross join lateral generate_series(1, case when r.id = '{run}' then {of_one} else {each} end) n"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *conn).await.unwrap();
    }
    sqlx::raw_sql("vacuum analyze pipeline_runs, run_steps, run_logs, run_artifacts")
        .execute(conn)
        .await
        .unwrap();
    (run, token)
}

/// The plan leads to the table by this index, and reads no table from end to end.
fn assert_finds(plan: &str, index: &str, what: &str) {
    assert_uses(plan, index, what);
    for table in ["run_steps", "run_logs", "run_artifacts"] {
        assert!(!plan.contains(&format!("Seq Scan on {table}")), "{what}: reads the whole table\n{plan}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn each_statement_finds_its_rows_by_the_run_and_reads_no_more_than_its_page(mut conn: Conn) {
    let (run, token) = seed(&mut conn).await;
    sqlx::raw_sql("set enable_seqscan = off").execute(&mut *conn).await.unwrap();
    let id = Uuid::now_v7();
    let one_step = |step: &str, status: &str, finished: &str| {
        format!(
            "null, '{run}', '{token}', 5, '{{{step}}}', '{{-1}}', '{{{status}}}', '{{null}}', '{{1}}', '{{null}}', '{{null}}', '{{null}}',
             '{{null}}', '{{null}}', '{{null}}', '{{{finished}}}', '{{null}}', '{{{id}}}', '{{info}}', '{{m}}', '{{{id}}}'"
        )
    };
    let cases = [
        ("store", STORE, one_step("s7", "SUCCEEDED", "now"), "run_steps_pkey", 60),
        ("load", LOAD, format!("null, '{run}', 's1', -1, 20, 100000, 0"), "run_steps_pkey", 30),
        ("get", GET, format!("null, '{run}'"), "run_steps_pkey", 400),
        ("kept", KEPT, format!("null, '{run}', null"), "pipeline_runs_pkey", 20),
        (
            "retry",
            RETRY,
            format!(
                "'{id}', null, '{run}', null, null, null, null, '{{s1}}', '{{true}}', '{{0}}', null, null"
            ),
            "run_steps_pkey",
            60,
        ),
        (
            "add logs",
            ADD_LOGS,
            format!("null, '{run}', '{{{id}}}', '{{info}}', '{{m}}', '{{null}}', '{{null}}'"),
            "pipeline_runs_pkey",
            40,
        ),
        (
            "logs",
            LIST_LOGS,
            format!("null, '{run}', null, null, true, null, null, 20, 100000"),
            "run_logs_pkey",
            20,
        ),
        (
            "newest logs",
            LIST_LOGS,
            format!("null, '{run}', null, null, false, null, null, 20, 100000"),
            "run_logs_pkey",
            20,
        ),
        (
            "logs after",
            LIST_LOGS,
            format!(
                "null, '{run}', now() - interval '7 h', now() - interval '6 h', true, null, null, 20, 100000"
            ),
            "run_logs_pkey",
            20,
        ),
        (
            "logs from a cursor",
            LIST_LOGS,
            format!("null, '{run}', null, null, true, now() - interval '7 h', '{id}', 20, 100000"),
            "run_logs_pkey",
            20,
        ),
        (
            "newest logs from a cursor",
            LIST_LOGS,
            format!("null, '{run}', null, null, false, now() - interval '7 h', '{id}', 20, 100000"),
            "run_logs_pkey",
            20,
        ),
        (
            "add artifact",
            ADD_ARTIFACT,
            format!("null, '{run}', '{id}', 't', '{{}}', null, null, 2"),
            "pipeline_runs_pkey",
            40,
        ),
        (
            "artifacts",
            LIST_ARTIFACTS,
            format!("null, '{run}', true, now() - interval '30 min', '{id}', 20, 100000"),
            "run_artifacts_list",
            20,
        ),
        (
            "newest artifacts",
            LIST_ARTIFACTS,
            format!("null, '{run}', false, null, null, 20, 100000"),
            "run_artifacts_list",
            20,
        ),
    ];
    for (what, sql, arguments, index, most) in cases {
        let plan = plan(&mut conn, GENERIC, sql, &arguments).await;
        assert_finds(&plan, index, what);
        assert!(plan.contains("pipeline_runs_pkey"), "{what}\n{plan}");
        let read = pages(&mut conn, GENERIC, sql, &arguments).await;
        assert!(read <= most, "{what} reads {read} pages\n{plan}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_plan_that_was_made_for_empty_tables_reads_no_more_when_they_are_full(mut conn: Conn) {
    let world = world(&mut conn).await;
    let (run, token) = running(&mut conn, world).await;
    let settings = format!("set plan_cache_mode = {GENERIC}; set enable_seqscan = off; set jit = off");
    sqlx::raw_sql(sqlx::AssertSqlSafe(settings)).execute(&mut *conn).await.unwrap();
    let sql = sqlx::AssertSqlSafe(format!("prepare store as {STORE}; prepare load as {LOAD}"));
    sqlx::raw_sql(sql).execute(&mut *conn).await.unwrap();
    let store = |step: &str, item: i32| {
        format!(
            "execute store (null, '{run}', '{token}', 5, '{{{step}}}', '{{{item}}}', '{{SUCCEEDED}}', '{{null}}', '{{1}}', '{{1}}', '{{null}}',
             '{{1}}', '{{null}}', '{{null}}', '{{null}}', '{{null}}', '{{null}}', '{{{}}}', '{{info}}', '{{m}}', '{{{}}}')",
            Uuid::now_v7(),
            Uuid::now_v7()
        )
    };
    let load = format!("execute load (null, '{run}', 's', 100, 20, 100000, 0)");
    for sql in [store("s", 0), load.clone()] {
        let sql = format!("set role runplane_functions; {sql}; reset role");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *conn).await.unwrap();
    }
    sqlx::query(
        "insert into run_steps (run_id, step_id, item, tenant_id, run_attempt, status, finished_at, output)
         select $1, 's' || n % 50, n / 50, $2, 1, 'SUCCEEDED', now(), '1' from generate_series(0, 49999) n",
    )
    .bind(run)
    .bind(world.tenant)
    .execute(&mut *conn)
    .await
    .unwrap();
    // The first of a new connection prepares the rest; the second counts.
    for (what, sql, most) in
        [("store", store("x", -1), 100), ("store", store("y", -1), 60), ("load", load, 60)]
    {
        let sql = sqlx::AssertSqlSafe(format!("explain (analyze, buffers, format json) {sql}"));
        let rows = sqlx::raw_sql(sql).fetch_all(&mut *conn).await.unwrap();
        let plan: serde_json::Value = sqlx::Row::get(&rows[0], 0);
        let read = |name: &str| plan[0]["Plan"][name].as_u64().unwrap();
        let read = read("Shared Hit Blocks") + read("Shared Read Blocks");
        assert!(read <= most, "{what} reads {read} pages\n{plan}");
    }
}
