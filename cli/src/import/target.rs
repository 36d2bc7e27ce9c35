//! The database of Runplane that is imported into.

use anyhow::{Context as _, Result, bail};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _};

/// Connects, and sees that nothing else imports into this database as long as the connection lives.
///
/// # Errors
/// When it cannot be reached, is not migrated to this version, or another import is at work.
pub(super) async fn open(url: &str) -> Result<PgConnection> {
    let options: PgConnectOptions = url.parse().context("--to is no postgres:// URL")?;
    // What is imported does not belong into a log.
    let options = options
        .application_name("runplane import")
        // A version whose updated_at is its created_at is one that only imports have written: their changes of its status keep it so.
        .options([("statement_timeout", "0"), ("runplane.keeps_updated_at", "on")])
        .disable_statement_logging();
    let mut conn = options.connect().await.context("cannot connect to --to")?;
    if !is_migrated(&mut conn).await? {
        bail!("--to is not migrated to this version of Runplane: apply migrations/ first");
    }
    // Two imports at once would each insert what the other has not committed yet.
    let is_alone =
        sqlx::query_scalar!(r#"select pg_try_advisory_lock(hashtext('runplane import')) as "alone!""#)
            .fetch_one(&mut conn)
            .await?;
    if !is_alone {
        bail!("another import into this database is at work: wait for it, or stop it");
    }
    Ok(conn)
}

/// Whether the migrations of this version are applied; where nobody kept a record of that, whether their newest table is there.
async fn is_migrated(conn: &mut PgConnection) -> Result<bool> {
    let tables = sqlx::query!(
        r#"select to_regclass('_sqlx_migrations') is not null as "record!",
                  to_regclass('pipeline_version_transitions') is not null as "newest!""#
    )
    .fetch_one(&mut *conn)
    .await?;
    if !tables.record {
        return Ok(tables.newest);
    }
    // Not checked when this is compiled: migrating makes this table, no migration does.
    let applied: Option<i64> =
        sqlx::query_scalar("select max(version) from _sqlx_migrations where success").fetch_one(conn).await?;
    Ok(applied == runplane::MIGRATOR.iter().map(|migration| migration.version).max())
}

/// Ends the connection.
///
/// # Errors
/// [`sqlx::Error`].
pub(super) async fn close(conn: PgConnection) -> Result<(), sqlx::Error> {
    conn.close().await
}
