//! `PUT|GET /api/runs/{run_id}/steps`: what a worker outside stores of steps, and what others see of it.

use e2e::{Answer, Stack, State, Tenant};
use serde_json::{Value, json};
use uuid::Uuid;

fn path(id: Uuid) -> String {
    format!("/api/runs/{id}/steps")
}

/// A run that is claimed, and its token.
async fn claimed(stack: &Stack, tenant: &Tenant) -> (Uuid, Value) {
    let id = stack.created(tenant, json!({})).await;
    (id, stack.claimed(tenant, json!({})).await["run"]["lease_token"].clone())
}

async fn put(stack: &Stack, id: Uuid, token: &Value, steps: Value) -> Answer {
    stack.put(&path(id), &json!({ "lease_token": token, "steps": steps, "worked_ms": 40 })).await
}

#[tokio::test]
async fn what_a_worker_stores_is_seen_by_everybody_and_told_in_the_log() {
    let stack = Stack::connect().await;
    let spec = json!({ "steps": ["extract", { "id": "load", "type": "transform", "with": { "value": 1 }, "depends_on": ["extract"] }] });
    let tenant = stack.tenant_with(spec).await;
    let (id, token) = claimed(&stack, &tenant).await;
    let steps = json!([
        { "step_id": "extract", "status": "SUCCEEDED", "attempts": 1, "output": { "rows": 2 },
          "started_at": "2026-11-24T08:00:00Z", "finished_at": "2026-11-24T08:00:01Z" },
        { "step_id": "load", "status": "RUNNING", "attempts": 1 },
    ]);
    let answer = put(&stack, id, &token, steps.clone()).await;
    assert_eq!(answer.expect(200), &json!({ "ok": true, "changed": 2 }));
    assert_eq!(put(&stack, id, &token, steps).await.expect(200)["changed"], 0, "twice is once");

    let list = stack.get(&path(id)).await;
    let first = &list.expect(200)["items"][0];
    assert_eq!((&first["output"], &first["output_bytes"]), (&json!({ "rows": 2 }), &json!(10)), "{list}");
    assert_eq!((&list.body["worked_ms"], &list.body["count"]), (&json!(40), &json!(2)), "{list}");
    let shown = stack.get(&format!("/api/runs/{id}")).await.expect(200)["steps"].clone();
    assert_eq!(
        (&shown[0]["status"], &shown[1]["status"]),
        (&json!("SUCCEEDED"), &json!("RUNNING")),
        "{shown}"
    );
    assert_eq!((&shown[0]["type"], &shown[1]["type"]), (&json!(null), &json!("transform")), "{shown}");
    let log = stack.get(&format!("/api/runs/{id}/logs")).await;
    let messages: Vec<_> =
        log.expect(200)["items"].as_array().expect("items").iter().map(|line| &line["message"]).collect();
    assert_eq!(messages, ["step extract started", "step extract SUCCEEDED in 1000 ms", "step load started"]);
}

#[tokio::test]
async fn only_the_token_of_the_claim_stores() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let steps = json!([{ "step_id": "a", "status": "SUCCEEDED", "attempts": 1 }]);
    for (state, old, made_up, right) in [
        (State::Alive, "lease_lost", "lease_lost", None),
        (State::Expired, "lease_lost", "lease_lost", None),
        (State::QueuedAgain, "lease_lost", "lease_lost", Some("lease_lost")),
        (State::Lost, "lease_lost", "lease_lost", Some("lease_lost")),
        (State::Succeeded, "lease_lost", "lease_lost", Some("already_finished")),
        (State::Failed, "lease_lost", "lease_lost", Some("already_finished")),
        (State::GivenUp, "lease_lost", "lease_lost", Some("lease_lost")),
        (State::Cancelled, "run_cancelled", "run_cancelled", Some("run_cancelled")),
    ] {
        let run = stack.run_in(&tenant, state, true).await;
        put(&stack, run.id, &json!(run.old_token), steps.clone()).await.expect_problem(409, old);
        put(&stack, run.id, &json!(Uuid::new_v4()), steps.clone()).await.expect_problem(409, made_up);
        assert_eq!(stack.get(&path(run.id)).await.expect(200)["count"], 0, "{state:?}");
        let answer = put(&stack, run.id, &json!(run.token), steps.clone()).await;
        match right {
            None => {
                answer.expect(200);
            }
            Some(code) => {
                answer.expect_problem(409, code);
            }
        }
    }
    put(&stack, Uuid::now_v7(), &json!(Uuid::new_v4()), steps).await.expect_problem(409, "run_not_running");
}

#[tokio::test]
async fn pages_lead_through_all_steps() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let (id, token) = claimed(&stack, &tenant).await;
    let items: Vec<_> = (0..25)
        .map(|item| json!({ "step_id": "a", "item": item, "status": "RUNNING", "attempts": 1 }))
        .collect();
    put(&stack, id, &token, json!(items)).await.expect(200);
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut query = vec![("limit", "10")];
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page = stack.get_with(&path(id), &query).await.expect(200).clone();
        seen.extend(page["items"].as_array().expect("items").iter().map(|step| step["item"].clone()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!(seen, (0..25).map(|item| json!(item)).collect::<Vec<_>>());
    let (other, _) = claimed(&stack, &tenant).await;
    let cursor = stack.get_with(&path(id), &[("limit", "1")]).await.expect(200)["next_cursor"].clone();
    let foreign = stack.get_with(&path(other), &[("cursor", cursor.as_str().expect("a cursor"))]).await;
    foreign.expect_problem(400, "invalid_cursor");
}

#[tokio::test]
async fn another_tenants_steps_logs_and_artifacts_are_not_found() {
    let stack = Stack::connect().await;
    let (owner, stranger) = (stack.tenant().await, stack.tenant().await);
    let (id, token) = claimed(&stack, &owner).await;
    put(&stack, id, &token, json!([{ "step_id": "a", "status": "RUNNING", "attempts": 1 }]))
        .await
        .expect(200);
    let (owner, stranger) = (owner.id.to_string(), stranger.id.to_string());
    for what in ["steps", "logs", "artifacts"] {
        let path = format!("/api/runs/{id}/{what}");
        stack.get_with(&path, &[("tenant_id", &stranger)]).await.expect_problem(404, "run_not_found");
        stack.get_with(&path, &[("tenant_id", &owner)]).await.expect(200);
        let nobodys = format!("/api/runs/{}/{what}", Uuid::now_v7());
        stack.get(&nobodys).await.expect_problem(404, "run_not_found");
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_where_it_stands_and_nothing_is_stored() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let (id, token) = claimed(&stack, &tenant).await;
    let right = json!({ "step_id": "a", "status": "RUNNING", "attempts": 1 });
    let deep = (0..70).fold(json!(1), |within, _| json!([within]));
    for (step, pointer) in [
        (json!({ "status": "RUNNING", "attempts": 1 }), "/steps/1/step_id"),
        (json!({ "step_id": "b", "status": "DONE", "attempts": 1 }), "/steps/1/status"),
        (json!({ "step_id": "b", "status": "FAILED", "attempts": 1 }), "/steps/1/error"),
        (json!({ "step_id": "b", "status": "SUCCEEDED", "attempts": 1, "output": "\0" }), "/steps/1/output"),
        (json!({ "step_id": "b", "status": "SUCCEEDED", "attempts": 1, "output": deep }), "/steps/1/output"),
        (json!({ "step_id": "b", "status": "RUNNING", "attempts": 1, "result": 1 }), "/steps/1/result"),
        (right.clone(), "/steps/1"),
    ] {
        let answer = put(&stack, id, &token, json!([right, step])).await;
        answer.expect_problem(400, "invalid_field").expect_pointer(pointer);
    }
    let large =
        json!([{ "step_id": "b", "status": "SUCCEEDED", "attempts": 1, "output": "x".repeat(262_143) }]);
    put(&stack, id, &token, large).await.expect_problem(413, "payload_too_large");
    let answer = stack.put(&path(id), &json!({ "steps": [right] })).await;
    answer.expect_problem(400, "invalid_field").expect_pointer("/lease_token");
    for (query, pointer) in [(("limit", "1001"), "/limit"), (("step_id", "a"), "/step_id")] {
        let answer = stack.get_with(&path(id), &[query]).await;
        answer.expect_problem(400, "invalid_field").expect_pointer(pointer);
    }
    assert_eq!(stack.get(&path(id)).await.expect(200)["count"], 0);
}
