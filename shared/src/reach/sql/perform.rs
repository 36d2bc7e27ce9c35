//! A statement on a line, from its arguments to its result.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;
use sqlx::postgres::{PgConnection, PgStatement, PgTypeInfo};
use sqlx::{AssertSqlSafe, Column as _, Either, Executor as _, SqlSafeStr as _, Statement as _, raw_sql};
use tokio::time::Instant;

use super::args::Args;
use super::asked::Asked;
use super::{failures, from_now, rows};
use crate::reach::ReachFailure;

/// Postgres gives up so long before we do, at most: then it says so, and the line can be kept.
const MARGIN: Duration = Duration::from_millis(250);
/// How values are written, whatever the role's own settings are, and how long a statement may take. `$1` and `$2`: `statement_timeout` and
/// `idle_in_transaction_session_timeout`, in milliseconds. All of it lasts until the line is given back. Where Postgres can see that we are gone it looks:
/// a statement whose run was cancelled ends. (Windows cannot, and refuses the setting.)
const SETTINGS: &str = "select
    pg_catalog.set_config('statement_timeout', $1, false),
    pg_catalog.set_config('idle_in_transaction_session_timeout', $2, false),
    pg_catalog.set_config('datestyle', 'ISO, MDY', false),
    pg_catalog.set_config('intervalstyle', 'iso_8601', false),
    pg_catalog.set_config('timezone', 'UTC', false),
    pg_catalog.set_config('bytea_output', 'hex', false),
    pg_catalog.set_config('extra_float_digits', '1', false),
    pg_catalog.set_config('client_min_messages', 'error', false),
    case when pg_catalog.current_setting('server_version_num')::int >= 140000 and pg_catalog.version() like '%linux%'
         then pg_catalog.set_config('client_connection_check_interval', '2000', false) end";

/// Until when a call has to be done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    pub(super) end: Instant,
    for_postgres: Instant,
}

impl Deadline {
    pub(super) fn after(timeout: Duration) -> Self {
        let margin = (timeout / 10).min(MARGIN);
        Self { end: from_now(timeout), for_postgres: from_now(timeout.saturating_sub(margin)) }
    }

    /// Whether it is so late that Postgres stops statements by itself.
    pub(super) fn is_over_for_postgres(self) -> bool {
        Instant::now() >= self.for_postgres
    }

    /// In milliseconds, as a setting of Postgres: at least one, as none means forever.
    fn left(until: Instant) -> String {
        let left = until.saturating_duration_since(Instant::now()).as_millis() + 1;
        left.min(i32::MAX.unsigned_abs().into()).to_string()
    }
}

/// Runs the statement. With `read_only`, and if it returns columns, in a transaction: what fails later than the statement undoes it. Without columns it
/// runs by itself, as `vacuum` has to.
///
/// After a failure the transaction is still open.
pub(super) async fn perform(
    line: &mut PgConnection,
    asked: &Asked<'_>,
    read_only: bool,
    deadline: Deadline,
) -> Result<Value, ReachFailure> {
    let failed = |error| failures::of_statement(error, deadline);
    // As it stands: it is the tenant's own, on the tenant's own database, and nothing of a run is in it.
    let sql = AssertSqlSafe(asked.statement.to_owned()).into_sql_str();
    let statement = line.prepare(sql).await.map_err(failed)?;
    names_differ(&statement)?;
    let parameters: &[PgTypeInfo] = match statement.parameters() {
        Some(Either::Left(parameters)) => parameters,
        _ => &[],
    };
    let args = Args::read(asked.args, parameters)?;
    let has_columns = !statement.columns().is_empty();
    let begin = match (read_only, has_columns) {
        (true, _) => Some("begin read only"),
        (false, true) => Some("begin"),
        (false, false) => None,
    };
    if let Some(begin) = begin {
        line.execute(raw_sql(begin)).await.map_err(failed)?;
    }
    // The first query of the transaction: after it, none can make it writable any more.
    let settings = sqlx::query(SETTINGS).persistent(false);
    let settings = settings.bind(Deadline::left(deadline.for_postgres)).bind(Deadline::left(deadline.end));
    settings.execute(&mut *line).await.map_err(failed)?;
    let arguments = args.bound(line, deadline).await?;
    let fetched = rows::fetch(line, &statement, arguments, asked.max_rows, deadline).await?;
    let row_count = if has_columns { fetched.rows.len() as u64 } else { fetched.affected };
    let rows = rows::values(line, &statement, &fetched.rows, deadline).await?;
    if begin.is_some() {
        line.execute(raw_sql("commit")).await.map_err(failed)?;
    }
    // Not by `json!`, which would copy them.
    let result = [("rows".to_owned(), Value::Array(rows)), ("row_count".to_owned(), row_count.into())];
    Ok(Value::Object(result.into_iter().collect()))
}

/// A row is an object: of two columns of one name, one would be lost.
fn names_differ(statement: &PgStatement) -> Result<(), ReachFailure> {
    let mut seen = HashSet::new();
    match statement.columns().iter().find(|column| !seen.insert(column.name())) {
        None => Ok(()),
        Some(column) => {
            let message = format!("two columns are named {:?}: name them with `as`", column.name());
            Err(ReachFailure::new("duplicate_columns", message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn postgres_gives_up_before_we_do() {
        for (timeout, expected) in [(1, 1), (1000, 901), (60_000, 59_751)] {
            let deadline = Deadline::after(Duration::from_millis(timeout));
            assert_eq!(Deadline::left(deadline.for_postgres), expected.to_string());
            assert!(!deadline.is_over_for_postgres());
            tokio::time::advance(Duration::from_millis(timeout)).await;
            assert!(deadline.is_over_for_postgres());
            assert_eq!(Deadline::left(deadline.for_postgres), "1");
        }
        assert_eq!(Deadline::left(Deadline::after(Duration::MAX).end), i32::MAX.to_string());
    }
}
