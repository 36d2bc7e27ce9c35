//! List webhooks, newest first.

use sqlx::postgres::PgConnection;

use super::Webhook;
use crate::catalog::{List, Page};
use crate::events::EventType;
use crate::scope::Scope;

/// Which webhooks. What is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct WebhookFilter {
    /// That of this name: of each tenant there is one at most.
    pub name: Option<String>,
}

/// One page.
///
/// # Errors
/// [`sqlx::Error`].
pub async fn list_webhooks(
    conn: &mut PgConnection,
    scope: Scope,
    filter: &WebhookFilter,
    page: &Page,
) -> Result<List<Webhook>, sqlx::Error> {
    let rows = sqlx::query_file_as!(
        Webhook,
        "sql/list_webhooks.sql",
        scope.tenant(),
        filter.name,
        page.created_at(),
        page.id(),
        page.rows(),
    )
    .fetch_all(conn)
    .await?;
    Ok(List::new(rows, page, scope, filter))
}
