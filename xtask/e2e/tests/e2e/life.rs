//! A run's whole life.

use e2e::{Stack, id_of};
use serde_json::{Value, json};

use crate::shapes::{assert_run, is_time, is_uuid, seconds_between};

#[tokio::test]
async fn a_created_run_is_answered_whole_with_its_defaults() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let asked = json!({ "tenant_id": tenant.id, "pipeline_version_id": tenant.version_id });
    let answer = stack.post("/api/runs", &asked).await;
    let run = answer.expect(201);
    assert_run(run);
    let location = answer.header("location");
    assert!(location.ends_with(&format!("/api/runs/{}", id_of(run))), "Location is {location:?}");

    let expected = json!({
        "tenant_id": tenant.id, "pipeline_id": tenant.pipeline_id, "pipeline_version_id": tenant.version_id,
        "status": "QUEUED", "trigger_type": "manual", "parameters": {}, "queue": "default", "priority": 5, "labels": {},
        "dispatch": "push", "attempt": 1, "max_attempts": 1, "lost": 0, "max_lost": 3, "root_run_id": run["id"],
        "retry_of_run_id": null, "claimed_by": null, "claimed_at": null, "lease_expires_at": null, "heartbeat_at": null,
        "started_at": null, "finished_at": null, "output": null, "error_code": null, "error_message": null
    });
    assert_fields(run, &expected);
}

#[tokio::test]
async fn a_created_run_is_what_its_creator_asked_for() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let asked = json!({
        "parameters": { "since": "2026-01-01", "nested": { "list": [1, 2.5, null, true, "ü"] } }, "trigger_type": "schedule",
        "dispatch": "pull", "queue": "big machines", "priority": 9, "run_after": "2099-01-01T00:00:00Z",
        "max_attempts": 20, "max_lost": 0, "labels": { "team": "data", "env": "" }
    });
    let answer = stack.create(&tenant, asked.clone()).await;
    let run = answer.expect(201);
    assert_run(run);
    let mut expected = asked;
    let run_after = expected.as_object_mut().expect("an object").remove("run_after").expect("a time");
    assert_fields(run, &expected);
    assert!(seconds_between(&run_after, &run["available_at"]).abs() < 0.001, "{answer}");
    assert_fields(&stack.run(id_of(run)).await, &expected);
}

#[tokio::test]
async fn null_for_an_optional_field_is_the_same_as_leaving_it_out() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let nulls = json!({
        "parameters": null, "trigger_type": null, "queue": null, "priority": null, "run_after": null,
        "max_attempts": null, "max_lost": null, "labels": null
    });
    let answer = stack.create(&tenant, nulls).await;
    let defaults = json!({
        "parameters": {}, "trigger_type": "manual", "queue": "default", "priority": 5, "max_attempts": 1, "max_lost": 3,
        "labels": {}
    });
    assert_fields(answer.expect(201), &defaults);
    let nulls = json!({ "queues": null, "lease_seconds": null, "claim_id": null });
    let claim = stack.claimed(&tenant, nulls).await;
    let nulls = json!({ "lease_token": null, "worker_id": null, "lease_seconds": null });
    stack.heartbeat(id_of(&claim["run"]), nulls).await.expect(200);
    let nulls = json!({
        "status": "SUCCEEDED", "lease_token": null, "error_message": null, "error_code": null, "retryable": null,
        "output": null
    });
    stack.complete(id_of(&claim["run"]), nulls).await.expect(200);
}

#[tokio::test]
async fn a_run_waits_in_its_pipelines_queue_unless_it_names_another() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let pipeline = stack.pipeline(tenant.id, Some("nightly")).await;
    let version = stack.version(tenant.id, pipeline, "APPROVED", json!({})).await;
    let unnamed = stack.create(&tenant, json!({ "pipeline_version_id": version })).await;
    assert_eq!(unnamed.expect(201)["queue"], "nightly");
    let named = stack.create(&tenant, json!({ "pipeline_version_id": version, "queue": "urgent" })).await;
    assert_eq!(named.expect(201)["queue"], "urgent");
}

#[tokio::test]
async fn a_pushed_run_of_an_empty_spec_succeeds() {
    a_pushed_run_succeeds(json!({})).await;
}

#[tokio::test]
async fn a_pushed_run_without_steps_succeeds() {
    a_pushed_run_succeeds(json!({ "steps": [] })).await;
}

#[tokio::test]
async fn a_pushed_run_of_named_steps_succeeds() {
    a_pushed_run_succeeds(json!({ "steps": ["extract", "transform", "load"] })).await;
}

/// Creates a run of `dag_spec` as any client would, and sees the worker finish it.
async fn a_pushed_run_succeeds(dag_spec: Value) {
    let stack = Stack::connect().await;
    let tenant = stack.tenant_with(dag_spec).await;
    let asked = json!({ "tenant_id": tenant.id, "pipeline_version_id": tenant.version_id });
    let id = id_of(stack.post("/api/runs", &asked).await.expect(201));
    let run = stack.ended(id).await;
    assert_run(&run);
    let expected = json!({
        "status": "SUCCEEDED", "attempt": 1, "lost": 0, "error_code": null, "error_message": null, "lease_expires_at": null
    });
    assert_fields(&run, &expected);
    assert!(
        run["claimed_by"].is_string() && is_time(&run["started_at"]),
        "nobody seems to have worked on it: {run}"
    );
    let row = stack.row(id).await;
    assert_eq!((&row["claim_count"], &row["dispatch_due_at"]), (&json!(1), &Value::Null), "{row}");
}

#[tokio::test]
async fn a_step_that_leads_where_it_may_not_fails_the_run() {
    let stack = Stack::connect().await;
    let steps = json!({ "steps": [{ "id": "a", "type": "http", "with": { "url": "http://169.254.169.254/latest/meta-data" } }] });
    let tenant = stack.tenant_with(steps).await;
    let run = stack.ended(stack.created(&tenant, json!({ "dispatch": "push" })).await).await;
    assert_fields(&run, &json!({ "status": "FAILED", "error_code": "step_failed" }));
    let why = run["error_message"].as_str().unwrap_or_default();
    assert!(why.contains("address_refused"), "no word of why: {run}");
}

#[tokio::test]
async fn a_delayed_push_run_is_to_be_told_to_the_queue_when_it_is_due() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({ "dispatch": "push", "run_after": "2099-01-01T00:00:00Z" })).await;
    let row = stack.row(id).await;
    assert_fields(
        &row,
        &json!({ "status": "QUEUED", "dispatch": "push", "dispatch_due_at": row["available_at"] }),
    );
}

#[tokio::test]
async fn a_pull_run_waits_for_a_claim() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let waits = stack.created(&tenant, json!({})).await;
    // The worker has been awake since: it finished a run that came later.
    stack.ended(stack.created(&tenant, json!({ "dispatch": "push" })).await).await;
    let row = stack.row(waits).await;
    assert_fields(
        &row,
        &json!({ "status": "QUEUED", "claim_count": 0, "dispatch": "pull", "dispatch_due_at": null }),
    );
}

#[tokio::test]
async fn a_claimed_run_is_worked_on_and_completed() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant_with(json!({ "steps": ["extract"] })).await;
    let id = stack.created(&tenant, json!({})).await;

    let claim = stack.claimed(&tenant, json!({ "worker_id": "w", "lease_seconds": 60 })).await;
    let run = &claim["run"];
    assert_fields(
        run,
        &json!({ "id": id, "status": "RUNNING", "claimed_by": "w", "attempt": 1, "finished_at": null }),
    );
    assert!(is_uuid(&run["lease_token"]) && is_time(&run["started_at"]), "{claim}");
    assert!((seconds_between(&run["claimed_at"], &run["lease_expires_at"]) - 60.0).abs() < 0.01, "{claim}");
    let version =
        json!({ "id": tenant.version_id, "status": "APPROVED", "dag_spec": { "steps": ["extract"] } });
    assert_eq!(claim["pipeline_version"], version);

    let token = &run["lease_token"];
    let beat = stack.heartbeat(id, json!({ "lease_token": token, "lease_seconds": 600 })).await;
    let beat = beat.expect(200);
    assert_fields(beat, &json!({ "ok": true, "run_id": id }));
    assert!(
        (seconds_between(&beat["heartbeat_at"], &beat["lease_expires_at"]) - 600.0).abs() < 0.01,
        "{beat}"
    );

    let output = json!({ "rows": 3, "files": ["a", "b"] });
    let done = json!({ "status": "SUCCEEDED", "lease_token": token, "output": output });
    let answer = stack.complete(id, done).await;
    assert_eq!(answer.expect(200)["ok"], true);
    let run = &answer.body["run"];
    assert_run(run);
    let expected = json!({ "id": id, "status": "SUCCEEDED", "output": output, "lease_expires_at": null });
    assert_fields(run, &expected);
    assert_eq!(&stack.run(id).await, run, "what completing answers is what is stored");
}

#[tokio::test]
async fn a_lease_lasts_five_minutes_unless_the_claim_says_otherwise() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({})).await;
    let claim = stack.claimed(&tenant, json!({})).await;
    let run = &claim["run"];
    assert!((seconds_between(&run["claimed_at"], &run["lease_expires_at"]) - 300.0).abs() < 0.01, "{claim}");
    stack.heartbeat(id, json!({ "lease_seconds": 10 })).await.expect(200);
    let beat = stack.heartbeat(id, json!({ "lease_token": run["lease_token"] })).await;
    let beat = beat.expect(200);
    let lasts = seconds_between(&beat["heartbeat_at"], &beat["lease_expires_at"]);
    assert!(
        (lasts - 300.0).abs() < 0.01,
        "a heartbeat that names no length extends as claimed, not by {lasts} s"
    );
}

#[tokio::test]
async fn a_failure_is_stored_with_its_code_and_message() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({})).await;
    let token = stack.claimed(&tenant, json!({})).await["run"]["lease_token"].clone();
    let failed = json!({
        "status": "FAILED", "lease_token": token, "error_code": "http_500", "error_message": "shop said 500",
        "retryable": false, "output": { "done": 2 }
    });
    stack.complete(id, failed).await.expect(200);
    let expected = json!({
        "status": "FAILED", "error_code": "http_500", "error_message": "shop said 500", "output": { "done": 2 }
    });
    assert_fields(&stack.run(id).await, &expected);
}

#[tokio::test]
async fn only_the_claims_answer_tells_the_lease_token() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let asked = stack.create(&tenant, json!({})).await;
    let id = id_of(asked.expect(201));
    let claim = stack.claimed(&tenant, json!({})).await;
    let token = claim["run"]["lease_token"].as_str().expect("a token").to_owned();
    let tenant_id = tenant.id.to_string();
    let done = json!({ "status": "SUCCEEDED", "lease_token": token });
    let answers = [
        asked,
        stack.get(&format!("/api/runs/{id}")).await,
        stack.get_with("/api/runs", &[("tenant_id", &tenant_id)]).await,
        stack.heartbeat(id, json!({ "lease_token": token })).await,
        stack.complete(id, done.clone()).await,
        stack.complete(id, done).await,
        stack.complete(id, json!({ "status": "FAILED", "lease_token": token })).await,
        stack.get(&format!("/api/runs/{id}")).await,
    ];
    for answer in answers {
        assert!(answer.status < 500, "{answer}");
        assert!(!answer.text.contains(&token) && !answer.text.contains("\"lease_token\""), "{answer}");
    }
}

/// Asserts that `object` has the fields of `expected`, with these values.
#[track_caller]
pub fn assert_fields(object: &Value, expected: &Value) {
    for (field, value) in expected.as_object().expect("an object of fields") {
        assert_eq!(&object[field], value, "{field} of {object}");
    }
}
