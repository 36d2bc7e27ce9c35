//! List versions, newest first, without their dag_specs.

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::{Version, VersionStatus};
use crate::catalog::{List, Page};
use crate::scope::Scope;

/// Which versions. What is `None` or empty does not matter.
#[derive(Clone, Debug, Default)]
pub struct VersionFilter {
    /// Those of this pipeline.
    pub pipeline_id: Option<Uuid>,
    /// Any of these.
    pub status: Vec<VersionStatus>,
}

/// One page.
///
/// # Errors
/// [`sqlx::Error`].
pub async fn list_versions(
    conn: &mut PgConnection,
    scope: Scope,
    filter: &VersionFilter,
    page: &Page,
) -> Result<List<Version>, sqlx::Error> {
    let statuses: Vec<_> = filter.status.iter().map(|status| status.as_str().to_owned()).collect();
    let rows = sqlx::query_file_as!(
        Version,
        "sql/list_versions.sql",
        scope.tenant(),
        filter.pipeline_id,
        (!statuses.is_empty()).then_some(statuses.as_slice()),
        page.created_at(),
        page.id(),
        page.rows(),
    )
    .fetch_all(conn)
    .await?;
    Ok(List::new(rows, page, scope, filter))
}
