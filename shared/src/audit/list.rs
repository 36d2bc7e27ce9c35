//! List entries, newest first.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use super::{Action, AuditEntry};
use crate::catalog::{List, Page};
use crate::scope::Scope;

/// Which entries. What is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// About this.
    pub action: Option<Action>,
    /// Not older than this.
    pub since: Option<DateTime<Utc>>,
    /// Older than this.
    pub until: Option<DateTime<Utc>>,
}

/// One page. Entries of no tenant are seen by whoever sees every tenant.
///
/// # Errors
/// [`sqlx::Error`].
pub async fn list(
    conn: &mut PgConnection,
    scope: Scope,
    filter: &AuditFilter,
    page: &Page,
) -> Result<List<AuditEntry>, sqlx::Error> {
    let rows = sqlx::query_file_as!(
        AuditEntry,
        "sql/list_audit.sql",
        scope.tenant(),
        filter.action.map(Action::as_str),
        filter.since,
        filter.until,
        page.created_at(),
        page.id(),
        page.rows(),
    )
    .fetch_all(conn)
    .await?;
    Ok(List::new(rows, page, scope, filter))
}
