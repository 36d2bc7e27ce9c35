//! Change a webhook.

use serde::{Deserialize, Deserializer};
use sqlx::postgres::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{MAX_NAME_CHARS, Webhook, check_event_types, words};
use crate::catalog::connections::{check_secret_ref, urls};
use crate::catalog::{Patch, is_taken};
use crate::events::EventType;
use crate::problem::Problem;
use crate::runs::Faults;
use crate::scope::Scope;

/// What a client sends to change a webhook. What is left out stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub struct UpdateWebhookRequest {
    /// 1 to 100 characters that no other webhook of the tenant is called by.
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// `https://`, without credentials, query and fragment.
    #[schema(max_length = 2048)]
    pub url: Option<String>,
    /// The name of a secret among those of the tenant.
    #[schema(min_length = 1, max_length = 256, pattern = "^[A-Za-z0-9/_+=.@-]+$")]
    pub secret_ref: Option<String>,
    /// Which events, of what happens from now on: at least one and each once; null = all.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<Vec<EventType>>, min_items = 1)]
    pub event_types: Patch<Vec<EventType>>,
    /// Of whose runs, of what happens from now on: a pipeline of the tenant; null = of every pipeline's.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    pub pipeline_id: Patch<Uuid>,
    /// Whether nothing is sent.
    pub paused: Option<bool>,
}

fn patch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Patch<Vec<EventType>>, D::Error> {
    Ok(words(deserializer)?.map_or(Patch::Clear, Patch::Set))
}

impl UpdateWebhookRequest {
    /// Checks every bound.
    ///
    /// # Errors
    /// `invalid_field` with every field that is out of bounds.
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = Faults::default();
        if let Some(name) = &self.name {
            faults.text("/name", name, MAX_NAME_CHARS);
        }
        if let Some(url) = &self.url {
            urls::secure("/url", url, &mut faults);
        }
        if let Some(secret_ref) = &self.secret_ref {
            check_secret_ref(secret_ref, &mut faults);
        }
        if let Some(types) = self.event_types.value() {
            check_event_types(types, &mut faults);
        }
        faults.finish()
    }
}

/// Why a webhook was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateWebhookError {
    /// There is none in this scope.
    #[error("webhook not found")]
    NotFound,
    /// Its tenant has no such pipeline.
    #[error("pipeline not found")]
    PipelineNotFound,
    /// Another webhook of the tenant has this name.
    #[error("the tenant has a webhook of this name")]
    NameTaken,
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// Changes the webhook and returns it as stored. What waits for it goes where it leads now; if it rests, that is over. The request has passed
/// [`UpdateWebhookRequest::check`].
///
/// # Errors
/// [`UpdateWebhookError`]; the webhook is as it was.
pub async fn update_webhook(
    conn: &mut PgConnection,
    scope: Scope,
    id: Uuid,
    request: &UpdateWebhookRequest,
) -> Result<Webhook, UpdateWebhookError> {
    let updated = sqlx::query_file_as!(
        Webhook,
        "sql/update_webhook.sql",
        scope.tenant(),
        id,
        request.name,
        request.url,
        request.secret_ref,
        request.event_types.changes(),
        request.event_types.value().map(Vec::as_slice) as _,
        request.pipeline_id.changes(),
        request.pipeline_id.value().copied(),
        request.paused,
    )
    .fetch_optional(&mut *conn)
    .await;
    match updated {
        Ok(Some(webhook)) => Ok(webhook),
        Ok(None) => {
            let there = sqlx::query_scalar!(
                "select l.id from listeners l
                 where l.id = $2 and l.tenant_id is not null and ($1::uuid is null or l.tenant_id = $1)",
                scope.tenant(),
                id,
            );
            Err(match there.fetch_optional(conn).await? {
                Some(_) => UpdateWebhookError::PipelineNotFound,
                None => UpdateWebhookError::NotFound,
            })
        }
        Err(error) if is_taken(&error) => Err(UpdateWebhookError::NameTaken),
        Err(error) => Err(error.into()),
    }
}
