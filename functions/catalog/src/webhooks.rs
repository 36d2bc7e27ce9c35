//! `/api/webhooks`.

use runplane::app::App;
use runplane::audit::{self, Action, Entry};
use runplane::catalog::{
    self, CreateWebhookError, CreateWebhookRequest, MAX_WEBHOOKS, UpdateWebhookError, UpdateWebhookRequest,
    WebhookError, WebhookFilter,
};
use runplane::http::{Call, Reply, lists};
use runplane::problem::{Code, Problem};
use serde_json::json;

/// `POST /api/webhooks`.
pub async fn create(app: &App, call: &Call) -> Result<Reply, Problem> {
    call.no_query()?;
    let request: CreateWebhookRequest = call.body()?;
    request.check()?;
    tracing::Span::current().record("tenant.id", request.tenant_id.to_string());
    let webhook = app.transaction(async |conn| {
        let webhook = catalog::create_webhook(conn, &request).await?;
        // Without the URL, which may be as good as a password.
        let details = json!({
            "name": webhook.name,
            "event_types": webhook.event_types,
            "pipeline_id": webhook.pipeline_id,
            "paused": webhook.paused,
        });
        let entry = call.entry(Some(webhook.tenant_id), Action::WebhookCreated, webhook.id);
        audit::record(conn, &Entry { details, ..entry }).await?;
        Ok(webhook)
    });
    let webhook = webhook.await.map_err(|error| match error {
        CreateWebhookError::TenantNotFound => Problem::new(Code::TenantNotFound, "There is no such tenant"),
        CreateWebhookError::PipelineNotFound => pipeline_not_found(),
        CreateWebhookError::NameTaken => name_taken(),
        CreateWebhookError::LimitReached => {
            let detail = format!("The tenant has {MAX_WEBHOOKS} webhooks, and may have no more");
            Problem::new(Code::LimitReached, detail)
        }
        CreateWebhookError::Db(error) => error.into(),
    })?;
    Reply::created(&format!("/api/webhooks/{}", webhook.id), &webhook)
}

/// `GET /api/webhooks`.
pub async fn list(app: &App, call: &Call) -> Result<Reply, Problem> {
    let mut query = call.query();
    let scope = lists::scope(call, &mut query)?;
    let filter = WebhookFilter { name: query.stored_text("name") };
    let page = lists::page(query, scope, &filter)?;
    let list = app.call(async |conn| catalog::list_webhooks(conn, scope, &filter, &page).await);
    Reply::ok(&list.await?)
}

/// `GET /api/webhooks/{webhook_id}`.
pub async fn get(app: &App, call: &Call) -> Result<Reply, Problem> {
    let (scope, id) = (call.scope()?, call.id("webhook_id")?);
    let webhook = app.call(async |conn| catalog::get_webhook(conn, scope, id).await);
    Reply::ok(&webhook.await.map_err(problem)?)
}

/// `PATCH /api/webhooks/{webhook_id}`.
pub async fn update(app: &App, call: &Call) -> Result<Reply, Problem> {
    let (scope, id) = (call.scope()?, call.id("webhook_id")?);
    let request: UpdateWebhookRequest = call.body()?;
    request.check()?;
    let webhook = app.transaction(async |conn| {
        let webhook = catalog::update_webhook(conn, scope, id, &request).await?;
        let named = [
            ("name", request.name.is_some()),
            ("url", request.url.is_some()),
            ("secret_ref", request.secret_ref.is_some()),
            ("event_types", request.event_types.changes()),
            ("pipeline_id", request.pipeline_id.changes()),
            ("paused", request.paused.is_some()),
        ];
        let set: Vec<_> = named.into_iter().filter(|(_, set)| *set).map(|(name, _)| name).collect();
        let details = json!({ "name": webhook.name, "set": set, "paused": webhook.paused });
        let entry = call.entry(Some(webhook.tenant_id), Action::WebhookChanged, webhook.id);
        audit::record(conn, &Entry { details, ..entry }).await?;
        Ok(webhook)
    });
    let webhook = webhook.await.map_err(|error| match error {
        UpdateWebhookError::NotFound => not_found(),
        UpdateWebhookError::PipelineNotFound => pipeline_not_found(),
        UpdateWebhookError::NameTaken => name_taken(),
        UpdateWebhookError::Db(error) => error.into(),
    })?;
    Reply::ok(&webhook)
}

/// `DELETE /api/webhooks/{webhook_id}`.
pub async fn delete(app: &App, call: &Call) -> Result<Reply, Problem> {
    let (scope, id) = (call.scope()?, call.id("webhook_id")?);
    let deleted = app.transaction(async |conn| {
        let webhook = catalog::get_webhook(conn, scope, id).await?.webhook;
        catalog::delete_webhook(conn, scope, id).await?;
        let details = json!({ "name": webhook.name });
        let entry = call.entry(Some(webhook.tenant_id), Action::WebhookDeleted, webhook.id);
        audit::record(conn, &Entry { details, ..entry }).await?;
        Ok(())
    });
    deleted.await.map_err(problem)?;
    Ok(Reply::no_content())
}

/// `POST /api/webhooks/{webhook_id}/retry`.
pub async fn retry(app: &App, call: &Call) -> Result<Reply, Problem> {
    let (scope, id) = (call.scope()?, call.id("webhook_id")?);
    let retried = app.transaction(async |conn| {
        let webhook = catalog::get_webhook(conn, scope, id).await?.webhook;
        let retried = catalog::retry_deliveries(conn, scope, id).await?;
        if retried.retried > 0 {
            let details = json!({ "name": webhook.name, "retried": retried.retried });
            let entry = call.entry(Some(webhook.tenant_id), Action::WebhookRetried, webhook.id);
            audit::record(conn, &Entry { details, ..entry }).await?;
        }
        Ok(retried)
    });
    Reply::ok(&retried.await.map_err(problem)?)
}

fn problem(error: WebhookError) -> Problem {
    match error {
        WebhookError::NotFound => not_found(),
        WebhookError::Db(error) => error.into(),
    }
}

fn not_found() -> Problem {
    Problem::new(Code::WebhookNotFound, "There is no such webhook")
}

fn pipeline_not_found() -> Problem {
    Problem::new(Code::PipelineNotFound, "The tenant has no such pipeline")
}

fn name_taken() -> Problem {
    Problem::new(Code::AlreadyExists, "The tenant has a webhook of this name already")
}
