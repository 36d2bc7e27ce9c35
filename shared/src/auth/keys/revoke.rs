//! Revoke a key.

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::{KeyView, key_view};
use crate::scope::Scope;

/// A key that is revoked.
#[derive(Clone, Debug, PartialEq)]
pub struct Revoked {
    /// As it is stored.
    pub key: KeyView,
    /// Whether it was not before.
    pub new: bool,
}

/// Why a key was not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeKeyError {
    /// There is none in this scope.
    #[error("key not found")]
    NotFound,
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// Revokes the key: it is worth nothing from now on, where it was used a moment ago within 60 seconds. One that is revoked already stays as it is.
/// `by` is who does it.
///
/// # Errors
/// [`RevokeKeyError`]; nothing was changed.
pub async fn revoke_key(
    conn: &mut PgConnection,
    scope: Scope,
    id: Uuid,
    by: &str,
) -> Result<Revoked, RevokeKeyError> {
    let row =
        sqlx::query_file!("sql/revoke_key.sql", scope.tenant(), id, by).fetch_optional(&mut *conn).await?;
    if let Some(row) = row {
        return Ok(Revoked { key: key_view!(row), new: true });
    }
    let row = sqlx::query!(
        "select k.id, k.tenant_id, k.name, k.roles, k.created_at, k.created_by, k.expires_at, k.revoked_at, k.revoked_by, k.last_used_at, k.requests_per_second
         from api_keys k
         where k.id = $2 and ($1::uuid is null or k.tenant_id = $1)",
        scope.tenant(),
        id,
    )
    .fetch_optional(conn)
    .await?
    .ok_or(RevokeKeyError::NotFound)?;
    Ok(Revoked { key: key_view!(row), new: false })
}
