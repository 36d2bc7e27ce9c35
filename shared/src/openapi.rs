//! The OpenAPI document: generated from the handlers' own types, with the events of `events/` as examples.
//!
//! `docs/openapi.json` is this document as committed; a test compares the two, and writes the file anew when
//! `RUNPLANE_WRITE_OPENAPI` is set.

mod admin;
mod bulk;
mod catalog;
mod evidence;
mod runs;
mod schedules;
mod versions;
mod workers;

use serde_json::{Value, json};
use utoipa::OpenApi;

use admin::Bearer;

use crate::problem::ProblemBody;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Runplane",
        description = "A control plane for pipeline runs. docs/api.md explains what this document lists.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "http://127.0.0.1:8000", description = "The local stack")),
    modifiers(&Bearer), security(("bearer" = [])),
    paths(
        runs::create, runs::claim, runs::heartbeat, runs::complete, runs::release, runs::secrets, runs::cancel, runs::retry, runs::get,
        runs::list,
        bulk::create_all, bulk::complete_all, bulk::heartbeat_all,
        evidence::store_steps, evidence::list_steps, evidence::add_logs, evidence::list_logs, evidence::add_artifact,
        evidence::list_artifacts,
        workers::workers,
        catalog::create_tenant, catalog::list_tenants, catalog::get_tenant, catalog::update_tenant,
        catalog::delete_tenant,
        catalog::create_pipeline, catalog::list_pipelines, catalog::get_pipeline, catalog::update_pipeline,
        versions::create_version, versions::list_versions, versions::get_version, versions::edit_version,
        versions::change_version_status,
        catalog::create_connection, catalog::list_connections, catalog::get_connection, catalog::delete_connection,
        schedules::create_schedule, schedules::list_schedules, schedules::get_schedule, schedules::update_schedule,
        schedules::delete_schedule,
        catalog::create_webhook, catalog::list_webhooks, catalog::get_webhook, catalog::update_webhook,
        catalog::delete_webhook, catalog::retry_webhook,
        admin::create_key, admin::list_keys, admin::revoke_key, admin::list_audit,
    ),
    components(schemas(ProblemBody)),
    tags(
        (name = "runs", description = "Create, claim, heartbeat, complete, release, cancel, retry, look at"),
        (name = "evidence", description = "What their steps have led to, what their workers tell, and what they have made"),
        (name = "workers", description = "Who claims them"),
        (name = "catalogue", description = "Tenants, their pipelines, the versions of these, connections, schedules, and webhooks"),
        (name = "admin", description = "API keys, and who did what"),
    ),
)]
struct Api;

/// The events whose bodies are the examples of the operations: tests send the same ones.
const EXAMPLES: [(&str, &str, &str, &str); 36] = [
    ("post", "/api/runs", "smallest", include_str!("../../events/create.json")),
    ("post", "/api/runs", "every field", include_str!("../../events/create.full.json")),
    ("post", "/api/runs/claim", "every field", include_str!("../../events/claim.full.json")),
    ("post", "/api/runs/{run_id}/heartbeat", "first claim", include_str!("../../events/heartbeat.json")),
    ("post", "/api/runs/{run_id}/complete", "succeeded", include_str!("../../events/complete.json")),
    ("post", "/api/runs/{run_id}/complete", "failed", include_str!("../../events/complete.failed.json")),
    ("post", "/api/runs/{run_id}/release", "for later", include_str!("../../events/release.json")),
    ("post", "/api/runs/{run_id}/secrets", "of a claim", include_str!("../../events/secrets.json")),
    ("post", "/api/runs/{run_id}/cancel", "with a reason", include_str!("../../events/cancel.json")),
    ("post", "/api/runs/{run_id}/retry", "with other parameters", include_str!("../../events/retry.json")),
    ("post", "/api/runs/bulk", "two runs", include_str!("../../events/create.bulk.json")),
    ("post", "/api/runs/complete", "three completions", include_str!("../../events/complete.bulk.json")),
    ("post", "/api/runs/heartbeat", "two leases", include_str!("../../events/heartbeat.bulk.json")),
    (
        "put",
        "/api/runs/{run_id}/steps",
        "three steps and an item",
        include_str!("../../events/steps.store.json"),
    ),
    ("post", "/api/runs/{run_id}/logs", "one line", include_str!("../../events/logs.add.json")),
    ("post", "/api/runs/{run_id}/logs", "two lines", include_str!("../../events/logs.add.several.json")),
    ("post", "/api/runs/{run_id}/artifacts", "a report", include_str!("../../events/artifacts.add.json")),
    (
        "post",
        "/api/runs/{run_id}/artifacts",
        "with an id",
        include_str!("../../events/artifacts.add.with_id.json"),
    ),
    ("post", "/api/tenants", "with a limit", include_str!("../../events/catalog.create_tenant.json")),
    (
        "patch",
        "/api/tenants/{tenant_id}",
        "paused, without a limit",
        include_str!("../../events/catalog.update_tenant.json"),
    ),
    (
        "post",
        "/api/pipelines",
        "every field but paused",
        include_str!("../../events/catalog.create_pipeline.json"),
    ),
    (
        "patch",
        "/api/pipelines/{pipeline_id}",
        "without a description",
        include_str!("../../events/catalog.update_pipeline.json"),
    ),
    ("post", "/api/pipeline-versions", "a spec", include_str!("../../events/catalog.create_version.json")),
    (
        "post",
        "/api/pipeline-versions",
        "a copy",
        include_str!("../../events/catalog.create_version.copy.json"),
    ),
    (
        "put",
        "/api/pipeline-versions/{pipeline_version_id}",
        "of the first revision",
        include_str!("../../events/catalog.edit_version.json"),
    ),
    (
        "post",
        "/api/pipeline-versions/{pipeline_version_id}/status",
        "approved",
        include_str!("../../events/catalog.change_status.json"),
    ),
    (
        "post",
        "/api/pipeline-versions/{pipeline_version_id}/status",
        "deprecated",
        include_str!("../../events/catalog.change_status.deprecated.json"),
    ),
    ("post", "/api/connections", "a database", include_str!("../../events/catalog.create_connection.json")),
    (
        "post",
        "/api/connections",
        "an HTTP service",
        include_str!("../../events/catalog.create_connection.http.json"),
    ),
    (
        "post",
        "/api/schedules",
        "at night, every time",
        include_str!("../../events/catalog.create_schedule.json"),
    ),
    (
        "post",
        "/api/schedules",
        "smallest",
        include_str!("../../events/catalog.create_schedule.smallest.json"),
    ),
    (
        "patch",
        "/api/schedules/{schedule_id}",
        "goes on, at other times",
        include_str!("../../events/catalog.update_schedule.json"),
    ),
    ("post", "/api/webhooks", "of ends", include_str!("../../events/catalog.create_webhook.json")),
    (
        "patch",
        "/api/webhooks/{webhook_id}",
        "paused",
        include_str!("../../events/catalog.update_webhook.json"),
    ),
    ("post", "/api/keys", "for a tenant", include_str!("../../events/admin.create_key.json")),
    (
        "post",
        "/api/keys",
        "for a worker of a fleet",
        include_str!("../../events/admin.create_key.worker.json"),
    ),
];

/// The problems that any operation may answer with.
const COMMON: [(&str, &str); 7] = [
    ("401", "`unauthenticated`: no valid credential"),
    ("403", "`forbidden`: the credential has no role that may do this"),
    ("400", "`malformed_json`, `invalid_field`, `invalid_cursor`"),
    ("413", "`payload_too_large`: more than 1 MiB, or `parameters` or `output` of more than 256 KiB"),
    ("415", "`unsupported_media_type`"),
    ("500", "`internal`"),
    ("503", "`unavailable`, with `Retry-After` in seconds"),
];

/// What clients send: without fields that are not listed.
const CLOSED: [&str; 35] = [
    "CreateRequest",
    "ClaimRequest",
    "HeartbeatRequest",
    "CompleteRequest",
    "ReleaseRequest",
    "SecretsRequest",
    "CancelRequest",
    "RetryRequest",
    "StoreStepsRequest",
    "LogsRequest",
    "ArtifactRequest",
    "CreateItemRequest",
    "CreateItemsRequest",
    "CompleteItemRequest",
    "CompleteItemsRequest",
    "HeartbeatItemRequest",
    "HeartbeatItemsRequest",
    "CreateTenantRequest",
    "UpdateTenantRequest",
    "CreatePipelineRequest",
    "UpdatePipelineRequest",
    "CreateVersionRequest",
    "EditVersionRequest",
    "ChangeStatusRequest",
    "CreateConnectionRequest",
    "CreateWebhookRequest",
    "UpdateWebhookRequest",
    "CreateScheduleRequest",
    "UpdateScheduleRequest",
    "CreateKeyRequest",
    "HttpConfig",
    "HttpAuth",
    "SqlConfig",
    "LambdaConfig",
    "SqsConfig",
];

/// The document, in OpenAPI 3.1.
///
/// # Errors
/// [`serde_json::Error`] if it, or an example, cannot be written as JSON.
pub fn document() -> Result<Value, serde_json::Error> {
    let mut document = serde_json::to_value(Api::openapi())?;
    for (method, path, name, event) in EXAMPLES {
        let event: Value = serde_json::from_str(event)?;
        let body: Value = serde_json::from_str(event["body"].as_str().unwrap_or_default())?;
        document["paths"][path][method]["requestBody"]["content"]["application/json"]["examples"][name] =
            json!({"value": body});
    }
    for operations in document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut()) {
        for (method, operation) in operations.as_object_mut().into_iter().flatten() {
            for (status, description) in COMMON {
                // Without a body there is nothing too large or of the wrong type.
                if ["post", "put", "patch"].contains(&method.as_str()) || !["413", "415"].contains(&status) {
                    operation["responses"][status] = json!({
                        "description": description,
                        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
                    });
                }
            }
        }
    }
    for (item, request) in bulk::ITEMS {
        bulk::complete(&mut document["components"]["schemas"], item, request);
    }
    for closed in CLOSED {
        document["components"]["schemas"][closed]["additionalProperties"] = json!(false);
    }
    Ok(document)
}
