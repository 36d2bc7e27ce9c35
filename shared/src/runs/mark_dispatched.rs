//! Mark as dispatched: SQS has the message, so there is nothing left to tell it.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;
use uuid::Uuid;

/// Clears the run's dispatch if it is still the one that was due at `due_at`; otherwise changes nothing, which is fine:
/// somebody has claimed the run, or another dispatch has become due.
///
/// # Errors
/// [`sqlx::Error`]; the dispatch stays due, so the message is sent once more, which is harmless.
pub async fn mark_dispatched(
    conn: &mut PgConnection,
    tenant: Uuid,
    run_id: Uuid,
    due_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/mark_dispatched.sql", tenant, run_id, due_at).execute(conn).await?;
    Ok(())
}

/// As [`mark_dispatched`] for several runs: tenant, run and `due_at` of each, in one statement.
///
/// # Errors
/// [`sqlx::Error`]; they stay due, so the messages are sent once more, which is harmless.
pub async fn mark_all_dispatched(
    conn: &mut PgConnection,
    sent: &[(Uuid, Uuid, DateTime<Utc>)],
) -> Result<(), sqlx::Error> {
    let tenants: Vec<Uuid> = sent.iter().map(|(tenant, _, _)| *tenant).collect();
    let runs: Vec<Uuid> = sent.iter().map(|(_, run, _)| *run).collect();
    let due: Vec<DateTime<Utc>> = sent.iter().map(|(_, _, due_at)| *due_at).collect();
    sqlx::query_file!("sql/mark_all_dispatched.sql", &tenants, &runs, &due).execute(conn).await?;
    Ok(())
}
