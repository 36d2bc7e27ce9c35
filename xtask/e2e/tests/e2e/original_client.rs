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
async fn it_tells_what_it_does_and_what_it_has_made_before_and_after_completing() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({})).await;
    stack.claimed(&tenant, json!({ "worker_id": "worker-1" })).await;
    let (logs, artifacts) = (format!("/api/runs/{id}/logs"), format!("/api/runs/{id}/artifacts"));
    let line = |level: &str, message: &str| json!({ "level": level, "message": message, "source": "worker", "meta": { "step": message } });
    let made = |n: i32| json!({ "artifact_type": "step_result", "payload": { "n": n }, "source": "worker" });
    stack.post(&logs, &line("INFO", "step1")).await.expect(201);
    stack.post(&artifacts, &made(1)).await.expect(201);
    stack
        .post(&logs, &json!({ "level": "error", "message": "", "source": "worker", "meta": null }))
        .await
        .expect(201);
    stack.complete(id, json!({ "status": "SUCCEEDED", "error_message": null })).await.expect(200);
    stack.post(&logs, &line("WARNING", "step2")).await.expect(201);
    stack.post(&artifacts, &made(2)).await.expect(201);

    let list = stack.get(&logs).await;
    let lines: Vec<_> = list.expect(200)["items"].as_array().expect("items").iter().collect();
    let told: Vec<_> =
        lines.iter().map(|line| json!([line["level"], line["message"], line["meta"]])).collect();
    assert_eq!(
        told,
        [
            json!(["info", "step1", { "step": "step1" }]),
            json!(["error", "", null]),
            json!(["warning", "step2", { "step": "step2" }])
        ]
    );
    let list = stack.get(&artifacts).await;
    let payloads: Vec<_> =
        list.expect(200)["items"].as_array().expect("items").iter().map(|item| &item["payload"]).collect();
    assert_eq!(payloads, [&json!({ "n": 1 }), &json!({ "n": 2 })]);
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
