//! The operations on steps, logs and artifacts of a run.

use crate::catalog::List;
use crate::evidence::{Artifact, ArtifactRequest, LogEntry, LogsAdded, LogsRequest};
use crate::problem::ProblemBody;
use crate::steps::{StepPage, StoreStepsRequest, StoredSteps};

/// Store results of several steps and items at once, under the token of the claim
#[utoipa::path(
    put, path = "/api/runs/{run_id}/steps", tag = "evidence", operation_id = "store_steps",
    params(("run_id" = uuid::Uuid, Path, description = "The run")),
    request_body = StoreStepsRequest,
    responses(
        (status = 200, body = StoredSteps, description = "Stored; what had ended within this attempt of the run stays as it was"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
            description = "Stop working: `lease_lost`, `already_finished`, `run_cancelled`, `run_not_running`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn store_steps() {}

/// Look at what is stored of a run's steps, with their outputs
#[utoipa::path(
    get, path = "/api/runs/{run_id}/steps", tag = "evidence", operation_id = "list_steps",
    params(
        ("run_id" = uuid::Uuid, Path, description = "The run"),
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only if it is this tenant's"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 1000, description = "1000 if left out"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, body = StepPage, description = "One page, by step and item"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`run_not_found`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn list_steps() {}

/// Tell something to a run's log, at any time
#[utoipa::path(
    post, path = "/api/runs/{run_id}/logs", tag = "evidence", operation_id = "add_logs",
    params(("run_id" = uuid::Uuid, Path, description = "The run")),
    request_body = LogsRequest,
    responses(
        (status = 201, body = LogsAdded, description = "All lines are stored"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`run_not_found`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn add_logs() {}

/// Read a run's log
#[utoipa::path(
    get, path = "/api/runs/{run_id}/logs", tag = "evidence", operation_id = "list_logs",
    params(
        ("run_id" = uuid::Uuid, Path, description = "The run"),
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only if it is this tenant's"),
        ("after" = Option<chrono::DateTime<chrono::Utc>>, Query, description = "Stored later than this"),
        ("before" = Option<chrono::DateTime<chrono::Utc>>, Query, description = "Stored earlier than this"),
        ("order" = Option<String>, Query, description = "`asc` (oldest first, if left out) or `desc`"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 1000, description = "100 if left out"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, with the same filters"),
    ),
    responses(
        (status = 200, body = List<LogEntry>, description = "One page"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`run_not_found`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn list_logs() {}

/// Store what a run has made, at any time
#[utoipa::path(
    post, path = "/api/runs/{run_id}/artifacts", tag = "evidence", operation_id = "add_artifact",
    params(("run_id" = uuid::Uuid, Path, description = "The run")),
    request_body = ArtifactRequest,
    responses(
        (status = 200, body = Artifact, description = "The artifact that the run has under this id already"),
        (status = 201, body = Artifact, description = "The artifact"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`run_not_found`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn add_artifact() {}

/// Look at what a run has made
#[utoipa::path(
    get, path = "/api/runs/{run_id}/artifacts", tag = "evidence", operation_id = "list_artifacts",
    params(
        ("run_id" = uuid::Uuid, Path, description = "The run"),
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only if it is this tenant's"),
        ("order" = Option<String>, Query, description = "`asc` (oldest first, if left out) or `desc`"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 1000, description = "100 if left out"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, with the same order"),
    ),
    responses(
        (status = 200, body = List<Artifact>, description = "One page"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`run_not_found`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn list_artifacts() {}
