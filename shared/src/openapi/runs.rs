//! The operations on runs.

use crate::problem::ProblemBody;
use crate::runs::{
    CancelRequest, ClaimReply, ClaimRequest, CompleteReply, CompleteRequest, CreateRequest, HeartbeatReply,
    HeartbeatRequest, ReleaseReply, ReleaseRequest, RetryRequest, Run, RunDetails, RunPage, SecretsReply,
    SecretsRequest,
};

/// Create a run
#[utoipa::path(
    post, path = "/api/runs", tag = "runs", operation_id = "create",
    params(
        ("Idempotency-Key" = Option<String>, Header, max_length = 255,
            description = "Per tenant: the same key with the same body answers with the first run, with another body 422"),
        ("traceparent" = Option<String>, Header,
            description = "As the W3C has it: what the run's trace goes on from. One that is wrong is ignored"),
    ),
    request_body = CreateRequest,
    responses(
        (status = 200, body = Run, description = "The run that this Idempotency-Key has created before"),
        (status = 201, body = Run, description = "The run",
            headers(("Location" = String, description = "Its path"))),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`tenant_not_found`, `pipeline_version_not_found`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
            description = "`version_not_approved`"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json",
            description = "`idempotency_key_reused`, `invalid_dag_spec`, `invalid_parameters` with every fault in `errors`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn create() {}

/// Claim a run
#[utoipa::path(
    post, path = "/api/runs/claim", tag = "runs", operation_id = "claim", request_body = ClaimRequest,
    responses(
        (status = 200, body = ClaimReply, description = "A run with its lease token, or `claimed: false`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
            description = "`already_exists`: another worker uses this claim_id"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn claim() {}

/// Extend a lease
#[utoipa::path(
    post, path = "/api/runs/{run_id}/heartbeat", tag = "runs", operation_id = "heartbeat",
    params(("run_id" = uuid::Uuid, Path, description = "The run")),
    request_body = HeartbeatRequest,
    responses(
        (status = 200, body = HeartbeatReply, description = "The lease goes on"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
            description = "Stop working: `lease_lost`, `lease_token_required`, `already_finished`, `run_cancelled`, `run_not_running`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn heartbeat() {}

/// Report how a run ended
#[utoipa::path(
    post, path = "/api/runs/{run_id}/complete", tag = "runs", operation_id = "complete",
    params(("run_id" = uuid::Uuid, Path, description = "The run")),
    request_body = CompleteRequest,
    responses(
        (status = 200, body = CompleteReply, description = "The run as stored; a repeated completion changes nothing"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
            description = "`run_not_running`, `lease_lost`, `lease_token_required`, `already_finished`, `run_cancelled`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn complete() {}

/// Hand a run back, to go on later or elsewhere
#[utoipa::path(
    post, path = "/api/runs/{run_id}/release", tag = "runs", operation_id = "release",
    params(("run_id" = uuid::Uuid, Path, description = "The run")),
    request_body = ReleaseRequest,
    responses(
        (status = 200, body = ReleaseReply, description = "The run, QUEUED"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
            description = "`lease_lost` (also of a second call), `already_finished`, `run_cancelled`, `run_not_running`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn release() {}

/// The secret parameters of a run, for the worker that holds its lease
#[utoipa::path(
    post, path = "/api/runs/{run_id}/secrets", tag = "runs", operation_id = "secrets",
    params(("run_id" = uuid::Uuid, Path, description = "The run")),
    request_body = SecretsRequest,
    responses(
        (status = 200, body = SecretsReply, description = "Those alone, each at its place"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
            description = "`lease_lost`, `already_finished`, `run_cancelled`, `run_not_running`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn secrets() {}

/// Cancel a run
#[utoipa::path(
    post, path = "/api/runs/{run_id}/cancel", tag = "runs", operation_id = "cancel",
    params(("run_id" = uuid::Uuid, Path, description = "The run")),
    request_body = Option<CancelRequest>,
    responses(
        (status = 200, body = Run, description = "The run, CANCELLED now or before"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`run_not_found`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
            description = "`already_finished`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn cancel() {}

/// Retry a run that FAILED or was CANCELLED: a new run of the same lineage
#[utoipa::path(
    post, path = "/api/runs/{run_id}/retry", tag = "runs", operation_id = "retry",
    params(
        ("run_id" = uuid::Uuid, Path, description = "The run to retry"),
        ("Idempotency-Key" = Option<String>, Header, max_length = 255,
            description = "Per tenant: the same key with the same request answers with the first run, with another one 422"),
        ("traceparent" = Option<String>, Header,
            description = "As the W3C has it: what the run's trace goes on from. One that is wrong is ignored"),
    ),
    request_body = Option<RetryRequest>,
    responses(
        (status = 200, body = Run, description = "The run that this Idempotency-Key has created before"),
        (status = 201, body = Run, description = "The new run",
            headers(("Location" = String, description = "Its path"))),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`run_not_found`, `pipeline_version_not_found`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
            description = "`invalid_transition`, `version_not_approved`"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json",
            description = "`idempotency_key_reused`, `invalid_dag_spec`, `invalid_parameters` with every fault in `errors`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn retry() {}

/// Look at a run
#[utoipa::path(
    get, path = "/api/runs/{run_id}", tag = "runs", operation_id = "get",
    params(
        ("run_id" = uuid::Uuid, Path, description = "The run"),
        ("wait_seconds" = Option<u16>, Query, minimum = 0, maximum = 20,
            description = "Answer when the run has ended, after this time at the latest; 0 if left out"),
    ),
    responses(
        (status = 200, body = RunDetails, description = "The run with its version, attempts, and what it waits for"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`run_not_found`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn get() {}

/// List runs, newest first. `label.<key>=<value>` asks for runs with that label.
#[utoipa::path(
    get, path = "/api/runs", tag = "runs", operation_id = "list",
    params(
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only this tenant's"),
        ("status" = Option<Vec<crate::runs::RunStatus>>, Query, explode, description = "May be repeated: any of these"),
        ("queue" = Option<String>, Query, description = "Only this queue's"),
        ("pipeline_id" = Option<uuid::Uuid>, Query, description = "Only this pipeline's"),
        ("pipeline_version_id" = Option<uuid::Uuid>, Query, description = "Only this version's"),
        ("created_after" = Option<chrono::DateTime<chrono::Utc>>, Query, description = "Created later than this"),
        ("created_before" = Option<chrono::DateTime<chrono::Utc>>, Query, description = "Created earlier than this"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "20 if left out"),
        ("offset" = Option<i64>, Query, minimum = 0, maximum = 10000, description = "0 if left out; not with cursor"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, with the same filters"),
    ),
    responses((status = 200, body = RunPage, description = "One page")),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn list() {}
