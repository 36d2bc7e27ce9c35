//! Fills a database with many runs, fast: without the work that a run's own statements would have had.

use anyhow::{Context, Result};
use sqlx::{AssertSqlSafe, PgConnection};

/// How much is in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Runs that wait for a claim.
    pub queued: u64,
    /// Runs that have ended.
    pub finished: u64,
    /// Tenants that share them out evenly, at least one.
    pub tenants: u64,
}

/// Rows of one insert: what is lost when it is interrupted, and a sign of life.
const CHUNK: u64 = 500_000;
/// From how many new rows on it is faster to make the indexes anew than to keep them.
const REBUILD: u64 = 50_000;

/// The tenant with that number, from 0; its only pipeline and version have ids alike.
pub fn tenant(number: u64) -> String {
    format!("'0199e0c0-0000-7000-8001-{number:012x}'")
}

/// Puts tenants, each with one version, into an empty database. The connection must be a superuser's.
pub async fn start(connection: &mut PgConnection, tenants: u64) -> Result<()> {
    let id = |what: u8| format!("('0199e0c0-0000-7000-800{what}-' || lpad(to_hex(n), 12, '0'))::uuid");
    let [tenant, pipeline, version] = [id(1), id(2), id(3)];
    let numbers = format!("generate_series(0::bigint, {tenants} - 1) n");
    let rows = format!(
        "insert into tenants (id, name) select {tenant}, 'Bench ' || n from {numbers};
         insert into pipelines (id, tenant_id, name) select {pipeline}, {tenant}, 'bench' from {numbers};
         insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec, approved_at)
           select {version}, {tenant}, {pipeline}, '1', 'APPROVED', '{{\"steps\":[]}}', now() from {numbers};"
    );
    sqlx::raw_sql(AssertSqlSafe(rows)).execute(connection).await.context("cannot make the tenants")?;
    Ok(())
}

/// Adds runs until a database that holds `from` holds `to`; then cleans up behind, as an autovacuum would have. What has
/// ended was created over three weeks, oldest first, before the first of those that wait. The connection must be a
/// superuser's.
pub async fn grow(connection: &mut PgConnection, from: Sizes, to: Sizes) -> Result<()> {
    let new = (to.queued - from.queued) + (to.finished - from.finished);
    let indexes = if new >= REBUILD { drop_indexes(connection).await? } else { Vec::new() };
    // Foreign keys and triggers are checked row by row: the rows are known to be right.
    sqlx::raw_sql("set session_replication_role = replica; set synchronous_commit = off")
        .execute(&mut *connection)
        .await?;
    add(connection, FINISHED, from.finished, to.finished, to.tenants).await?;
    add(connection, QUEUED, from.queued, to.queued, to.tenants).await?;
    sqlx::raw_sql("reset session_replication_role; set maintenance_work_mem = '1GB'")
        .execute(&mut *connection)
        .await?;
    for index in indexes {
        sqlx::raw_sql(AssertSqlSafe(index)).execute(&mut *connection).await?;
    }
    sqlx::raw_sql("vacuum (analyze, freeze) pipeline_runs, run_list").execute(&mut *connection).await?;
    Ok(())
}

/// Of the run number `n`: its time, its columns, their values.
struct Kind {
    at: &'static str,
    columns: &'static str,
    values: &'static str,
}

const QUEUED: Kind =
    Kind { at: "now() - interval '1 hour' + n * interval '0.3 ms'", columns: "", values: "" };
const FINISHED: Kind = Kind {
    at: "now() - interval '22 days' + n * interval '90 ms'",
    columns: ", status, claim_count, claimed_by, claimed_at, lease_token, lease_seconds, started_at, finished_at",
    values: ", 'SUCCEEDED', 1, 'worker-1', at, gen_random_uuid(), 300, at, at + interval '50 ms'",
};

async fn add(connection: &mut PgConnection, kind: Kind, from: u64, to: u64, tenants: u64) -> Result<()> {
    let Kind { at, columns, values } = kind;
    let id =
        |what: u8| format!("('0199e0c0-0000-7000-800{what}-' || lpad(to_hex(n % {tenants}), 12, '0'))::uuid");
    let [tenant, pipeline, version] = [id(1), id(2), id(3)];
    for first in (from..to).step_by(CHUNK as usize) {
        let last = to.min(first + CHUNK) - 1;
        let rows = format!(
            "with new as (
             insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch, available_at,
               created_at, updated_at{columns})
             select id, id, {tenant}, {pipeline}, {version}, 'pull', at, at, at{values}
             from (
               select n, at, uuidv7(at - clock_timestamp()) as id
               from generate_series({first}::bigint, {last}) n, lateral (select {at} as at) moment) run
             returning id, tenant_id, created_at, pipeline_id, pipeline_version_id, queue)
             -- As the trigger would, which does not run.
             insert into run_list (id, tenant_id, created_at, pipeline_id, pipeline_version_id, queue)
             select id, tenant_id, created_at, pipeline_id, pipeline_version_id, queue from new"
        );
        sqlx::raw_sql(AssertSqlSafe(rows)).execute(&mut *connection).await.context("cannot add runs")?;
    }
    Ok(())
}

/// Drops every index of the runs and their lists but the primary keys, which foreign keys lean on; returns what makes them again.
async fn drop_indexes(connection: &mut PgConnection) -> Result<Vec<String>> {
    let found: Vec<(String, String)> = sqlx::query_as(
        "select i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
         from pg_index i
         where i.indrelid in ('pipeline_runs'::regclass, 'run_list'::regclass)
           and not exists (select from pg_constraint c where c.conindid = i.indexrelid)",
    )
    .fetch_all(&mut *connection)
    .await?;
    for (name, _) in &found {
        sqlx::raw_sql(AssertSqlSafe(format!("drop index {name}"))).execute(&mut *connection).await?;
    }
    Ok(found.into_iter().map(|(_, definition)| definition).collect())
}
