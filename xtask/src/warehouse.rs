//! The warehouse that an example writes to: a database of its own beside Runplane's, on the same Postgres, with a role that can do nothing
//! anywhere else.

use std::str::FromStr;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Its name, and that of the role.
pub const NAME: &str = "warehouse";

/// How it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warehouse {
    /// Of the Postgres.
    pub host: String,
    /// Of the Postgres.
    pub port: u16,
    /// Of the role, made up when it was prepared.
    pub password: String,
}

/// Makes the database, its role and its table where they are missing, on the Postgres of `database_url`, and gives the role a new password.
/// `None`, and nothing is made, where that Postgres is not on this machine: it is somebody else's to put roles into. Fails when
/// it refuses.
pub async fn prepare(database_url: &str) -> Result<Option<Warehouse>> {
    let options = PgConnectOptions::from_str(database_url).context("DATABASE_URL cannot be read")?;
    let (host, port) = (options.get_host().to_owned(), options.get_port());
    if !matches!(host.as_str(), "127.0.0.1" | "localhost" | "::1") {
        return Ok(None);
    }
    let password = uuid::Uuid::new_v4().simple().to_string();
    let mut connection = PgConnection::connect_with(&options).await.context("cannot connect")?;
    let role = exists(&mut connection, "select 1 from pg_roles where rolname = $1").await?;
    // Neither takes its values as parameters: the name is a constant, the password has hexadecimal digits only.
    let how = if role { "alter" } else { "create" };
    run(&mut connection, format!("{how} role {NAME} login password '{password}'")).await?;
    if !exists(&mut connection, "select 1 from pg_database where datname = $1").await? {
        run(&mut connection, format!("create database {NAME} owner {NAME}")).await?;
    }
    connection.close().await?;

    let mut connection =
        PgConnection::connect_with(&options.database(NAME)).await.context("cannot connect")?;
    run(&mut connection, TABLE.to_owned()).await?;
    connection.close().await?;
    Ok(Some(Warehouse { host, port, password }))
}

const TABLE: &str = "
    create table if not exists large_orders (id text primary key, total numeric not null);
    alter table large_orders owner to warehouse;
";

async fn exists(connection: &mut PgConnection, query: &'static str) -> Result<bool> {
    Ok(sqlx::query(query).bind(NAME).fetch_optional(connection).await?.is_some())
}

async fn run(connection: &mut PgConnection, statement: String) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await?;
    Ok(())
}
