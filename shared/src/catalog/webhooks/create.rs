//! Create a webhook.

use serde::Deserialize;
use sqlx::postgres::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{MAX_NAME_CHARS, Webhook, check_event_types, words};
use crate::catalog::connections::{check_secret_ref, urls};
use crate::catalog::is_past;
use crate::events::EventType;
use crate::problem::Problem;
use crate::runs::Faults;

/// What a client sends to create a webhook. There is no way to send a secret.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct CreateWebhookRequest {
    /// Whose it becomes. A caller of a tenant may leave it out: it is that tenant then. A caller across tenants has to say.
    #[schema(required = false)]
    pub tenant_id: Uuid,
    /// 1 to 100 characters that no other webhook of the tenant is called by.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// `https://`, without credentials, query and fragment.
    #[schema(max_length = 2048)]
    pub url: String,
    /// The name of a secret among those of the tenant, 1 to 256 letters, digits and `/_+=.@-`. The secret itself is `whsec_` and 24 to 64 bytes in
    /// base64, or two of these with a space between.
    #[schema(min_length = 1, max_length = 256, pattern = "^[A-Za-z0-9/_+=.@-]+$")]
    pub secret_ref: String,
    /// Which events, at least one and each once; all if left out.
    #[serde(default, deserialize_with = "words")]
    #[schema(min_items = 1)]
    pub event_types: Option<Vec<EventType>>,
    /// Of whose runs: a pipeline of the tenant. Of every pipeline's if left out.
    pub pipeline_id: Option<Uuid>,
    /// Whether nothing is sent for now; it is not, if left out.
    #[serde(default)]
    pub paused: bool,
}

impl CreateWebhookRequest {
    /// Checks every bound.
    ///
    /// # Errors
    /// `invalid_field` with every field that is out of bounds.
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = Faults::default();
        faults.text("/name", &self.name, MAX_NAME_CHARS);
        urls::secure("/url", &self.url, &mut faults);
        check_secret_ref(&self.secret_ref, &mut faults);
        if let Some(types) = &self.event_types {
            check_event_types(types, &mut faults);
        }
        faults.finish()
    }
}

/// Why a webhook was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateWebhookError {
    /// No such tenant.
    #[error("tenant not found")]
    TenantNotFound,
    /// The tenant has no such pipeline.
    #[error("pipeline not found")]
    PipelineNotFound,
    /// Another webhook of the tenant has this name.
    #[error("the tenant has a webhook of this name")]
    NameTaken,
    /// The tenant has [`MAX_WEBHOOKS`](super::MAX_WEBHOOKS).
    #[error("the tenant has as many webhooks as it may")]
    LimitReached,
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// Inserts the webhook: it is told about what happens from now on. The request has passed [`CreateWebhookRequest::check`].
///
/// # Errors
/// [`CreateWebhookError`]; nothing was inserted.
pub async fn create_webhook(
    conn: &mut PgConnection,
    request: &CreateWebhookRequest,
) -> Result<Webhook, CreateWebhookError> {
    let row = sqlx::query_file_as!(
        Webhook,
        "sql/create_webhook.sql",
        Uuid::now_v7(),
        request.tenant_id,
        request.name,
        request.url,
        request.secret_ref,
        request.event_types.as_deref() as _,
        request.pipeline_id,
        request.paused,
    )
    .fetch_optional(&mut *conn)
    .await;
    match row {
        Ok(Some(webhook)) => return Ok(webhook),
        Ok(None) => {}
        Err(error) if is_past("webhooks_per_tenant", &error) => return Err(CreateWebhookError::LimitReached),
        Err(error) => return Err(error.into()),
    }
    let there = sqlx::query!(
        r#"select $2::uuid is null or exists (select from pipelines p where p.tenant_id = t.id and p.id = $2) as "pipeline!"
           from tenants t where t.id = $1"#,
        request.tenant_id,
        request.pipeline_id,
    );
    Err(match there.fetch_optional(conn).await? {
        None => CreateWebhookError::TenantNotFound,
        Some(there) if !there.pipeline => CreateWebhookError::PipelineNotFound,
        Some(_) => CreateWebhookError::NameTaken,
    })
}
