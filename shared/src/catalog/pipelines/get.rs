//! Get a pipeline.

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::Pipeline;
use crate::scope::Scope;

/// Why there is no pipeline to show.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// There is none in this scope.
    #[error("pipeline not found")]
    NotFound,
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// The pipeline.
///
/// # Errors
/// [`PipelineError`].
pub async fn get_pipeline(
    conn: &mut PgConnection,
    scope: Scope,
    id: Uuid,
) -> Result<Pipeline, PipelineError> {
    sqlx::query_as!(
        Pipeline,
        "select p.id, p.tenant_id, p.name, p.description, p.queue, p.max_running, p.paused, p.created_at
         from pipelines p
         where p.id = $2 and ($1::uuid is null or p.tenant_id = $1)",
        scope.tenant(),
        id,
    )
    .fetch_optional(conn)
    .await?
    .ok_or(PipelineError::NotFound)
}
