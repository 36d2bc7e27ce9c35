//! After a run of the end-to-end suite: none of the secrets that its stack knew is in a log or in a row.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use sqlx::AssertSqlSafe;

use crate::database;

/// Secret parameters are kept there, and nowhere else.
const KEPT_IN: &str = "run_secrets";

/// Looks for secrets in a log, or in the files of a folder and below, and in every row of a database.
///
/// Fails when one is there, and says where; also when there was nothing to look at.
pub(super) async fn look_for(secrets: &[String], logs: &Path, database_url: &str) -> Result<()> {
    let bytes = in_files(secrets, logs)?;
    let rows = in_rows(secrets, database_url).await?;
    if secrets.is_empty() || bytes == 0 || rows == 0 {
        bail!("there was nothing to look at: {} secrets, {bytes} bytes of logs, {rows} rows", secrets.len());
    }
    Ok(())
}

/// The bytes that were looked at.
fn in_files(secrets: &[String], path: &Path) -> Result<usize> {
    if path.is_dir() {
        let mut bytes = 0;
        for entry in std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))? {
            bytes += in_files(secrets, &entry?.path())?;
        }
        return Ok(bytes);
    }
    let log = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = String::from_utf8_lossy(&log);
    if let Some(number) = secrets.iter().position(|secret| text.contains(secret.as_str())) {
        bail!("secret number {number} is in {}", path.display());
    }
    Ok(log.len())
}

/// The rows that were looked at.
async fn in_rows(secrets: &[String], database_url: &str) -> Result<i64> {
    let mut connection = database::connect(database_url).await?;
    let tables: Vec<String> = sqlx::query_scalar(
        "select format('%I', relname) from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace and relname <> $1",
    )
    .bind(KEPT_IN)
    .fetch_all(&mut connection)
    .await?;
    let mut rows = 0;
    for table in tables {
        let sql = format!(
            "select count(*), count(*) filter (where exists (select 1 from unnest($1::text[]) s where strpos(t::text, s) > 0)) from {table} t"
        );
        let (all, with): (i64, i64) =
            sqlx::query_as(AssertSqlSafe(sql)).bind(secrets).fetch_one(&mut connection).await?;
        if with > 0 {
            bail!("{with} rows of {table} have a secret in them");
        }
        rows += all;
    }
    Ok(rows)
}
