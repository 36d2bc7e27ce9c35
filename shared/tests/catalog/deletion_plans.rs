//! The statements that delete a tenant, among 100,000 runs of others: each finds its rows by an index, and reads few pages.

use runplane::catalog::BatchSize;
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::deletions::everything;
use crate::support::Conn;

const BEGIN: &str = include_str!("../../sql/delete_tenant_begin.sql");
const LEASES: &str = include_str!("../../sql/delete_tenant_leases.sql");
const RUNS: &str = include_str!("../../sql/delete_tenant_runs.sql");
const SCHEDULES: &str = include_str!("../../sql/delete_tenant_schedules.sql");
const VERSIONS: &str = include_str!("../../sql/delete_tenant_versions.sql");
const REST: &str = include_str!("../../sql/delete_tenant_rest.sql");
/// As Postgres asks whether a version that is deleted has runs.
const HAS_RUNS: &str = "select 1 from only pipeline_runs x
    where $1::uuid = x.tenant_id and $2::uuid = x.pipeline_id and $3::uuid = x.pipeline_version_id for key share of x";

/// Twenty tenants with 5,000 runs each, a hundredth of them RUNNING, and with 100 pipelines, 1,000 versions, 100 schedules, 100 connections, 500 workers and 100 keys.
/// Nobody analyzes them in the background: whoever does has a snapshot, in which what was deleted is still there.
const OTHERS: &str = "
    alter table pipeline_runs set (autovacuum_enabled = off);
    alter table run_list set (autovacuum_enabled = off);
    alter table run_logs set (autovacuum_enabled = off);
    alter table run_steps set (autovacuum_enabled = off);
    insert into tenants (id, name) select gen_random_uuid(), 'O' from generate_series(1, 20);
    insert into pipelines (id, tenant_id, name, created_at)
      select gen_random_uuid(), t.id, 'P' || n, now() - random() * interval '1 d' from tenants t, generate_series(1, 100) n;
    insert into pipeline_versions (id, tenant_id, pipeline_id, version, dag_spec, created_at)
      select gen_random_uuid(), p.tenant_id, p.id, n::text, '{}', now() - random() * interval '1 d' from pipelines p, generate_series(1, 10) n;
    insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch, created_at)
      select id, id, tenant_id, pipeline_id, version, 'pull', now() - n * interval '1 min'
      from (select gen_random_uuid() as id, v.tenant_id, v.pipeline_id, v.id as version, n
            from pipeline_versions v, generate_series(1, 5) n) runs;
    update pipeline_runs set status = 'RUNNING', claim_count = 1, claimed_by = 'w', claimed_at = now(), lease_token = id, lease_seconds = 300,
        lease_expires_at = now() + interval '5 min', started_at = now()
      where uuid_hash(id) % 100 = 0;
    insert into run_logs (run_id, id, tenant_id, level, message)
      select r.id, gen_random_uuid(), r.tenant_id, 'info', 'm' from pipeline_runs r;
    insert into run_steps (run_id, step_id, tenant_id, run_attempt, status) select r.id, 's', r.tenant_id, 1, 'RUNNING' from pipeline_runs r;
    insert into connections (id, tenant_id, name, kind, config, created_at)
      select gen_random_uuid(), t.id, n::text, 'lambda', '{\"function\": \"f\"}', now() - random() * interval '1 d' from tenants t, generate_series(1, 100) n;
    insert into schedules (id, tenant_id, name, pipeline_id, cron, time_zone, missed_runs, created_at)
      select gen_random_uuid(), p.tenant_id, p.id, p.id, '* * * * *', 'UTC', 'latest', now() - random() * interval '1 d' from pipelines p;
    insert into workers (worker_id, tenant_id) select 'w' || n, t.id from tenants t, generate_series(1, 500) n;
    insert into api_keys (id, tenant_id, name, roles, secret_sha256, created_by, created_at)
      select gen_random_uuid(), t.id, 'k', '{viewer}', sha256('x'), 'test', now() - random() * interval '1 d' from tenants t, generate_series(1, 100) n;
";
const ANALYZE: &str = "vacuum analyze";

/// The plan of a statement that is done and undone, in the settings that the first one makes, as the functions may do it.
async fn plan(conn: &mut PgConnection, tenant: Uuid, sql: &str, arguments: &str) -> Value {
    let sql = AssertSqlSafe(format!(
        "begin; set local role runplane_functions; set local jit = off; set local plan_cache_mode = force_generic_plan;
         set local enable_seqscan = off; set local enable_bitmapscan = off; set local runplane.deletes_tenant = '{tenant}';
         deallocate all; prepare statement as {sql}; explain (analyze, buffers, format json) execute statement ({arguments})"
    ));
    let rows = sqlx::raw_sql(sql).fetch_all(&mut *conn).await.unwrap();
    sqlx::raw_sql("rollback").execute(conn).await.unwrap();
    sqlx::Row::get::<Value, _>(&rows[0], 0)[0]["Plan"].take()
}

/// What the plan reads, as `index`, or `table from end to end`.
fn reads(node: &Value, found: &mut Vec<String>) {
    if let Some(index) = node["Index Name"].as_str() {
        found.push(index.to_owned());
        let by = node["Index Cond"].as_str().unwrap_or_default();
        assert!(!by.is_empty(), "all of {index}: {node:#}");
    }
    if node["Node Type"] == "Seq Scan" {
        found.push(format!("{} from end to end", node["Relation Name"]));
    }
    for node in node["Plans"].as_array().into_iter().flatten() {
        reads(node, found);
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn each_statement_of_a_deletion_uses_its_indexes_and_reads_few_pages(mut conn: Conn) {
    sqlx::raw_sql(OTHERS).execute(&mut *conn).await.unwrap();
    let small = everything(&mut conn).await;
    sqlx::raw_sql(ANALYZE).execute(&mut *conn).await.unwrap();
    let large: Uuid = sqlx::query_scalar("select id from tenants where name = 'O' limit 1")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    let BatchSize { runs, rows, things, .. } = BatchSize::default();
    let id = Uuid::now_v7();
    for tenant in [small, large] {
        for (what, sql, arguments, indexes, most) in [
            ("begin", BEGIN, format!("'{tenant}', 'op'"), &["tenants_pkey", "api_keys_of_tenant"][..], 100),
            ("leases", LEASES, format!("'{tenant}', {runs}"), &["pipeline_runs_list_status"], 2000),
            (
                "runs",
                RUNS,
                format!("'{tenant}', {runs}, {rows}, null, null"),
                &["run_list_tenant", "run_logs_pkey", "run_steps_pkey", "pipeline_runs_pkey"],
                4000,
            ),
            (
                "more runs",
                RUNS,
                format!("'{tenant}', {runs}, {rows}, now() - interval '3 min', '{id}'"),
                &["run_list_tenant"],
                4000,
            ),
        ] {
            check(&mut conn, (tenant, what), sql, &arguments, indexes, most).await;
        }
    }
    // Of the runs that are gone entries are left in the index. The first look marks them as dead, and those after it pass them by.
    sqlx::raw_sql("delete from pipeline_runs").execute(&mut *conn).await.unwrap();
    for (what, most) in [("has runs", 6000), ("has runs again", 100)] {
        let arguments = format!("'{large}', '{id}', '{id}'");
        check(&mut conn, (large, what), HAS_RUNS, &arguments, &["pipeline_runs_list_status"], most).await;
    }
    for tenant in [small, large] {
        let arguments = format!("'{tenant}', {things}");
        check(&mut conn, (tenant, "schedules"), SCHEDULES, &arguments, &["schedules_pkey"], 300).await;
    }
    sqlx::raw_sql("delete from schedules").execute(&mut *conn).await.unwrap();
    for tenant in [small, large] {
        let arguments = format!("'{tenant}', {things}");
        let indexes = &["pipeline_versions_pkey", "pipeline_version_transitions_version"];
        check(&mut conn, (tenant, "versions"), VERSIONS, &arguments, indexes, 300).await;
    }
    let emptied =
        "begin; set local session_replication_role = replica; delete from pipeline_versions; commit";
    sqlx::raw_sql(emptied).execute(&mut *conn).await.unwrap();
    for tenant in [small, large] {
        let arguments = format!("'{tenant}', {things}");
        let indexes = &["workers_of_tenant", "api_keys_of_tenant", "pipelines_pkey", "connections_pkey"];
        check(&mut conn, (tenant, "the rest"), REST, &arguments, indexes, 600).await;
    }
}

async fn check(
    conn: &mut PgConnection,
    (tenant, what): (Uuid, &str),
    sql: &str,
    arguments: &str,
    indexes: &[&str],
    most: u64,
) {
    let plan = plan(conn, tenant, sql, arguments).await;
    let mut found = Vec::new();
    reads(&plan, &mut found);
    for index in indexes {
        assert!(found.iter().any(|one| one == index), "{what}: no {index} in {found:?}");
    }
    assert!(!found.iter().any(|one| one.contains("from end to end")), "{what}: {found:?}");
    let pages = plan["Shared Hit Blocks"].as_u64().unwrap() + plan["Shared Read Blocks"].as_u64().unwrap();
    assert!(pages <= most, "{what}: {pages} pages");
}
