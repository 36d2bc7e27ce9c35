//! The operations on tenants, pipelines, connections and webhooks.

use crate::catalog::{
    Connection, CreateConnectionRequest, CreatePipelineRequest, CreateTenantRequest, CreateWebhookRequest,
    List, Pipeline, Retried, Tenant, TenantDeletion, UpdatePipelineRequest, UpdateTenantRequest,
    UpdateWebhookRequest, Webhook, WebhookDetails,
};
use crate::dag::ConnectionKind;
use crate::problem::ProblemBody;

/// Create a tenant
#[utoipa::path(
    post, path = "/api/tenants", tag = "catalogue", operation_id = "create_tenant",
    request_body = CreateTenantRequest,
    responses(
        (status = 201, body = Tenant, description = "The tenant",
            headers(("Location" = String, description = "Its path"))),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn create_tenant() {}

/// List tenants, newest first
#[utoipa::path(
    get, path = "/api/tenants", tag = "catalogue", operation_id = "list_tenants",
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "20 if left out"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, with the same filters"),
    ),
    responses(
        (status = 200, body = List<Tenant>, description = "One page"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn list_tenants() {}

/// Look at a tenant
#[utoipa::path(
    get, path = "/api/tenants/{tenant_id}", tag = "catalogue", operation_id = "get_tenant",
    params(
        ("tenant_id" = uuid::Uuid, Path, description = "The tenant"),
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only if it is this one"),
    ),
    responses(
        (status = 200, body = Tenant, description = "The tenant"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`tenant_not_found`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn get_tenant() {}

/// Rename, limit or pause a tenant
#[utoipa::path(
    patch, path = "/api/tenants/{tenant_id}", tag = "catalogue", operation_id = "update_tenant",
    params(
        ("tenant_id" = uuid::Uuid, Path, description = "The tenant"),
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only if it is this one"),
    ),
    request_body = UpdateTenantRequest,
    responses(
        (status = 200, body = Tenant, description = "The tenant as it is now"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`tenant_not_found`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn update_tenant() {}

/// Delete a tenant and everything that is its own, a batch with each call
#[utoipa::path(
    delete, path = "/api/tenants/{tenant_id}", tag = "catalogue", operation_id = "delete_tenant",
    params(
        ("tenant_id" = uuid::Uuid, Path, description = "The tenant"),
        ("name" = String, Query, description = "Its name, exactly: so that no other one is deleted by mistake"),
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only if it is this one"),
    ),
    responses(
        (status = 200, body = TenantDeletion, description = "What was deleted. Unless it is `done`: the same call again"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`tenant_not_found`: there is none, or it is gone already"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn delete_tenant() {}

/// Create a pipeline
#[utoipa::path(
    post, path = "/api/pipelines", tag = "catalogue", operation_id = "create_pipeline",
    request_body = CreatePipelineRequest,
    responses(
        (status = 201, body = Pipeline, description = "The pipeline",
            headers(("Location" = String, description = "Its path"))),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`tenant_not_found`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
            description = "`already_exists`: the tenant has a pipeline of this name"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn create_pipeline() {}

/// List pipelines, newest first
#[utoipa::path(
    get, path = "/api/pipelines", tag = "catalogue", operation_id = "list_pipelines",
    params(
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only this tenant's"),
        ("name" = Option<String>, Query, description = "Only those of this name"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "20 if left out"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, with the same filters"),
    ),
    responses(
        (status = 200, body = List<Pipeline>, description = "One page"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn list_pipelines() {}

/// Look at a pipeline
#[utoipa::path(
    get, path = "/api/pipelines/{pipeline_id}", tag = "catalogue", operation_id = "get_pipeline",
    params(
        ("pipeline_id" = uuid::Uuid, Path, description = "The pipeline"),
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only if it is this tenant's"),
    ),
    responses(
        (status = 200, body = Pipeline, description = "The pipeline"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`pipeline_not_found`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn get_pipeline() {}

/// Rename, describe, limit or pause a pipeline
#[utoipa::path(
    patch, path = "/api/pipelines/{pipeline_id}", tag = "catalogue", operation_id = "update_pipeline",
    params(
        ("pipeline_id" = uuid::Uuid, Path, description = "The pipeline"),
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only if it is this tenant's"),
    ),
    request_body = UpdatePipelineRequest,
    responses(
        (status = 200, body = Pipeline, description = "The pipeline as it is now"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`pipeline_not_found`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
            description = "`already_exists`: the tenant has a pipeline of this name"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn update_pipeline() {}

/// Create a connection
#[utoipa::path(
    post, path = "/api/connections", tag = "catalogue", operation_id = "create_connection",
    request_body = CreateConnectionRequest,
    responses(
        (status = 201, body = Connection, description = "The connection",
            headers(("Location" = String, description = "Its path"))),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`tenant_not_found`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
            description = "`already_exists`: the tenant has a connection of this name"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn create_connection() {}

/// List connections, newest first
#[utoipa::path(
    get, path = "/api/connections", tag = "catalogue", operation_id = "list_connections",
    params(
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only this tenant's"),
        ("kind" = Option<ConnectionKind>, Query, description = "Only those of this kind"),
        ("name" = Option<String>, Query, description = "Only those of this name"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "20 if left out"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, with the same filters"),
    ),
    responses(
        (status = 200, body = List<Connection>, description = "One page"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn list_connections() {}

/// Look at a connection
#[utoipa::path(
    get, path = "/api/connections/{connection_id}", tag = "catalogue", operation_id = "get_connection",
    params(
        ("connection_id" = uuid::Uuid, Path, description = "The connection"),
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only if it is this tenant's"),
    ),
    responses(
        (status = 200, body = Connection, description = "The connection"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`connection_not_found`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn get_connection() {}

/// Delete a connection
#[utoipa::path(
    delete, path = "/api/connections/{connection_id}", tag = "catalogue", operation_id = "delete_connection",
    params(
        ("connection_id" = uuid::Uuid, Path, description = "The connection"),
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only if it is this tenant's"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`connection_not_found`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn delete_connection() {}

/// Create a webhook
#[utoipa::path(
    post, path = "/api/webhooks", tag = "catalogue", operation_id = "create_webhook",
    request_body = CreateWebhookRequest,
    responses(
        (status = 201, body = Webhook, description = "The webhook: it is told about what happens from now on",
            headers(("Location" = String, description = "Its path"))),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`tenant_not_found`, `pipeline_not_found`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
            description = "`already_exists`: the tenant has a webhook of this name; `limit_reached`: it has 20 of them"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn create_webhook() {}

/// List webhooks, newest first
#[utoipa::path(
    get, path = "/api/webhooks", tag = "catalogue", operation_id = "list_webhooks",
    params(
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only this tenant's"),
        ("name" = Option<String>, Query, description = "Only those of this name"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "20 if left out"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, with the same filters"),
    ),
    responses(
        (status = 200, body = List<Webhook>, description = "One page"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn list_webhooks() {}

/// Look at a webhook, and how its deliveries go
#[utoipa::path(
    get, path = "/api/webhooks/{webhook_id}", tag = "catalogue", operation_id = "get_webhook",
    params(
        ("webhook_id" = uuid::Uuid, Path, description = "The webhook"),
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only if it is this tenant's"),
    ),
    responses(
        (status = 200, body = WebhookDetails, description = "The webhook"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`webhook_not_found`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn get_webhook() {}

/// Change or pause a webhook
#[utoipa::path(
    patch, path = "/api/webhooks/{webhook_id}", tag = "catalogue", operation_id = "update_webhook",
    params(
        ("webhook_id" = uuid::Uuid, Path, description = "The webhook"),
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only if it is this tenant's"),
    ),
    request_body = UpdateWebhookRequest,
    responses(
        (status = 200, body = Webhook, description = "The webhook as it is now"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`webhook_not_found`, `pipeline_not_found`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
            description = "`already_exists`: the tenant has a webhook of this name"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn update_webhook() {}

/// Delete a webhook, with what it was still to be told
#[utoipa::path(
    delete, path = "/api/webhooks/{webhook_id}", tag = "catalogue", operation_id = "delete_webhook",
    params(
        ("webhook_id" = uuid::Uuid, Path, description = "The webhook"),
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only if it is this tenant's"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`webhook_not_found`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn delete_webhook() {}

/// Retry events that were given up, the oldest thousand
#[utoipa::path(
    post, path = "/api/webhooks/{webhook_id}/retry", tag = "catalogue", operation_id = "retry_webhook",
    params(
        ("webhook_id" = uuid::Uuid, Path, description = "The webhook"),
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only if it is this tenant's"),
    ),
    responses(
        (status = 200, body = Retried, description = "How many are due again"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`webhook_not_found`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn retry_webhook() {}
