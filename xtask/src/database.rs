//! What a database needs before the functions can use it: migrations and demo data.

use anyhow::{Context, Result};
use sqlx::migrate::Migrator;
use sqlx::{Connection, PgConnection};

use crate::paths::Dirs;

/// Brings the database at `database_url` up to the newest migration of `migrations/`. Fails when the database does not
/// answer, or has a migration that is not there or was changed since.
pub async fn migrate(dirs: &Dirs, database_url: &str) -> Result<()> {
    let migrations =
        Migrator::new(dirs.root().join("migrations")).await.context("cannot read migrations/")?;
    let mut connection = connect(database_url).await?;
    migrations.run(&mut connection).await.context(
        "cannot migrate the database (where a migration was changed after it ran: `cargo xtask down --data` starts afresh)",
    )?;
    Ok(connection.close().await?)
}

/// Loads `localstack/demo.sql`, which may be loaded again and again.
pub async fn load_demo(dirs: &Dirs, database_url: &str) -> Result<()> {
    let path = dirs.root().join("localstack/demo.sql");
    let demo = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut connection = connect(database_url).await?;
    sqlx::raw_sql(sqlx::AssertSqlSafe(demo))
        .execute(&mut connection)
        .await
        .context("cannot load localstack/demo.sql")?;
    Ok(connection.close().await?)
}

/// The role that the functions connect as on this machine.
const LOGIN: &str = "runplane_local";

/// Makes the role that the functions connect as, which owns nothing; returns the connection string with it. It has a password if the owner's string has
/// one: the same. Where roles cannot be made, because the database is somebody else's, the functions connect as its owner: `None`. Fails when the
/// database does not answer.
pub async fn role_of_the_functions(database_url: &str) -> Result<Option<String>> {
    let mut url = reqwest::Url::parse(database_url).context("the connection string cannot be read")?;
    let mut connection = connect(database_url).await?;
    let there =
        sqlx::query("select from pg_roles where rolname = $1").bind(LOGIN).fetch_optional(&mut connection);
    if there.await?.is_none() {
        let password =
            url.password().map(|text| percent_encoding::percent_decode_str(text).decode_utf8_lossy());
        let password =
            password.map(|text| format!(" password '{}'", text.replace('\'', "''"))).unwrap_or_default();
        let create = format!("create role {LOGIN} login{password} in role runplane_functions");
        let created = sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(&mut connection).await;
        match created {
            Ok(_) => {}
            // Another stack of this server makes it at the same moment.
            Err(sqlx::Error::Database(error))
                if error.is_unique_violation() || error.code().as_deref() == Some("42710") => {}
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42501") => return Ok(None),
            Err(error) => return Err(error).context("cannot make the role of the functions"),
        }
    }
    connection.close().await?;
    let set = url.set_username(LOGIN).is_ok();
    Ok(set.then(|| url.to_string()))
}

/// How many runs each status has, most first. Fails when the database does not answer.
pub async fn runs_by_status(database_url: &str) -> Result<Vec<(String, i64)>> {
    let mut connection = connect(database_url).await?;
    let counted = "select status, count(*) from pipeline_runs group by status order by 2 desc";
    let rows = sqlx::query_as(counted).fetch_all(&mut connection).await?;
    connection.close().await?;
    Ok(rows)
}

/// A connection, or a sentence that says that there is none (without the string, which may hold a password).
pub async fn connect(database_url: &str) -> Result<PgConnection> {
    let connected =
        tokio::time::timeout(std::time::Duration::from_secs(10), PgConnection::connect(database_url)).await;
    connected.context("the database did not answer within 10 s")?.context("cannot connect to the database")
}
