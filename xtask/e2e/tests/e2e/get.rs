//! One run, with all that belongs to it.

use e2e::{Stack, State};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::life::assert_fields;
use crate::shapes::{assert_run, is_time};

#[tokio::test]
async fn a_run_is_answered_with_its_version_steps_attempts_and_wait() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant_with(json!({ "steps": ["a"] })).await;
    let id = stack.created(&tenant, json!({})).await;
    let answer = stack.get(&format!("/api/runs/{id}")).await;
    let body = answer.expect(200);
    assert_run(&body["run"]);
    assert_eq!(body["run"]["id"], json!(id));
    let version = json!({ "id": tenant.version_id, "status": "APPROVED", "dag_spec": { "steps": ["a"] } });
    assert_fields(&body["pipeline_version"], &version);
    assert_eq!(body["attempts"], json!([]), "{body}");
    let waiting = json!({ "step_id": "a", "type": null, "status": "PENDING", "attempts": 0, "started_at": null, "run_attempt": null });
    assert_fields(&body["steps"][0], &waiting);
    assert_eq!(body["waiting_for"]["reason"], "worker", "{body}");
    assert!(is_time(&body["waiting_for"]["since"]), "{body}");
}

#[tokio::test]
async fn a_run_that_may_not_start_yet_waits_because_it_is_delayed() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    for dispatch in ["push", "pull"] {
        let id = stack
            .created(&tenant, json!({ "dispatch": dispatch, "run_after": "2099-01-01T00:00:00Z" }))
            .await;
        let answer = stack.get(&format!("/api/runs/{id}")).await;
        assert_eq!(answer.expect(200)["waiting_for"]["reason"], "delayed", "{answer}");
    }
}

#[tokio::test]
async fn a_run_whose_attempt_failed_waits_out_its_backoff() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.run_in(&tenant, State::QueuedAgain, false).await.id;
    let answer = stack.get(&format!("/api/runs/{id}")).await;
    assert_eq!(answer.expect(200)["waiting_for"]["reason"], "backoff", "{answer}");
}

#[tokio::test]
async fn a_run_that_is_not_queued_waits_for_nothing() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    for state in [State::Alive, State::Expired, State::Succeeded, State::Failed, State::Cancelled] {
        let id = stack.run_in(&tenant, state, false).await.id;
        let answer = stack.get(&format!("/api/runs/{id}")).await;
        let body = answer.expect(200);
        assert_run(&body["run"]);
        assert_eq!(body["run"]["status"], state.status());
        assert_eq!(body["waiting_for"], Value::Null, "{state:?}: {body}");
    }
}

#[tokio::test]
async fn attempts_that_ended_badly_are_told_without_their_tokens() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let run = stack.run_in(&tenant, State::QueuedAgain, true).await;
    let answer = stack.get(&format!("/api/runs/{}", run.id)).await;
    let attempts = answer.expect(200)["attempts"].as_array().expect("a list of attempts");
    let told: Vec<_> =
        attempts.iter().map(|one| (&one["outcome"], &one["claimed_by"], &one["attempt"])).collect();
    let (lost, failed, one) = (json!("LOST"), json!("FAILED"), json!(1));
    assert_eq!(told, [(&lost, &json!("first"), &one), (&failed, &json!("last"), &one)], "{answer}");
    assert_eq!(attempts[1]["error_message"], "as stored");
    for secret in [run.token, run.old_token] {
        assert!(!answer.text.contains(&secret.to_string()), "{answer}");
    }
}

#[tokio::test]
async fn a_run_that_does_not_exist_is_not_found() {
    let stack = Stack::connect().await;
    stack.get(&format!("/api/runs/{}", Uuid::now_v7())).await.expect_problem(404, "run_not_found");
}

#[tokio::test]
async fn a_run_id_that_is_no_uuid_is_refused() {
    let stack = Stack::connect().await;
    for id in [
        "not-a-uuid",
        "1",
        "%00",
        "%FF",
        "0199e0c0-0000-7000-8000-00000000000",
        "0199e0c0-0000-7000-8000-00000000000g",
    ] {
        let answer = stack.get(&format!("/api/runs/{id}")).await;
        answer.expect_problem(400, "invalid_field").expect_pointer("/run_id");
    }
}
