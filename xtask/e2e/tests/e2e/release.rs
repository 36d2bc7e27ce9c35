//! Release: a worker hands its run back.

use e2e::{Stack, State};
use serde_json::json;
use uuid::Uuid;

fn path(id: Uuid) -> String {
    format!("/api/runs/{id}/release")
}

#[tokio::test]
async fn a_run_that_is_handed_back_goes_on_with_another_worker() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({})).await;
    let token = stack.claimed(&tenant, json!({ "worker_id": "a" })).await["run"]["lease_token"].clone();
    let answer = stack.post(&path(id), &json!({ "lease_token": token })).await;
    let (ok, run) = (&answer.expect(200)["ok"], &answer.body["run"]);
    assert_eq!((ok, &run["status"], &run["claimed_by"]), (&json!(true), &json!("QUEUED"), &json!(null)));
    assert_eq!((&run["attempt"], &run["lost"]), (&json!(1), &json!(0)));
    // The token is of no use any more, to nobody.
    stack.post(&path(id), &json!({ "lease_token": token })).await.expect_problem(409, "lease_lost");
    stack.heartbeat(id, json!({ "lease_token": token })).await.expect_problem(409, "lease_lost");
    let next = stack.claimed(&tenant, json!({ "worker_id": "b" })).await;
    assert_eq!((&next["run"]["id"], &next["run"]["claim_count"]), (&json!(id), &json!(2)));
    stack
        .complete(id, json!({ "status": "SUCCEEDED", "lease_token": token }))
        .await
        .expect_problem(409, "lease_lost");
    let done = json!({ "status": "SUCCEEDED", "lease_token": next["run"]["lease_token"] });
    stack.complete(id, done).await.expect(200);
}

#[tokio::test]
async fn a_run_may_be_handed_back_for_later() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({})).await;
    let token = stack.claimed(&tenant, json!({})).await["run"]["lease_token"].clone();
    let later = json!({ "lease_token": token, "available_at": "2099-01-01T00:00:00Z" });
    stack.post(&path(id), &later).await.expect(200);
    assert_eq!(stack.claim(&tenant, json!({})).await.expect(200)["claimed"], false);
    let waiting = stack.get(&format!("/api/runs/{id}")).await.expect(200)["waiting_for"].clone();
    assert_eq!((&waiting["reason"], &waiting["until"]), (&json!("delayed"), &json!("2099-01-01T00:00:00Z")));
    stack.due_in(id, -1.0).await;
    assert_eq!(stack.claimed(&tenant, json!({})).await["run"]["id"], json!(id));
}

#[tokio::test]
async fn a_push_run_that_is_handed_back_is_taken_up_by_the_worker() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({})).await;
    let token = stack.claimed(&tenant, json!({})).await["run"]["lease_token"].clone();
    sqlx::query("update pipeline_runs set dispatch = 'push' where id = $1")
        .bind(id)
        .execute(&stack.db)
        .await
        .unwrap();
    stack.post(&path(id), &json!({ "lease_token": token })).await.expect(200);
    let run = stack.ended(id).await;
    assert_eq!((&run["status"], &run["claim_count"]), (&json!("SUCCEEDED"), &json!(2)));
}

#[tokio::test]
async fn only_who_holds_a_run_hands_it_back() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    for (state, right, code) in [
        (State::Alive, false, "lease_lost"),
        (State::QueuedAgain, true, "lease_lost"),
        (State::Succeeded, true, "already_finished"),
        (State::Failed, true, "already_finished"),
        (State::GivenUp, true, "lease_lost"),
        (State::Cancelled, true, "run_cancelled"),
    ] {
        let run = stack.run_in(&tenant, state, false).await;
        let before = stack.row(run.id).await;
        let token = if right { run.token } else { Uuid::new_v4() };
        stack.post(&path(run.id), &json!({ "lease_token": token })).await.expect_problem(409, code);
        assert_eq!(stack.row(run.id).await, before, "{state:?}");
    }
    let unknown = stack.post(&path(Uuid::now_v7()), &json!({ "lease_token": Uuid::new_v4() })).await;
    unknown.expect_problem(409, "run_not_running");
    let run = stack.run_in(&tenant, State::Alive, false).await;
    for (body, pointer) in [
        (json!({}), "/lease_token"),
        (json!({ "lease_token": null }), "/lease_token"),
        (json!({ "lease_token": run.token, "available_at": "soon" }), "/available_at"),
    ] {
        stack.post(&path(run.id), &body).await.expect_problem(400, "invalid_field").expect_pointer(pointer);
    }
}
