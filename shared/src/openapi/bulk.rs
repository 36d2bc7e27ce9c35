//! The operations on several runs at once.

use serde_json::Value;
use utoipa::ToSchema;

use crate::http::{HeartbeatItems, RunItems};

/// Up to 100 create requests.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is read")]
pub(super) struct CreateItemsRequest {
    /// Each is treated as a call of its own, in this order.
    #[schema(min_items = 1, max_items = 100)]
    items: Vec<CreateItemRequest>,
}

/// A create request, and its key.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is read")]
pub(super) struct CreateItemRequest {
    /// 1 to 255 visible ASCII characters, as the header `Idempotency-Key` of the single call.
    #[schema(min_length = 1, max_length = 255)]
    idempotency_key: Option<String>,
}

/// Up to 100 completions.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is read")]
pub(super) struct CompleteItemsRequest {
    /// Each is treated as a call of its own, in this order.
    #[schema(min_items = 1, max_items = 100)]
    items: Vec<CompleteItemRequest>,
}

/// A completion, and its run.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is read")]
pub(super) struct CompleteItemRequest {
    /// The run.
    run_id: uuid::Uuid,
}

/// Up to 100 heartbeats.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is read")]
pub(super) struct HeartbeatItemsRequest {
    /// Each is treated as a call of its own, in this order.
    #[schema(min_items = 1, max_items = 100)]
    items: Vec<HeartbeatItemRequest>,
}

/// A heartbeat, and its run.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is read")]
pub(super) struct HeartbeatItemRequest {
    /// The run.
    run_id: uuid::Uuid,
}

/// The items of requests, and the requests of single calls that they are besides.
pub(super) const ITEMS: [(&str, &str); 3] = [
    ("CreateItemRequest", "CreateRequest"),
    ("CompleteItemRequest", "CompleteRequest"),
    ("HeartbeatItemRequest", "HeartbeatRequest"),
];

/// Adds the fields of the request to the schema of the item. (utoipa would write `allOf`, which cannot be closed.)
pub(super) fn complete(schemas: &mut Value, item: &str, request: &str) {
    let of_request = schemas[request].clone();
    let item = &mut schemas[item];
    if let (Some(fields), Some(more)) =
        (item["properties"].as_object_mut(), of_request["properties"].as_object())
    {
        fields.extend(more.clone());
    }
    let required = |schema: &Value| schema["required"].as_array().cloned().unwrap_or_default();
    let all: Vec<_> = required(item).into_iter().chain(required(&of_request)).collect();
    if !all.is_empty() {
        item["required"] = all.into();
    }
}

/// Create up to 100 runs
#[utoipa::path(
    post, path = "/api/runs/bulk", tag = "runs", operation_id = "create_all",
    params(("traceparent" = Option<String>, Header,
        description = "As the W3C has it: what the traces of the runs go on from. One that is wrong is ignored")),
    request_body = CreateItemsRequest,
    responses((status = 200, body = RunItems,
        description = "An answer for each item, in their order: the status of the single call (201, or 200 for a key that came before) with the run in short, or its problem")),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn create_all() {}

/// Report how up to 100 runs ended
#[utoipa::path(
    post, path = "/api/runs/complete", tag = "runs", operation_id = "complete_all",
    request_body = CompleteItemsRequest,
    responses((status = 200, body = RunItems,
        description = "An answer for each item, in their order: 200 with the run in short, or the problem of the single call")),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn complete_all() {}

/// Extend up to 100 leases
#[utoipa::path(
    post, path = "/api/runs/heartbeat", tag = "runs", operation_id = "heartbeat_all",
    request_body = HeartbeatItemsRequest,
    responses((status = 200, body = HeartbeatItems,
        description = "An answer for each item, in their order: 200 with the answer of the single call, or its problem: stop working on that run")),
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub(super) fn heartbeat_all() {}
