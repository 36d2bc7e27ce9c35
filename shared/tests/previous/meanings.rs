//! Each statement of the release before means the same as it did.

use serde_json::Value;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection, SqlSafeStr as _};

use crate::statements::{Release, Statement, refusal};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

/// What would go wrong in a function of the release before; None: nothing.
async fn fault(conn: &mut PgConnection, statement: &Statement) -> Option<String> {
    let sql = AssertSqlSafe(statement.sql.as_str()).into_sql_str();
    let now = match (&mut *conn).describe(sql).await {
        Ok(now) => serde_json::to_value(now).unwrap(),
        Err(error) => return Some(error.to_string()),
    };
    let then = &statement.describe;
    if now["parameters"] != then["parameters"] {
        return Some(format!("its arguments were {}, and are {}", then["parameters"], now["parameters"]));
    }
    let [columns, columns_then] = [&now, then].map(|of| of["columns"].as_array().unwrap());
    let [may_be_null, might_be_null] = [&now, then].map(|of| of["nullable"].as_array().unwrap());
    if columns.len() != columns_then.len() {
        return Some(format!("it had {} columns, and has {}", columns_then.len(), columns.len()));
    }
    for (index, (column, column_then)) in columns.iter().zip(columns_then).enumerate() {
        for field in ["name", "type_info"] {
            if column[field] != column_then[field] {
                return Some(format!(
                    "{} was {}, and is {}",
                    column_then["name"], column_then[field], column[field]
                ));
            }
        }
        // Where the code itself says that it is not null, sqlx does not ask.
        if might_be_null[index] == Value::Bool(false) && may_be_null[index] != Value::Bool(false) {
            return Some(format!("{} may be null now", column["name"]));
        }
    }
    refusal(conn, &statement.sql).await.map(|error| format!("for the functions: {error}"))
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn every_statement_of_the_release_before_means_the_same_on_this_schema(mut conn: Conn) {
    let mut faults = Vec::new();
    for statement in &Release::before().statements {
        if let Some(fault) = fault(&mut conn, statement).await {
            faults.push(format!("{fault}\n{}", statement.sql));
        }
    }
    assert!(
        faults.is_empty(),
        "functions of the release before, which run on this schema during a deployment, would fail (CONTRIBUTING.md, Migrations):\n\n{}",
        faults.join("\n\n")
    );
}

/// Nobody has to find out by a deployment what the test above does not see.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_a_migration_may_not_do_is_noticed(mut conn: Conn) {
    let before = Release::before();
    for (change, complaint) in [
        ("alter table pipeline_runs rename column queue to lane", "column r.queue does not exist"),
        ("alter table pipeline_runs alter column attempt type bigint", "attempt"),
        ("alter table pipeline_runs alter column queue drop not null", "may be null now"),
        ("revoke update on pipeline_runs from runplane_functions", "for the functions: "),
        ("revoke execute on function claim_runs_by_id from public", "for the functions: "),
        ("drop function claim_runs_by_id", "claim_runs_by_id"),
    ] {
        sqlx::raw_sql("begin").execute(&mut *conn).await.unwrap();
        sqlx::raw_sql(change).execute(&mut *conn).await.unwrap();
        let mut faults = Vec::new();
        for statement in &before.statements {
            // A statement that fails ends the transaction that has the change.
            sqlx::raw_sql("savepoint one").execute(&mut *conn).await.unwrap();
            faults.extend(fault(&mut conn, statement).await);
            sqlx::raw_sql("rollback to one").execute(&mut *conn).await.unwrap();
        }
        sqlx::raw_sql("rollback").execute(&mut *conn).await.unwrap();
        assert!(faults.iter().any(|fault| fault.contains(complaint)), "{change}: {faults:?}");
    }
}
