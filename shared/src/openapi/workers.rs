//! The operation on workers.

use crate::catalog::List;
use crate::workers::Worker;

/// List workers that were seen within the last week, by when they were first seen, newest first
#[utoipa::path(
    get, path = "/api/workers", tag = "workers", operation_id = "workers",
    params(
        ("tenant_id" = Option<uuid::Uuid>, Query,
            description = "Only those that serve this tenant, alone or among others; only its runs count then"),
        ("queue" = Option<String>, Query, description = "Only those that serve this queue, alone or among others"),
        ("alive" = Option<bool>, Query, description = "Only those that are alive, or only those that are not"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "20 if left out"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, with the same filters"),
    ),
    responses(
        (status = 200, body = List<Worker>, description = "One page"),
    ),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn workers() {}
