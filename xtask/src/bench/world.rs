//! The database of `bench verbs`: one tenant, its version and a queue of runs; every measurement gets a fresh copy of it.

use anyhow::{Context, Result, bail};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::verbs::Case;
use crate::database;
use crate::paths::Dirs;
use crate::postgres::Server;

/// The tenant of every run.
pub const TENANT: &str = "0199e0c0-0000-7000-8000-0000000b0001";
const PIPELINE: &str = "0199e0c0-0000-7000-8000-0000000b0011";
/// The version of every run, APPROVED.
pub const VERSION: &str = "0199e0c0-0000-7000-8000-0000000b0021";
/// The database that is copied.
const SEEDED: &str = "runplane";
/// The copy.
const COPY: &str = "bench";

/// Migrates the server's database and puts `backlog` runs that wait for a claim into it.
pub async fn seed(dirs: &Dirs, server: &Server, backlog: u32) -> Result<()> {
    database::migrate(dirs, &server.database_url).await?;
    let mut connection = database::connect(&server.database_url).await?;
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

/// A fresh copy of the seeded database; returns its address. Copied file by file, so that every measurement starts with
/// the same pages on disk, right after a checkpoint.
pub async fn copy(server: &Server) -> Result<String> {
    let mut connection = database::connect(&server.url("postgres")).await?;
    for statement in [
        format!("drop database if exists {COPY} with (force)"),
        format!("create database {COPY} template {SEEDED} strategy file_copy"),
    ] {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
    }
    connection.close().await?;
    Ok(server.url(COPY))
}

/// Fails when the copy shows less work than a client says it `done`: statements that touch no row are fast.
pub async fn check(database_url: &str, case: Case, backlog: u32, done: u64) -> Result<()> {
    let counted = match case {
        Case::ClaimComplete => "select count(*) from pipeline_runs where status = 'SUCCEEDED'",
        Case::Create => "select count(*) - $1 from pipeline_runs where status = 'QUEUED'",
    };
    let mut connection = database::connect(database_url).await?;
    let query = sqlx::query_scalar(counted);
    let query = if case == Case::Create { query.bind(i64::from(backlog)) } else { query };
    let found: i64 = query.fetch_one(&mut connection).await?;
    if u64::try_from(found).unwrap_or(0) < done {
        bail!("{}: a client says it did {done}, the table shows {found}", case.name());
    }
    Ok(connection.close().await?)
}

/// The types that Postgres infers for a statement's parameters.
pub async fn parameter_types(connection: &mut PgConnection, name: &str, sql: &str) -> Result<Vec<String>> {
    sqlx::raw_sql(AssertSqlSafe(format!("prepare \"{name}\" as {sql}"))).execute(&mut *connection).await?;
    let types = "select parameter_types::text[] from pg_prepared_statements where name = $1";
    Ok(sqlx::query_scalar(types).bind(name).fetch_one(connection).await?)
}
