//! Delete a webhook.

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::WebhookError;
use crate::scope::Scope;

/// Deletes the webhook. Nothing is sent to it any more; what was still to be told is deleted by whoever delivers.
///
/// # Errors
/// [`WebhookError`]; nothing was deleted.
pub async fn delete_webhook(conn: &mut PgConnection, scope: Scope, id: Uuid) -> Result<(), WebhookError> {
    let deleted = sqlx::query!(
        "delete from listeners l
         where l.id = $2 and l.tenant_id is not null and ($1::uuid is null or l.tenant_id = $1)",
        scope.tenant(),
        id,
    )
    .execute(conn)
    .await?;
    if deleted.rows_affected() == 1 { Ok(()) } else { Err(WebhookError::NotFound) }
}
