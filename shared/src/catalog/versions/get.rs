//! Get a version, with its dag_spec and what became of it.

use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::{MAX_TRANSITIONS, Transition, VersionInFull, VersionStatus, in_full};
use crate::scope::Scope;

/// Why there is no version to show.
#[derive(Debug, thiserror::Error)]
pub enum VersionError {
    /// There is none in this scope.
    #[error("pipeline version not found")]
    NotFound,
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// The version.
///
/// # Errors
/// [`VersionError`].
pub async fn get_version(
    conn: &mut PgConnection,
    scope: Scope,
    id: Uuid,
) -> Result<VersionInFull, VersionError> {
    let row = sqlx::query_file!("sql/get_version.sql", scope.tenant(), id, MAX_TRANSITIONS)
        .fetch_optional(conn)
        .await?
        .ok_or(VersionError::NotFound)?;
    Ok(in_full!(row, row.dag_spec, row.transitions.0))
}
