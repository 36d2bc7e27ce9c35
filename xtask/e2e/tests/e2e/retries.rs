//! After a failure: the next attempt of a run, and a retry as a new run.

use e2e::{Stack, State, id_of};
use serde_json::{Value, json};
use uuid::Uuid;

fn path(id: Uuid) -> String {
    format!("/api/runs/{id}/retry")
}

#[tokio::test]
async fn a_failed_run_with_attempts_left_waits_out_its_backoff() {
    let stack = Stack::connect().await;
    let spec = json!({ "retry": { "max_attempts": 2, "delay_seconds": 3600, "max_delay_seconds": 3600, "jitter": "none" } });
    let tenant = stack.tenant_with(spec).await;
    let id = stack.created(&tenant, json!({})).await;
    let token = stack.claimed(&tenant, json!({})).await["run"]["lease_token"].clone();
    let failed =
        json!({ "status": "FAILED", "lease_token": token, "error_code": "disk", "error_message": "full" });
    let answer = stack.complete(id, failed.clone()).await;
    let run = answer.expect(200)["run"].clone();
    assert_eq!((&run["status"], &run["attempt"], &run["lost"]), (&json!("QUEUED"), &json!(2), &json!(0)));
    // The answer may have been lost: the same again is the same.
    assert_eq!(stack.complete(id, failed).await.expect(200)["run"], run);
    let details = stack.get(&format!("/api/runs/{id}")).await.expect(200).clone();
    assert_eq!(details["waiting_for"]["reason"], "backoff", "{details}");
    assert_eq!(details["waiting_for"]["until"], run["available_at"]);
    let attempt = &details["attempts"][0];
    assert_eq!((&attempt["outcome"], &attempt["error_code"]), (&json!("FAILED"), &json!("disk")));
    assert_eq!(stack.claim(&tenant, json!({})).await.expect(200)["claimed"], false);

    stack.due_in(id, -1.0).await;
    let second = stack.claimed(&tenant, json!({})).await["run"].clone();
    assert_eq!((&second["id"], &second["attempt"]), (&json!(id), &json!(2)));
    let failed =
        json!({ "status": "FAILED", "lease_token": second["lease_token"], "error_message": "full again" });
    let run = stack.complete(id, failed).await.expect(200)["run"].clone();
    assert_eq!((&run["status"], &run["error_message"]), (&json!("FAILED"), &json!("full again")));
}

#[tokio::test]
async fn a_retry_of_a_push_run_is_run_by_the_worker() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let failed = stack.run_in(&tenant, State::Failed, false).await.id;
    sqlx::query("update pipeline_runs set dispatch = 'push' where id = $1")
        .bind(failed)
        .execute(&stack.db)
        .await
        .expect("an update");
    let retry = id_of(stack.post(&path(failed), &json!({})).await.expect(201));
    let run = stack.ended(retry).await;
    assert_eq!((&run["status"], &run["root_run_id"]), (&json!("SUCCEEDED"), &json!(failed)));
}

#[tokio::test]
async fn what_is_not_retryable_has_no_other_attempt() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({ "max_attempts": 5 })).await;
    stack.claimed(&tenant, json!({})).await;
    let failed = json!({ "status": "FAILED", "retryable": false });
    assert_eq!(stack.complete(id, failed).await.expect(200)["run"]["status"], "FAILED");
}

#[tokio::test]
async fn a_push_run_is_tried_again_by_the_worker_without_anybodys_doing() {
    let stack = Stack::connect().await;
    // The first attempt fails by hand.
    let tenant = stack.tenant_with(json!({ "retry": { "delay_seconds": 0.01 } })).await;
    let id = stack.created(&tenant, json!({ "max_attempts": 2 })).await;
    let token = stack.claimed(&tenant, json!({})).await["run"]["lease_token"].clone();
    sqlx::query("update pipeline_runs set dispatch = 'push' where id = $1")
        .bind(id)
        .execute(&stack.db)
        .await
        .unwrap();
    stack.complete(id, json!({ "status": "FAILED", "lease_token": token })).await.expect(200);
    let run = stack.ended(id).await;
    assert_eq!(
        (&run["status"], &run["attempt"], &run["claim_count"]),
        (&json!("SUCCEEDED"), &json!(2), &json!(2))
    );
}

#[tokio::test]
async fn a_retry_is_a_new_run_of_the_same_lineage() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let asked =
        json!({ "parameters": { "n": 1 }, "priority": 8, "labels": { "team": "a" }, "queue": "slow" });
    let first = stack.created(&tenant, asked).await;
    stack.claimed(&tenant, json!({})).await;
    stack.complete(first, json!({ "status": "FAILED", "error_message": "no" })).await.expect(200);
    let before = stack.row(first).await;

    let answer = stack.answer(stack.request(reqwest::Method::POST, &path(first))).await;
    let run = answer.expect(201).clone();
    let second = id_of(&run);
    assert_eq!(answer.header("location"), format!("/api/runs/{second}"));
    assert_eq!((&run["retry_of_run_id"], &run["root_run_id"]), (&json!(first), &json!(first)));
    assert_eq!((&run["status"], &run["parameters"]), (&json!("QUEUED"), &json!({ "n": 1 })));
    assert_eq!(
        (&run["priority"], &run["labels"], &run["queue"]),
        (&json!(8), &json!({ "team": "a" }), &json!("slow"))
    );
    assert_eq!(stack.row(first).await, before, "the run that failed stays as it is");

    stack.post(&format!("/api/runs/{second}/cancel"), &json!({})).await.expect(200);
    let other = json!({ "parameters": { "n": 2 }, "from": "start" });
    let run = stack.post(&path(second), &other).await.expect(201).clone();
    assert_eq!((&run["retry_of_run_id"], &run["root_run_id"]), (&json!(second), &json!(first)));
    assert_eq!(run["parameters"], json!({ "n": 2 }));
    let claimed = stack.claimed(&tenant, json!({})).await;
    assert_eq!(claimed["run"]["id"], run["id"]);
}

#[tokio::test]
async fn only_what_ended_badly_is_retried_and_only_on_an_approved_version_of_its_pipeline() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    for state in [State::Alive, State::QueuedAgain, State::Succeeded] {
        let id = stack.run_in(&tenant, state, false).await.id;
        stack.post(&path(id), &json!({})).await.expect_problem(409, "invalid_transition");
    }
    stack.post(&path(Uuid::now_v7()), &json!({})).await.expect_problem(404, "run_not_found");
    let failed = stack.run_in(&tenant, State::Failed, false).await.id;
    let next = stack.version(tenant.id, tenant.pipeline_id, "APPROVED", json!({})).await;
    let draft = stack.version(tenant.id, tenant.pipeline_id, "DRAFT", json!({})).await;
    let foreign = stack.tenant().await.version_id;
    let on = |version: Uuid| json!({ "pipeline_version_id": version });
    assert_eq!(stack.post(&path(failed), &on(next)).await.expect(201)["pipeline_version_id"], json!(next));
    let not_approved = stack.post(&path(failed), &on(draft)).await;
    not_approved.expect_problem(409, "version_not_approved");
    assert_eq!(not_approved.detail(), "pipeline version must be APPROVED to run");
    stack.post(&path(failed), &on(foreign)).await.expect_problem(404, "pipeline_version_not_found");
    for (body, pointer) in [
        (json!({ "from": "middle" }), "/from"),
        (json!({ "from": "failed", "parameters": {} }), "/parameters"),
        (json!({ "parameters": [] }), "/parameters"),
        (json!({ "tenant_id": tenant.id }), "/tenant_id"),
    ] {
        stack.post(&path(failed), &body).await.expect_problem(400, "invalid_field").expect_pointer(pointer);
    }
}

#[tokio::test]
async fn a_retry_with_one_key_makes_one_run_for_32_callers() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let failed = stack.run_in(&tenant, State::Failed, false).await.id;
    let callers = (0..32).map(|_| {
        let stack = stack.clone();
        tokio::spawn(async move {
            let request = stack.request(reqwest::Method::POST, &path(failed)).header("idempotency-key", "k");
            stack.answer(request.json(&json!({}))).await
        })
    });
    let mut bodies: Vec<Value> = Vec::new();
    let mut new = 0;
    for caller in callers.collect::<Vec<_>>() {
        let answer = caller.await.unwrap();
        assert!([200, 201].contains(&answer.status), "{answer}");
        new += usize::from(answer.status == 201);
        bodies.push(answer.body);
    }
    assert_eq!(new, 1);
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    let other = stack.request(reqwest::Method::POST, &path(failed)).header("idempotency-key", "k");
    let other = stack.answer(other.json(&json!({ "parameters": {} }))).await;
    other.expect_problem(422, "idempotency_key_reused");
}
