//! Add an entry.

use serde_json::Value;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::Action;

/// What is noted about something that was done.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Whose things it was done to; None: nobody's in particular.
    pub tenant: Option<Uuid>,
    /// Who did it.
    pub principal: &'a str,
    /// By which request.
    pub request_id: &'a str,
    /// What was done.
    pub action: Action,
    /// To what.
    pub subject: Option<Uuid>,
    /// More about it, an object without anything that may be a secret.
    pub details: Value,
}

/// Adds the entry, in the transaction of what it tells about: neither is there without the other.
///
/// # Errors
/// [`sqlx::Error`]; nothing was added.
pub async fn record(conn: &mut PgConnection, entry: &Entry<'_>) -> Result<(), sqlx::Error> {
    sqlx::query_file!(
        "sql/record_audit.sql",
        Uuid::now_v7(),
        entry.tenant,
        entry.principal,
        entry.request_id,
        entry.action.as_str(),
        entry.subject,
        entry.details,
    )
    .execute(conn)
    .await?;
    Ok(())
}
