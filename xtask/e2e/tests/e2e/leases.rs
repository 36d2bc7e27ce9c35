//! Lost leases: a worker that goes silent, one that takes over, and the zombie that comes back.

use e2e::{Queue, Stack};
use serde_json::{Value, json};

#[tokio::test]
async fn a_zombie_cannot_finish_what_another_worker_has_taken_over() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({})).await;
    let zombie = stack.claimed(&tenant, json!({ "worker_id": "a" })).await["run"]["lease_token"].clone();
    stack.expire_lease(id).await;
    let heir = stack.claimed(&tenant, json!({ "worker_id": "b" })).await;
    assert_eq!(heir["run"]["id"], id.to_string());
    assert_eq!((&heir["run"]["claim_count"], &heir["run"]["lost"]), (&json!(2), &json!(1)));
    assert_ne!(heir["run"]["lease_token"], zombie);

    let before = stack.row(id).await;
    let done = |token: &Value| json!({ "status": "SUCCEEDED", "lease_token": token });
    stack.complete(id, done(&zombie)).await.expect_problem(409, "lease_lost");
    stack.complete(id, json!({ "status": "SUCCEEDED" })).await.expect_problem(409, "lease_token_required");
    stack.heartbeat(id, json!({ "lease_token": zombie })).await.expect_problem(409, "lease_lost");
    assert_eq!(stack.row(id).await, before);
    stack.complete(id, done(&heir["run"]["lease_token"])).await.expect(200);
    let ended = stack.row(id).await;
    stack.complete(id, done(&heir["run"]["lease_token"])).await.expect(200);
    stack.complete(id, done(&zombie)).await.expect_problem(409, "lease_lost");
    assert_eq!(stack.row(id).await, ended, "a repeated completion changes nothing");

    let attempts = stack.get(&format!("/api/runs/{id}")).await.expect(200)["attempts"].clone();
    assert_eq!(attempts.as_array().unwrap().len(), 1, "{attempts}");
    let lost = &attempts[0];
    assert_eq!((&lost["outcome"], &lost["claimed_by"]), (&json!("LOST"), &json!("a")));
    assert_eq!((&lost["attempt"], &lost["error_code"]), (&json!(1), &json!("lease_expired")));
    assert!(lost["error_message"].as_str().unwrap().starts_with("worker a was silent since 2"), "{lost}");
    assert!(!attempts.to_string().contains(zombie.as_str().unwrap()), "a token is nobody else's business");
}

#[tokio::test]
async fn a_run_is_given_up_after_as_many_lost_leases_as_it_may_have() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({ "max_lost": 1 })).await;
    let first = stack.claimed(&tenant, json!({ "worker_id": "first" })).await["run"]["lease_token"].clone();
    stack.expire_lease(id).await;
    assert_eq!(stack.sweep(tenant.id).await["requeued"], 1);
    stack
        .complete(id, json!({ "status": "SUCCEEDED", "lease_token": first }))
        .await
        .expect_problem(409, "lease_lost");
    let second = stack.claimed(&tenant, json!({ "worker_id": "second" })).await["run"]["lease_token"].clone();
    stack.expire_lease(id).await;
    assert_eq!(stack.claim(&tenant, json!({})).await.expect(200)["claimed"], false, "nobody takes it over");
    let swept = stack.sweep(tenant.id).await;
    assert_eq!((&swept["failed"], &swept["requeued"]), (&json!(1), &json!(0)));

    let run = stack.run(id).await;
    assert_eq!((&run["status"], &run["error_code"]), (&json!("FAILED"), &json!("lease_expired")));
    assert_eq!((&run["lost"], &run["attempt"]), (&json!(1), &json!(1)));
    assert!(run["error_message"].as_str().unwrap().starts_with("worker second was silent since 2"), "{run}");
    stack
        .complete(id, json!({ "status": "FAILED", "lease_token": second }))
        .await
        .expect_problem(409, "lease_lost");
}

#[tokio::test]
async fn a_lost_push_run_is_swept_and_run_by_the_worker() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({})).await;
    stack.claimed(&tenant, json!({ "worker_id": "dead" })).await;
    sqlx::query("update pipeline_runs set dispatch = 'push' where id = $1")
        .bind(id)
        .execute(&stack.db)
        .await
        .unwrap();
    stack.expire_lease(id).await;
    let swept = stack.sweep(tenant.id).await;
    assert_eq!((&swept["requeued"], &swept["dispatched"]), (&json!(1), &json!(1)), "{swept}");
    let run = stack.ended(id).await;
    assert_eq!((&run["status"], &run["claim_count"]), (&json!("SUCCEEDED"), &json!(2)));
}

#[tokio::test]
async fn a_message_wakes_the_worker_that_takes_a_lost_run_over() {
    let (stack, queue) = (Stack::connect().await, Queue::connect().await);
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({})).await;
    stack.claimed(&tenant, json!({ "worker_id": "dead" })).await;
    stack.expire_lease(id).await;
    // As SQS shows the dead worker's message again.
    queue.send(tenant.id, &[json!({ "run_id": id }).to_string()]).await;
    let run = stack.ended(id).await;
    assert_eq!(
        (&run["status"], &run["claim_count"], &run["lost"]),
        (&json!("SUCCEEDED"), &json!(2), &json!(1))
    );
}
