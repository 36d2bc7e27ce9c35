//! A retry that keeps what has SUCCEEDED.

use e2e::{Stack, id_of};
use serde_json::{Value, json};
use uuid::Uuid;

fn spec(value: i32) -> Value {
    json!({ "steps": [
        { "id": "a", "type": "transform", "with": { "value": 1 } },
        { "id": "b", "type": "transform", "with": { "value": value }, "depends_on": ["a"] },
        { "id": "c", "type": "transform", "with": { "value": 1 }, "depends_on": ["b"] },
    ] })
}

/// Each step of a run as `id status`.
async fn steps(stack: &Stack, id: Uuid) -> Vec<String> {
    let details = stack.get(&format!("/api/runs/{id}")).await.expect(200).clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let steps = details["steps"].as_array().expect("steps").iter();
    steps.map(|step| format!("{} {}", text(&step["step_id"]), text(&step["status"]))).collect()
}

#[tokio::test]
async fn a_worker_goes_on_behind_the_last_step_that_succeeded() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant_with(spec(1)).await;
    let id = stack.created(&tenant, json!({})).await;
    let token = stack.claimed(&tenant, json!({})).await["run"]["lease_token"].clone();
    let error = json!({ "error": "broken", "message": "it broke" });
    let results = json!({ "lease_token": token, "steps": [
        { "step_id": "a", "status": "SUCCEEDED", "attempts": 1, "output": "kept" },
        { "step_id": "b", "status": "SUCCEEDED", "attempts": 1 },
        { "step_id": "c", "status": "FAILED", "attempts": 1, "error": error },
    ] });
    stack.put(&format!("/api/runs/{id}/steps"), &results).await.expect(200);
    stack.complete(id, json!({ "status": "FAILED", "error_message": "c" })).await.expect(200);

    let path = format!("/api/runs/{id}/retry");
    let retried = stack.post(&path, &json!({ "from": "failed" })).await;
    let same = id_of(retried.expect(201));
    assert_eq!(steps(&stack, same).await, ["a SUCCEEDED", "b SUCCEEDED", "c PENDING"]);
    let kept = stack.get(&format!("/api/runs/{same}/steps")).await.expect(200)["items"][0].clone();
    assert_eq!((&kept["output"], &kept["run_attempt"]), (&json!("kept"), &json!(0)));

    let version = stack.version(tenant.id, tenant.pipeline_id, "APPROVED", spec(2)).await;
    let retried = stack.post(&path, &json!({ "from": "failed", "pipeline_version_id": version })).await;
    assert_eq!(steps(&stack, id_of(retried.expect(201))).await, ["a SUCCEEDED", "b PENDING", "c PENDING"]);
    let retried = stack.post(&path, &json!({})).await;
    assert_eq!(steps(&stack, id_of(retried.expect(201))).await, ["a PENDING", "b PENDING", "c PENDING"]);
}

#[tokio::test]
async fn a_run_with_a_spec_of_another_kind_is_retried_from_the_start_only() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant_with(json!({ "kind": "acme/flow" })).await;
    let id = stack.created(&tenant, json!({})).await;
    stack.post(&format!("/api/runs/{id}/cancel"), &json!({})).await.expect(200);
    let path = format!("/api/runs/{id}/retry");
    let answer = stack.post(&path, &json!({ "from": "failed" })).await;
    answer.expect_problem(400, "invalid_field").expect_pointer("/from");
    stack.post(&path, &json!({ "from": "start" })).await.expect(201);
}
