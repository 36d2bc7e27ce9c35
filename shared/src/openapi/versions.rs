//! The operations on versions.

use crate::catalog::{
    ChangeStatusRequest, CreateVersionRequest, EditVersionRequest, List, Version, VersionInFull,
    VersionStatus,
};
use crate::problem::ProblemBody;

/// Create a version: a draft
#[utoipa::path(
    post, path = "/api/pipeline-versions", tag = "catalogue", operation_id = "create_version",
    request_body = CreateVersionRequest,
    responses(
        (status = 201, body = VersionInFull, description = "The version, a DRAFT at revision 1",
            headers(("Location" = String, description = "Its path"))),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`tenant_not_found`, `pipeline_not_found`, `pipeline_version_not_found` (of copy_of)"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
            description = "`already_exists`: the pipeline has a version of this name"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json",
            description = "`invalid_dag_spec`; pointers are into the dag_spec"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn create_version() {}

/// List versions, newest first, without their dag_specs
#[utoipa::path(
    get, path = "/api/pipeline-versions", tag = "catalogue", operation_id = "list_versions",
    params(
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only this tenant's"),
        ("pipeline_id" = Option<uuid::Uuid>, Query, description = "Only this pipeline's"),
        ("status" = Option<Vec<VersionStatus>>, Query, explode, description = "May be repeated: any of these"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "20 if left out"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, with the same filters"),
    ),
    responses(
        (status = 200, body = List<Version>, description = "One page"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn list_versions() {}

/// Look at a version
#[utoipa::path(
    get, path = "/api/pipeline-versions/{pipeline_version_id}", tag = "catalogue", operation_id = "get_version",
    params(
        ("pipeline_version_id" = uuid::Uuid, Path, description = "The version"),
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only if it is this tenant's"),
    ),
    responses(
        (status = 200, body = VersionInFull, description = "The version with its dag_spec and what became of it"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`pipeline_version_not_found`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn get_version() {}

/// Edit a draft
#[utoipa::path(
    put, path = "/api/pipeline-versions/{pipeline_version_id}", tag = "catalogue", operation_id = "edit_version",
    params(
        ("pipeline_version_id" = uuid::Uuid, Path, description = "The version"),
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only if it is this tenant's"),
    ),
    request_body = EditVersionRequest,
    responses(
        (status = 200, body = VersionInFull, description = "The draft, one revision further"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`pipeline_version_not_found`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
            description = "`invalid_transition`: it is no draft, or at another revision; `already_exists`: the pipeline has a version of this name"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json",
            description = "`invalid_dag_spec`; pointers are into the dag_spec"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn edit_version() {}

/// Approve a version, or take it out of use
#[utoipa::path(
    post, path = "/api/pipeline-versions/{pipeline_version_id}/status", tag = "catalogue", operation_id = "change_version_status",
    params(
        ("pipeline_version_id" = uuid::Uuid, Path, description = "The version"),
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only if it is this tenant's"),
    ),
    request_body = ChangeStatusRequest,
    responses(
        (status = 200, body = VersionInFull, description = "The version as it is now"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`pipeline_version_not_found`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
            description = "`invalid_transition`: there is no way from where it stands, or somebody has changed it meanwhile"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json",
            description = "`invalid_dag_spec`: it cannot be approved as it is; pointers are into the dag_spec"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn change_version_status() {}
