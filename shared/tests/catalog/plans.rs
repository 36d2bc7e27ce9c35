//! The lists on 40,000 versions: each uses the index that was made for it.

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::support::Conn;

/// Twenty tenants with 200 pipelines, 2,000 versions and 200 connections each.
const SEED: &str = "
    insert into tenants (id, name) select uuidv7(), 'T' from generate_series(1, 20);
    insert into pipelines (id, tenant_id, name, created_at)
      select uuidv7(), t.id, 'P' || n, now() - n * interval '1 s' from tenants t, generate_series(1, 200) n;
    insert into pipeline_versions (id, tenant_id, pipeline_id, version, dag_spec, created_at)
      select uuidv7(), p.tenant_id, p.id, n::text, '{}', now() - n * interval '1 s'
      from pipelines p, generate_series(1, 10) n;
    insert into connections (id, tenant_id, name, kind, config, created_at)
      select uuidv7(), t.id, n::text, 'lambda', '{\"function\": \"f\"}', now() - n * interval '1 s'
      from tenants t, generate_series(1, 200) n;
    analyze tenants, pipelines, pipeline_versions, connections";

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn lists_use_their_indexes(mut conn: Conn) {
    sqlx::raw_sql(SEED).execute(&mut *conn).await.unwrap();
    let (tenant, pipeline): (Uuid, Uuid) =
        sqlx::query_as("select tenant_id, id from pipelines limit 1").fetch_one(&mut *conn).await.unwrap();
    let id = Uuid::now_v7();
    let versions = include_str!("../../sql/list_versions.sql");
    let pipelines = include_str!("../../sql/list_pipelines.sql");
    let connections = include_str!("../../sql/list_connections.sql");
    for (sql, arguments, index) in [
        (versions, "null, null, null, null, null, 21".to_owned(), "pipeline_versions_list"),
        (versions, format!("null, null, null, now(), '{id}', 21"), "pipeline_versions_list"),
        (versions, format!("'{tenant}', null, null, now(), '{id}', 21"), "pipeline_versions_list_tenant"),
        (
            versions,
            format!("'{tenant}', '{pipeline}', null, null, null, 21"),
            "pipeline_versions_list_pipeline",
        ),
        (pipelines, "null, null, null, null, 21".to_owned(), "pipelines_list"),
        (pipelines, format!("'{tenant}', null, null, null, 21"), "pipelines_list_tenant"),
        (connections, "null, null, null, null, null, 21".to_owned(), "connections_list"),
        (connections, format!("'{tenant}', null, null, null, null, 21"), "connections_list_tenant"),
    ] {
        let explain = AssertSqlSafe(format!(
            "set role runplane_functions; set plan_cache_mode = force_custom_plan; set jit = off; deallocate all; prepare statement as {sql}; \
             explain (costs off) execute statement ({arguments}); reset role"
        ));
        let rows = sqlx::raw_sql(explain).fetch_all(&mut *conn).await.unwrap();
        let plan: Vec<_> = rows.iter().map(|row| sqlx::Row::get::<String, _>(row, 0)).collect();
        let plan = plan.join("\n");
        let uses = plan.contains(&format!("using {index} "))
            || plan.lines().any(|line| line.ends_with(&format!("on {index}")));
        assert!(uses && !plan.contains("Seq Scan"), "{arguments}: no {index}\n{plan}");
        // The versions of one pipeline are few: whether they are sorted or walked in order is all the same.
        assert!(index.ends_with("_pipeline") || !plan.contains("Sort"), "{arguments}: sorts\n{plan}");
    }
}
