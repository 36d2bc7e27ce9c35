//! The witness: triggers that write down every change of runs, steps and limits, in a schema `chaos` that the functions cannot touch.

use anyhow::{Context, Result};
use sqlx::{Connection, PgConnection};

/// Puts the witness into a migrated database that has no runs yet: schema `chaos`, empty, with its triggers on the product's tables. One that is there already
/// is replaced, and what it has seen is gone. The connection is that of the owner of the tables. Fails when a table is missing, or when the
/// database does not answer; then nothing has changed.
pub async fn install(conn: &mut PgConnection) -> Result<()> {
    let mut all = conn.begin().await?;
    sqlx::raw_sql(include_str!("history.sql"))
        .execute(&mut *all)
        .await
        .context("cannot put the witness into the database")?;
    Ok(all.commit().await?)
}
