//! Cancel: a run ends because somebody says so.

use e2e::{Stack, State};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

fn path(id: Uuid) -> String {
    format!("/api/runs/{id}/cancel")
}

#[tokio::test]
async fn a_waiting_run_is_cancelled_and_never_claimed() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({})).await;
    let run = stack.post(&path(id), &json!({ "reason": "a typing error" })).await.expect(200).clone();
    assert_eq!((&run["id"], &run["status"]), (&json!(id), &json!("CANCELLED")));
    assert_eq!((&run["error_code"], &run["error_message"]), (&json!("cancelled"), &json!("a typing error")));
    assert_eq!(stack.claim(&tenant, json!({})).await.expect(200)["claimed"], false);
    // Again, with another reason: as it was.
    assert_eq!(stack.post(&path(id), &json!({ "reason": "another" })).await.expect(200), &run);
}

#[tokio::test]
async fn a_workers_next_heartbeat_says_that_its_run_was_cancelled() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({})).await;
    let token = stack.claimed(&tenant, json!({})).await["run"]["lease_token"].clone();
    let cancelled = stack.answer(stack.request(Method::POST, &path(id))).await;
    let run = cancelled.expect(200);
    assert_eq!((&run["status"], &run["error_message"]), (&json!("CANCELLED"), &Value::Null));
    stack.heartbeat(id, json!({ "lease_token": token })).await.expect_problem(409, "run_cancelled");
    let late = json!({ "status": "SUCCEEDED", "lease_token": token });
    stack.complete(id, late).await.expect_problem(409, "run_cancelled");
}

#[tokio::test]
async fn what_has_ended_is_not_cancelled() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    for state in [State::Succeeded, State::Failed, State::GivenUp] {
        let id = stack.run_in(&tenant, state, false).await.id;
        let before = stack.row(id).await;
        stack.post(&path(id), &json!({})).await.expect_problem(409, "already_finished");
        assert_eq!(stack.row(id).await, before);
    }
    stack.post(&path(Uuid::now_v7()), &json!({})).await.expect_problem(404, "run_not_found");
}

#[tokio::test]
async fn what_is_wrong_with_a_cancel_is_named() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({})).await;
    for (body, pointer) in [
        (json!({ "reason": "x".repeat(1001) }), "/reason"),
        (json!({ "reason": "" }), "/reason"),
        (json!({ "reason": 1 }), "/reason"),
        (json!({ "why": "x" }), "/why"),
    ] {
        stack.post(&path(id), &body).await.expect_problem(400, "invalid_field").expect_pointer(pointer);
    }
    assert_eq!(stack.run(id).await["status"], "QUEUED");
}
