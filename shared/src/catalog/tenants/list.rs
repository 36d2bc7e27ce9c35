//! List tenants, newest first.

use sqlx::postgres::PgConnection;

use super::Tenant;
use crate::catalog::{List, Page};
use crate::scope::Scope;

/// Which tenants: all of them. Its name ties a cursor to this list.
#[derive(Clone, Copy, Debug, Default)]
pub struct TenantFilter;

/// One page.
///
/// # Errors
/// [`sqlx::Error`].
pub async fn list_tenants(
    conn: &mut PgConnection,
    scope: Scope,
    filter: TenantFilter,
    page: &Page,
) -> Result<List<Tenant>, sqlx::Error> {
    let rows = sqlx::query_file_as!(
        Tenant,
        "sql/list_tenants.sql",
        scope.tenant(),
        page.created_at(),
        page.id(),
        page.rows()
    )
    .fetch_all(conn)
    .await?;
    Ok(List::new(rows, page, scope, &filter))
}
