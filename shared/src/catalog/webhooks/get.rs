//! Get a webhook.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::postgres::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Webhook;
use crate::events::EventType;
use crate::scope::Scope;

/// Deliveries are counted up to here.
const MAX_COUNTED: i64 = 10_000;

/// A webhook, and how its deliveries go.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct WebhookDetails {
    /// The webhook.
    #[serde(flatten)]
    pub webhook: Webhook,
    /// Events that are still to be told, those that were tried in vain among them. Counted up to 10000: there may be more.
    pub pending: i64,
    /// Events that were given up, and can be retried. Counted up to 10000.
    pub given_up: i64,
    /// Since when the event has waited that has waited longest; null: none waits.
    pub waiting_since: Option<DateTime<Utc>>,
    /// Deliveries that failed since one went well.
    pub failures: i32,
    /// Since when they have been failing; null: they are not.
    pub failing_since: Option<DateTime<Utc>>,
    /// Nothing is sent until then, as too much has failed, or as the receiver asked for it; null, or a time that has passed: it does not rest.
    pub rests_until: Option<DateTime<Utc>>,
    /// What became of the last delivery that failed, in a word: `http_503`, `connect`, `timeout`; null: none has failed.
    pub last_error: Option<String>,
    /// When that was.
    pub last_failed_at: Option<DateTime<Utc>>,
    /// When one last went well, up to 30 seconds behind; null: none has.
    pub last_delivered_at: Option<DateTime<Utc>>,
}

/// Why there is no webhook to show, to delete or to retry deliveries of.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// There is none in this scope.
    #[error("webhook not found")]
    NotFound,
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// The webhook.
///
/// # Errors
/// [`WebhookError`].
pub async fn get_webhook(
    conn: &mut PgConnection,
    scope: Scope,
    id: Uuid,
) -> Result<WebhookDetails, WebhookError> {
    let row = sqlx::query_file!("sql/get_webhook.sql", scope.tenant(), id, MAX_COUNTED)
        .fetch_optional(conn)
        .await?
        .ok_or(WebhookError::NotFound)?;
    Ok(WebhookDetails {
        webhook: Webhook {
            id: row.id,
            tenant_id: row.tenant_id,
            name: row.name,
            url: row.url,
            secret_ref: row.secret_ref,
            event_types: row.event_types,
            pipeline_id: row.pipeline_id,
            paused: row.paused,
            created_at: row.created_at,
        },
        pending: row.pending,
        given_up: row.given_up,
        waiting_since: row.waiting_since,
        failures: row.failures,
        failing_since: row.failing_since,
        rests_until: row.rests_until,
        last_error: row.last_error,
        last_failed_at: row.last_failed_at,
        last_delivered_at: row.last_delivered_at,
    })
}
