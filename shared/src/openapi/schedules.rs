//! The operations on schedules.

use crate::catalog::{CreateScheduleRequest, List, Schedule, UpdateScheduleRequest};
use crate::problem::ProblemBody;

/// Create a schedule
#[utoipa::path(
    post, path = "/api/schedules", tag = "catalogue", operation_id = "create_schedule",
    request_body = CreateScheduleRequest,
    responses(
        (status = 201, body = Schedule, description = "The schedule, with its next five times",
            headers(("Location" = String, description = "Its path"))),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`tenant_not_found`, `pipeline_not_found`, `pipeline_version_not_found`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
            description = "`already_exists`: the tenant has a schedule of this name; `limit_reached`: it has 1000 of them; `version_not_approved`"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json",
            description = "`invalid_parameters`, `invalid_dag_spec`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn create_schedule() {}

/// List schedules, newest first
#[utoipa::path(
    get, path = "/api/schedules", tag = "catalogue", operation_id = "list_schedules",
    params(
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only this tenant's"),
        ("pipeline_id" = Option<uuid::Uuid>, Query, description = "Only those of this pipeline"),
        ("name" = Option<String>, Query, description = "Only those of this name"),
        ("paused" = Option<bool>, Query, description = "Only those that are paused, or that are not"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "20 if left out"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, with the same filters"),
    ),
    responses(
        (status = 200, body = List<Schedule>, description = "One page"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn list_schedules() {}

/// Look at a schedule
#[utoipa::path(
    get, path = "/api/schedules/{schedule_id}", tag = "catalogue", operation_id = "get_schedule",
    params(
        ("schedule_id" = uuid::Uuid, Path, description = "The schedule"),
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only if it is this tenant's"),
    ),
    responses(
        (status = 200, body = Schedule, description = "The schedule, with its next five times"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`schedule_not_found`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn get_schedule() {}

/// Change, pause or resume a schedule
#[utoipa::path(
    patch, path = "/api/schedules/{schedule_id}", tag = "catalogue", operation_id = "update_schedule",
    params(
        ("schedule_id" = uuid::Uuid, Path, description = "The schedule"),
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only if it is this tenant's"),
    ),
    request_body = UpdateScheduleRequest,
    responses(
        (status = 200, body = Schedule, description = "The schedule as it is now"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`schedule_not_found`, `pipeline_version_not_found`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
            description = "`already_exists`: the tenant has a schedule of this name; `schedule_behind`: it has more runs to make up for than can be created at once; `version_not_approved`"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json",
            description = "`invalid_parameters`, `invalid_dag_spec`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn update_schedule() {}

/// Delete a schedule
#[utoipa::path(
    delete, path = "/api/schedules/{schedule_id}", tag = "catalogue", operation_id = "delete_schedule",
    params(
        ("schedule_id" = uuid::Uuid, Path, description = "The schedule"),
        ("tenant_id" = Option<uuid::Uuid>, Query, description = "Only if it is this tenant's"),
    ),
    responses(
        (status = 204, description = "It is gone; its runs stay"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
            description = "`schedule_not_found`"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn delete_schedule() {}
