//! `docs/openapi.json` is the document that the types of today generate.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

use serde_json::Value;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");

#[test]
fn the_committed_document_is_fresh() {
    let fresh = serde_json::to_string_pretty(&runplane::openapi::document().unwrap()).unwrap() + "\n";
    if std::env::var_os("RUNPLANE_WRITE_OPENAPI").is_some() {
        std::fs::write(FILE, &fresh).unwrap();
    }
    let committed = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(
        committed == fresh,
        "docs/openapi.json is stale: run RUNPLANE_WRITE_OPENAPI=1 cargo test -p runplane --test openapi"
    );
}

#[test]
fn every_example_is_a_request_that_is_accepted() {
    let document = runplane::openapi::document().unwrap();
    let mut seen = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let examples = &operation["requestBody"]["content"]["application/json"]["examples"];
            for example in examples.as_object().into_iter().flat_map(|examples| examples.values()) {
                check(operation["operationId"].as_str().unwrap(), example["value"].clone());
                seen += 1;
            }
            let has_none =
                ["get", "delete"].contains(&method.as_str()) || operation["operationId"] == "retry_webhook";
            assert_eq!(examples.is_null(), has_none, "{method} {path}");
        }
    }
    assert_eq!(seen, 36);
}

fn check(operation: &str, body: Value) {
    use runplane::auth::keys::CreateKeyRequest;
    use runplane::catalog::{
        ChangeStatusRequest, CreateConnectionRequest, CreatePipelineRequest, CreateScheduleRequest,
        CreateTenantRequest, CreateVersionRequest, CreateWebhookRequest, EditVersionRequest,
        UpdatePipelineRequest, UpdateScheduleRequest, UpdateTenantRequest, UpdateWebhookRequest,
    };
    use runplane::evidence::{ArtifactRequest, LogsRequest};
    use runplane::runs::{
        CancelRequest, ClaimRequest, CompleteRequest, CreateRequest, HeartbeatRequest, ReleaseRequest,
        RetryRequest, SecretsRequest,
    };
    use runplane::steps::StoreStepsRequest;
    macro_rules! checked {
        ($request:ty) => {
            serde_json::from_value::<$request>(body).unwrap().check()
        };
    }
    let checked = match operation {
        "create" => checked!(CreateRequest),
        "claim" => checked!(ClaimRequest),
        "heartbeat" => checked!(HeartbeatRequest),
        "complete" => checked!(CompleteRequest),
        "release" => checked!(ReleaseRequest),
        "secrets" => {
            serde_json::from_value::<SecretsRequest>(body).map(drop).map_err(|error| panic!("{error}"))
        }
        "cancel" => checked!(CancelRequest),
        "retry" => checked!(RetryRequest),
        "store_steps" => checked!(StoreStepsRequest),
        "add_logs" => checked!(LogsRequest),
        "add_artifact" => checked!(ArtifactRequest),
        "create_all" => each_item(body, "idempotency_key", "create"),
        "complete_all" => each_item(body, "run_id", "complete"),
        "heartbeat_all" => each_item(body, "run_id", "heartbeat"),
        "create_tenant" => checked!(CreateTenantRequest),
        "update_tenant" => checked!(UpdateTenantRequest),
        "create_pipeline" => checked!(CreatePipelineRequest),
        "update_pipeline" => checked!(UpdatePipelineRequest),
        "create_version" => checked!(CreateVersionRequest),
        "edit_version" => checked!(EditVersionRequest),
        "change_version_status" => checked!(ChangeStatusRequest),
        "create_key" => checked!(CreateKeyRequest),
        "create_webhook" => checked!(CreateWebhookRequest),
        "update_webhook" => checked!(UpdateWebhookRequest),
        "create_connection" => checked!(CreateConnectionRequest).map(drop),
        "create_schedule" => checked!(CreateScheduleRequest),
        "update_schedule" => checked!(UpdateScheduleRequest),
        other => panic!("no request type for {other}"),
    };
    checked.unwrap_or_else(|faults| panic!("{operation}: {faults:?}"));
}

/// Every item without what stands beside the request is a request of the single operation.
fn each_item(body: Value, beside: &str, operation: &str) -> Result<(), runplane::problem::Problem> {
    for item in body["items"].as_array().unwrap() {
        let mut item = item.clone();
        item.as_object_mut().unwrap().remove(beside);
        check(operation, item);
    }
    Ok(())
}

/// What clients send is named there as it has to be: without it `additionalProperties` would be set beside the schema.
#[test]
fn every_request_is_closed() {
    let document = runplane::openapi::document().unwrap();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let closed = schema["additionalProperties"] == Value::Bool(false);
        let request = name.ends_with("Request")
            || name == "HttpAuth"
            || (name.ends_with("Config") && name != "ConnectionConfig");
        assert_eq!(closed, request, "{name}");
        assert!(!closed || schema["type"] == "object", "{name}: {schema}");
    }
}
