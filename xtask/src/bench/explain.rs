//! How many pages a statement reads, from memory or from disk, as Postgres itself counts them. Unlike time, they are the
//! same on a busy machine.

use anyhow::{Context, Result};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::statements::Statement;
use crate::paths::short_hash;

/// How a statement is planned, as `runplane::db::Plans` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plans {
    /// Once per connection.
    Generic,
    /// Anew for every call.
    Custom,
}

/// What one execution was like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Explained {
    /// Read, as often as each was.
    pub pages: u64,
    /// Answered.
    pub rows: f64,
}

/// Runs the statement (it does what it does). The same statement with other arguments is prepared only once per connection.
/// Fails when Postgres refuses it.
pub async fn explain(
    connection: &mut PgConnection,
    statement: &Statement,
    plans: Plans,
) -> Result<Explained> {
    let name = format!("explained_{}", short_hash(statement.sql.as_bytes()));
    let known = "select exists (select from pg_prepared_statements where name = $1)";
    let known: bool = sqlx::query_scalar(known).bind(&name).fetch_one(&mut *connection).await?;
    let prepare = if known { String::new() } else { format!("prepare {name} as {};", statement.sql) };
    let mode = if plans == Plans::Generic { "force_generic_plan" } else { "force_custom_plan" };
    let arguments = statement.arguments.join(", ");
    let explain = format!(
        "set plan_cache_mode = {mode}; set jit = off; {prepare}
         explain (analyze, buffers, timing off, format json) execute {name} ({arguments})"
    );
    let rows = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(connection).await?;
    let plan: Value = rows.first().context("no plan")?.try_get(0)?;
    read(&plan).context("a plan without buffers")
}

fn read(explained: &Value) -> Option<Explained> {
    let plan = explained.get(0)?.get("Plan")?;
    let pages = plan.get("Shared Hit Blocks")?.as_u64()? + plan.get("Shared Read Blocks")?.as_u64()?;
    Some(Explained { pages, rows: plan.get("Actual Rows")?.as_f64()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_counted_from_memory_and_from_disk_without_those_of_planning() {
        let plan = serde_json::json!([{
            "Plan": {
                "Actual Rows": 1.0, "Shared Hit Blocks": 40, "Shared Read Blocks": 2,
                "Plans": [{ "Shared Hit Blocks": 40 }]
            },
            "Planning": { "Shared Hit Blocks": 500 }
        }]);
        assert_eq!(read(&plan), Some(Explained { pages: 42, rows: 1.0 }));
        assert_eq!(read(&serde_json::json!([])), None);
    }
}
