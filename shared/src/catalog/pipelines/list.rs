//! List pipelines, newest first.

use sqlx::postgres::PgConnection;

use super::Pipeline;
use crate::catalog::{List, Page};
use crate::scope::Scope;

/// Which pipelines. What is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct PipelineFilter {
    /// Those of this name: of one tenant, at most one.
    pub name: Option<String>,
}

/// One page.
///
/// # Errors
/// [`sqlx::Error`].
pub async fn list_pipelines(
    conn: &mut PgConnection,
    scope: Scope,
    filter: &PipelineFilter,
    page: &Page,
) -> Result<List<Pipeline>, sqlx::Error> {
    let rows = sqlx::query_file_as!(
        Pipeline,
        "sql/list_pipelines.sql",
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
