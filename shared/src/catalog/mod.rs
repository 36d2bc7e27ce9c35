//! The catalogue: tenants, their pipelines, the versions of these, connections, schedules, and webhooks. One file for each verb, one folder for each thing.
//!
//! A verb takes `&mut PgConnection` and answers with a small error of its own; zero rows are never silent. What makes something takes its
//! tenant from the request, everything else takes the [`Scope`](crate::scope::Scope) first.

pub(crate) mod connections;
mod page;
mod patch;
mod pipelines;
mod schedules;
mod tenants;
mod versions;
mod webhooks;

pub use connections::{
    Connection, ConnectionConfig, ConnectionError, ConnectionFilter, CreateConnectionError,
    CreateConnectionRequest, HttpAuth, HttpAuthType, HttpConfig, LambdaConfig, SqlConfig, SqlTls, SqsConfig,
    connection_of_run, create_connection, delete_connection, get_connection, list_connections,
};
pub use page::{List, Listed, Page};
pub use patch::Patch;
pub use pipelines::{
    CreatePipelineError, CreatePipelineRequest, Pipeline, PipelineError, PipelineFilter, UpdatePipelineError,
    UpdatePipelineRequest, create_pipeline, get_pipeline, list_pipelines, update_pipeline,
};
pub use schedules::{
    CreateScheduleError, CreateScheduleRequest, CronError, MAX_SCHEDULES, MissedRuns, Schedule,
    ScheduleError, ScheduleFilter, ScheduleRefusal, Ticked, UpdateScheduleError, UpdateScheduleRequest,
    UpdatedSchedule, create_schedule, delete_schedule, get_schedule, list_schedules, schedule_changes,
    tick_schedule, update_schedule,
};
pub use tenants::{
    BatchSize, CreateTenantRequest, DeleteTenantError, Deleted, Tenant, TenantDeletion, TenantError,
    TenantFilter, UpdateTenantRequest, create_tenant, delete_tenant, get_tenant, list_tenants, update_tenant,
};
pub use versions::{
    ApprovedStatus, ChangeStatusError, ChangeStatusRequest, CreateVersionError, CreateVersionRequest,
    EditVersionError, EditVersionRequest, Transition, Version, VersionError, VersionFilter, VersionInFull,
    VersionStatus, change_status, create_version, edit_version, get_version, list_versions,
};
pub use webhooks::{
    CreateWebhookError, CreateWebhookRequest, MAX_WEBHOOKS, Retried, UpdateWebhookError,
    UpdateWebhookRequest, Webhook, WebhookDetails, WebhookError, WebhookFilter, create_webhook,
    delete_webhook, get_webhook, list_webhooks, retry_deliveries, update_webhook,
};

/// The longest name of a tenant or a pipeline, in characters.
const MAX_NAME_CHARS: usize = 200;

/// Whether Postgres refused a statement because somebody else has the name already.
fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.is_unique_violation())
}

/// Whether a trigger refused a row because its tenant has as many of these as it may; `limit` is what the trigger calls that.
fn is_past(limit: &str, error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.constraint()) == Some(limit)
}
