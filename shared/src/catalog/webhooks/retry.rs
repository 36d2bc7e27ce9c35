//! Retry what was given up.

use serde::Serialize;
use sqlx::postgres::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::WebhookError;
use crate::scope::Scope;

/// Deliveries that one call makes due again.
const MAX_RETRIED: i64 = 1000;

/// What is due again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Retried {
    /// How many events: the oldest, 1000 at most.
    pub retried: u64,
    /// Whether there may be more: then the same call again.
    pub more: bool,
}

/// Makes events due again that were given up. They come after later ones of the same run that were delivered meanwhile.
///
/// # Errors
/// [`WebhookError`]; nothing is due again.
pub async fn retry_deliveries(
    conn: &mut PgConnection,
    scope: Scope,
    id: Uuid,
) -> Result<Retried, WebhookError> {
    let webhook = sqlx::query_scalar!(
        "select l.id from listeners l
         where l.id = $2 and l.tenant_id is not null and ($1::uuid is null or l.tenant_id = $1)",
        scope.tenant(),
        id,
    );
    let webhook = webhook.fetch_optional(&mut *conn).await?.ok_or(WebhookError::NotFound)?;
    let done = sqlx::query_file!("sql/retry_deliveries.sql", webhook, MAX_RETRIED).execute(conn).await?;
    let retried = done.rows_affected();
    Ok(Retried { retried, more: retried >= MAX_RETRIED.unsigned_abs() })
}
