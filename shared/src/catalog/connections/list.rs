//! List connections, newest first.

use sqlx::postgres::PgConnection;

use super::Connection;
use crate::catalog::{List, Page};
use crate::dag::ConnectionKind;
use crate::scope::Scope;

/// Which connections. What is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct ConnectionFilter {
    /// Those of this kind.
    pub kind: Option<ConnectionKind>,
    /// That of this name: of each tenant there is one at most.
    pub name: Option<String>,
}

/// One page.
///
/// # Errors
/// [`sqlx::Error`].
pub async fn list_connections(
    conn: &mut PgConnection,
    scope: Scope,
    filter: &ConnectionFilter,
    page: &Page,
) -> Result<List<Connection>, sqlx::Error> {
    let rows = sqlx::query_file_as!(
        Connection,
        "sql/list_connections.sql",
        scope.tenant(),
        filter.kind.map(ConnectionKind::as_str),
        filter.name,
        page.created_at(),
        page.id(),
        page.rows(),
    )
    .fetch_all(conn)
    .await?;
    Ok(List::new(rows, page, scope, filter))
}
