//! The sweep: what has become due without anybody asking.

use e2e::Stack;
use serde_json::json;

#[tokio::test]
async fn a_run_that_is_due_for_dispatch_is_sent_and_runs_once() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    // As after a create that died between its commit and SQS.
    let id = stack.created(&tenant, json!({})).await;
    sqlx::query("update pipeline_runs set dispatch = 'push', dispatch_due_at = now() where id = $1")
        .bind(id)
        .execute(&stack.db)
        .await
        .unwrap();
    assert_eq!(stack.sweep(tenant.id).await["dispatched"], 1);
    let run = stack.ended(id).await;
    assert_eq!((&run["status"], &run["claim_count"]), (&json!("SUCCEEDED"), &json!(1)));
    assert_eq!(stack.sweep(tenant.id).await["dispatched"], 0);
}

#[tokio::test]
async fn a_message_that_was_lost_is_sent_again() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({})).await;
    // As a minute after SQS has taken and lost it.
    sqlx::query(
        "update pipeline_runs set dispatch = 'push', dispatches = 1, redispatch_at = now() where id = $1",
    )
    .bind(id)
    .execute(&stack.db)
    .await
    .unwrap();
    let swept = stack.sweep(tenant.id).await;
    assert_eq!((&swept["redispatched"], &swept["dispatched"]), (&json!(1), &json!(1)));
    assert_eq!(stack.ended(id).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn a_run_that_is_not_started_in_time_is_cancelled() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({ "start_by": "2099-01-01T00:00:00Z" })).await;
    assert_eq!(stack.run(id).await["start_by"], "2099-01-01T00:00:00Z");
    assert_eq!(stack.sweep(tenant.id).await["expired"], 0);
    sqlx::query("update pipeline_runs set start_by = now() where id = $1")
        .bind(id)
        .execute(&stack.db)
        .await
        .unwrap();
    assert_eq!(stack.claim(&tenant, json!({})).await.expect(200)["claimed"], false, "too late to start");
    assert_eq!(stack.sweep(tenant.id).await["expired"], 1);
    let run = stack.run(id).await;
    assert_eq!((&run["status"], &run["error_code"]), (&json!("CANCELLED"), &json!("expired")));

    for (body, detail) in [
        (json!({ "start_by": "2020-01-01T00:00:00Z" }), "must lie ahead"),
        (
            json!({ "start_by": "2098-01-01T00:00:00Z", "run_after": "2099-01-01T00:00:00Z" }),
            "later than run_after",
        ),
    ] {
        let refused = stack.create(&tenant, body).await;
        refused.expect_problem(400, "invalid_field").expect_pointer("/start_by");
        assert!(refused.detail().contains(detail), "{refused}");
    }
}

#[tokio::test]
async fn a_run_that_was_started_in_time_may_go_on_after_start_by() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({ "start_by": "2099-01-01T00:00:00Z" })).await;
    let token = stack.claimed(&tenant, json!({})).await["run"]["lease_token"].clone();
    sqlx::query("update pipeline_runs set start_by = now() where id = $1")
        .bind(id)
        .execute(&stack.db)
        .await
        .unwrap();
    stack.post(&format!("/api/runs/{id}/release"), &json!({ "lease_token": token })).await.expect(200);
    assert_eq!(stack.sweep(tenant.id).await["expired"], 0);
    assert_eq!(stack.claimed(&tenant, json!({})).await["run"]["id"], json!(id));
}

#[tokio::test]
async fn what_ended_long_ago_is_deleted() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let kept = stack.run_in(&tenant, e2e::State::Succeeded, false).await.id;
    let old = stack.run_in(&tenant, e2e::State::Failed, true).await.id;
    let age = "update pipeline_runs set created_at = now() - interval '91 days', finished_at = now() - interval '90 days 1 min'
               where id = $1";
    sqlx::query(age).bind(old).execute(&stack.db).await.unwrap();
    assert_eq!(stack.sweep(tenant.id).await["deleted"], 1);
    stack.get(&format!("/api/runs/{old}")).await.expect_problem(404, "run_not_found");
    stack.get(&format!("/api/runs/{kept}")).await.expect(200);
}
