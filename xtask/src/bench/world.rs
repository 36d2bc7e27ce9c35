//! The databases of the benchmarks: one tenant, its version and a queue of runs; every measurement gets a fresh copy.

use anyhow::{Context, Result};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::database;
use crate::paths::Dirs;
use crate::postgres::Server;

/// The tenant of every run.
pub const TENANT: &str = "0199e0c0-0000-7000-8000-0000000b0001";
const PIPELINE: &str = "0199e0c0-0000-7000-8000-0000000b0011";
/// The version of every run, APPROVED.
pub const VERSION: &str = "0199e0c0-0000-7000-8000-0000000b0021";
/// The database that measurements work on.
pub const COPY: &str = "bench";

/// As an SQL text.
pub fn quoted(text: &str) -> String {
    format!("'{text}'")
}

/// Migrates the database and puts `backlog` runs that wait for a claim into it.
pub async fn seed(dirs: &Dirs, database_url: &str, backlog: u32) -> Result<()> {
    database::migrate(dirs, database_url).await?;
    let mut connection = database::connect(database_url).await?;
    let rows = format!(
        "insert into tenants (id, name) values ('{TENANT}', 'Bench');
         insert into pipelines (id, tenant_id, name) values ('{PIPELINE}', '{TENANT}', 'bench');
         insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec, approved_at)
           values ('{VERSION}', '{TENANT}', '{PIPELINE}', '1', 'APPROVED', '{{\"steps\":[]}}', now());
         insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch, available_at,
                                    created_at)
           select i.id, i.id, '{TENANT}', '{PIPELINE}', '{VERSION}', 'pull', i.at, i.at
           from (select uuidv7() as id, clock_timestamp() as at from generate_series(1, {backlog})) i"
    );
    sqlx::raw_sql(AssertSqlSafe(rows)).execute(&mut connection).await.context("cannot seed the database")?;
    sqlx::raw_sql("vacuum (analyze, freeze)").execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Puts `runs` that have ended into the seeded database.
pub async fn finish(database_url: &str, runs: u32) -> Result<()> {
    let mut connection = database::connect(database_url).await?;
    let rows = format!(
        "insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch, status, claim_count, claimed_by,
                                    claimed_at, lease_token, lease_seconds, started_at, finished_at)
           select i.id, i.id, '{TENANT}', '{PIPELINE}', '{VERSION}', 'pull', 'SUCCEEDED', 1, 'worker', now(), gen_random_uuid(), 300, now(), now()
           from (select uuidv7() as id from generate_series(1, {runs})) i"
    );
    sqlx::raw_sql(AssertSqlSafe(rows)).execute(&mut connection).await.context("cannot seed the database")?;
    sqlx::raw_sql("vacuum (analyze, freeze)").execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// An empty database of that name, in place of one that may be there; returns its address.
pub async fn create(server: &Server, name: &str) -> Result<String> {
    remake(server, name, "").await
}

/// A fresh copy of a seeded database; returns its address. Copied file by file, so that every measurement starts with the
/// same pages on disk, right after a checkpoint.
pub async fn copy(server: &Server, seeded: &str) -> Result<String> {
    remake(server, COPY, &format!("template {seeded} strategy file_copy")).await
}

async fn remake(server: &Server, name: &str, how: &str) -> Result<String> {
    let mut connection = database::connect(&server.url("postgres")).await?;
    for statement in
        [format!("drop database if exists {name} with (force)"), format!("create database {name} {how}")]
    {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
    }
    connection.close().await?;
    Ok(server.url(name))
}

/// How many runs have one of the statuses.
pub async fn count(connection: &mut PgConnection, status: &str) -> Result<u64> {
    let counted = sqlx::query_scalar("select count(*) from pipeline_runs where status = $1").bind(status);
    let count: i64 = counted.fetch_one(connection).await?;
    Ok(count.try_into().unwrap_or(0))
}
