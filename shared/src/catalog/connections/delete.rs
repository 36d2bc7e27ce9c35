//! Delete a connection.

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::ConnectionError;
use crate::scope::Scope;

/// Deletes the connection. Versions that use it stay approved; their steps that do fail from now on.
///
/// # Errors
/// [`ConnectionError`]; nothing was deleted.
pub async fn delete_connection(
    conn: &mut PgConnection,
    scope: Scope,
    id: Uuid,
) -> Result<(), ConnectionError> {
    let deleted = sqlx::query!(
        "delete from connections c where c.id = $2 and ($1::uuid is null or c.tenant_id = $1)",
        scope.tenant(),
        id,
    )
    .execute(conn)
    .await?;
    if deleted.rows_affected() == 1 { Ok(()) } else { Err(ConnectionError::NotFound) }
}
