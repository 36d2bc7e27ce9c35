//! List keys, newest first.

use sqlx::postgres::PgConnection;

use super::{KeyView, key_view};
use crate::catalog::{List, Page};
use crate::scope::Scope;

/// Which keys: all of them. It tells the cursors of this list from those of others.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyFilter;

/// One page, with keys that have expired or were revoked. Those without tenant are seen by whoever sees every tenant.
///
/// # Errors
/// [`sqlx::Error`].
pub async fn list_keys(
    conn: &mut PgConnection,
    scope: Scope,
    filter: KeyFilter,
    page: &Page,
) -> Result<List<KeyView>, sqlx::Error> {
    let rows =
        sqlx::query_file!("sql/list_keys.sql", scope.tenant(), page.created_at(), page.id(), page.rows())
            .fetch_all(conn)
            .await?;
    Ok(List::new(rows.into_iter().map(|row| key_view!(row)).collect(), page, scope, &filter))
}
