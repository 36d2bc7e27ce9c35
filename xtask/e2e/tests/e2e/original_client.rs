//! A program written for the service that Runplane replaces, played call by call. It knows no lease token.

use e2e::{Stack, id_of};
use serde_json::json;
use uuid::Uuid;

use crate::life::assert_fields;

/// The sentence that such programs look for.
const NOT_YOURS: &str = "run not RUNNING or not found";

#[tokio::test]
async fn it_claims_heartbeats_and_completes() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant_with(json!({ "steps": ["step1", "step2"] })).await;
    let id = stack.created(&tenant, json!({ "parameters": { "day": 1 } })).await;
    let claim = json!({ "worker_id": "worker-1", "tenant_id": tenant.id });

    let first = stack.post("/api/runs/claim", &claim).await;
    assert_eq!(first.expect(200)["claimed"], true, "{first}");
    assert_fields(&first.body["run"], &json!({ "id": id, "status": "RUNNING", "parameters": { "day": 1 } }));
    assert_eq!(first.body["pipeline_version"]["dag_spec"], json!({ "steps": ["step1", "step2"] }));

    let second = stack.post("/api/runs/claim", &claim).await;
    assert_eq!(second.expect(200), &json!({ "claimed": false }));

    for _ in 0..2 {
        let beat = stack.heartbeat(id, json!({ "worker_id": "worker-1" })).await;
        assert_eq!(beat.expect(200)["ok"], true, "{beat}");
    }

    let succeeded = json!({ "status": "SUCCEEDED", "error_message": null });
    let done = stack.complete(id, succeeded.clone()).await;
    assert_eq!(done.expect(200)["ok"], true, "{done}");
    assert_fields(&done.body["run"], &json!({ "id": id, "status": "SUCCEEDED", "error_message": null }));

    let again = stack.complete(id, succeeded).await;
    assert_eq!((again.status, again.detail()), (409, NOT_YOURS), "{again}");
    let late = stack.heartbeat(id, json!({ "worker_id": "worker-1" })).await;
    late.expect_problem(409, "already_finished");
}

#[tokio::test]
async fn its_failure_is_stored_with_the_message() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({})).await;
    stack.claimed(&tenant, json!({ "worker_id": "worker-1" })).await;
    let failed = json!({ "status": "FAILED", "error_message": "step2: disk full" });
    let done = stack.complete(id, failed.clone()).await;
    assert_eq!(done.expect(200)["ok"], true, "{done}");
    assert_fields(&stack.run(id).await, &json!({ "status": "FAILED", "error_message": "step2: disk full" }));
    let again = stack.complete(id, failed).await;
    assert_eq!((again.status, again.detail()), (409, NOT_YOURS), "{again}");
}

#[tokio::test]
async fn it_is_told_the_same_of_a_run_that_does_not_exist() {
    let stack = Stack::connect().await;
    let nobodys = Uuid::now_v7();
    let done = stack.complete(nobodys, json!({ "status": "SUCCEEDED", "error_message": null })).await;
    done.expect_problem(409, "run_not_running");
    assert_eq!(done.detail(), NOT_YOURS);
    stack.heartbeat(nobodys, json!({ "worker_id": "worker-1" })).await.expect_problem(409, "run_not_running");
}

#[tokio::test]
async fn it_is_told_the_same_of_a_run_that_still_waits() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({})).await;
    let done = stack.complete(id, json!({ "status": "SUCCEEDED", "error_message": null })).await;
    done.expect_problem(409, "run_not_running");
    assert_eq!(done.detail(), NOT_YOURS);
    assert_eq!(stack.row(id).await["status"], "QUEUED");
}

#[tokio::test]
async fn it_finds_its_run_in_the_list() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({})).await;
    let tenant_id = tenant.id.to_string();
    let list =
        stack.get_with("/api/runs", &[("tenant_id", &tenant_id), ("limit", "10"), ("offset", "0")]).await;
    assert_eq!(id_of(&list.expect(200)["items"][0]), id, "{list}");
}
