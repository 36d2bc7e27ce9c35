//! The worker and its queue: a message is a hint, the row is the truth.

use e2e::{Queue, Stack, State, Tenant, eventually};
use serde_json::{Value, json};
use uuid::Uuid;

/// The message about a run.
fn about(run_id: Uuid) -> String {
    json!({ "run_id": run_id }).to_string()
}

/// A QUEUED push run that nobody has told the queue about.
async fn untold_run(stack: &Stack, tenant: &Tenant) -> Uuid {
    let id = stack.created(tenant, json!({})).await;
    sqlx::query("update pipeline_runs set dispatch = 'push' where id = $1")
        .bind(id)
        .execute(&stack.db)
        .await
        .expect("an update");
    id
}

/// Waits until the worker has succeeded with a run.
async fn succeeds(stack: &Stack, run_id: Uuid) -> Value {
    let run = stack.ended(run_id).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run}");
    stack.row(run_id).await
}

#[tokio::test]
async fn a_message_that_cannot_be_read_stops_no_other() {
    let (stack, queue) = (Stack::connect().await, Queue::connect().await);
    let tenant = stack.tenant().await;
    let (before, after) = (untold_run(&stack, &tenant).await, untold_run(&stack, &tenant).await);
    let bodies = [
        about(before),
        "this is not JSON".to_owned(),
        json!({ "no": "run_id" }).to_string(),
        json!({ "run_id": "not-a-uuid" }).to_string(),
        json!([1, 2]).to_string(),
        about(Uuid::now_v7()),
        about(after),
    ];
    queue.send(tenant.id, &bodies).await;
    for id in [before, after] {
        assert_eq!(succeeds(&stack, id).await["claim_count"], 1);
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_read_ends_in_the_dead_letter_queue() {
    let (stack, queue, dead) = (Stack::connect().await, Queue::connect().await, Queue::dead_letters().await);
    let tenant = stack.tenant().await;
    let body = format!("not JSON, from {}", tenant.id);
    queue.send(tenant.id, std::slice::from_ref(&body)).await;
    eventually("the message is in the dead-letter queue", async || dead.takes_out(&body).await.then_some(()))
        .await;
}

#[tokio::test]
async fn a_message_about_a_finished_run_changes_nothing() {
    let (stack, queue) = (Stack::connect().await, Queue::connect().await);
    let tenant = stack.tenant().await;
    let finished = stack.created(&tenant, json!({ "dispatch": "push" })).await;
    succeeds(&stack, finished).await;
    assert_unmoved_by_its_message(&stack, &queue, &tenant, finished).await;
}

#[tokio::test]
async fn a_message_about_a_run_that_somebody_holds_changes_nothing() {
    let (stack, queue) = (Stack::connect().await, Queue::connect().await);
    let tenant = stack.tenant().await;
    let held = stack.run_in(&tenant, State::Alive, false).await.id;
    assert_unmoved_by_its_message(&stack, &queue, &tenant, held).await;
}

#[tokio::test]
async fn a_message_about_a_cancelled_run_changes_nothing() {
    let (stack, queue) = (Stack::connect().await, Queue::connect().await);
    let tenant = stack.tenant().await;
    let cancelled = stack.run_in(&tenant, State::Cancelled, false).await.id;
    assert_unmoved_by_its_message(&stack, &queue, &tenant, cancelled).await;
}

#[tokio::test]
async fn a_message_about_a_run_that_is_not_due_changes_nothing() {
    let (stack, queue) = (Stack::connect().await, Queue::connect().await);
    let tenant = stack.tenant().await;
    let delayed =
        stack.created(&tenant, json!({ "dispatch": "push", "run_after": "2099-01-01T00:00:00Z" })).await;
    assert_unmoved_by_its_message(&stack, &queue, &tenant, delayed).await;
}

#[tokio::test]
async fn many_messages_about_one_run_run_it_once() {
    let (stack, queue) = (Stack::connect().await, Queue::connect().await);
    let tenant = stack.tenant().await;
    let id = untold_run(&stack, &tenant).await;
    queue.send(tenant.id, &vec![about(id); 10]).await;
    let row = succeeds(&stack, id).await;
    assert_eq!(
        (&row["claim_count"], &row["attempt"], &row["lost"]),
        (&json!(1), &json!(1), &json!(0)),
        "{row}"
    );
}

#[tokio::test]
async fn many_runs_pushed_at_once_all_succeed() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant_with(json!({ "steps": ["a", "b"] })).await;
    let mut runs = Vec::new();
    for _ in 0..25 {
        runs.push(stack.created(&tenant, json!({ "dispatch": "push" })).await);
    }
    eventually("all runs of the tenant have succeeded, each claimed once", async || {
        let done: i64 = sqlx::query_scalar(
            "select count(*) from pipeline_runs where tenant_id = $1 and status = 'SUCCEEDED' and claim_count = 1",
        )
        .bind(tenant.id)
        .fetch_one(&stack.db)
        .await
        .expect("a count");
        (done == 25).then_some(())
    })
    .await;
    assert_eq!(stack.run(runs[0]).await["status"], "SUCCEEDED");
}

/// Sends messages about a run, and behind them one about a run that tells when the worker has come so far.
async fn assert_unmoved_by_its_message(stack: &Stack, queue: &Queue, tenant: &Tenant, run_id: Uuid) {
    let before = stack.row(run_id).await;
    queue.send(tenant.id, &[about(run_id), about(run_id), about(run_id)]).await;
    for _ in 0..2 {
        let later = untold_run(stack, tenant).await;
        queue.send(tenant.id, &[about(run_id), about(later)]).await;
        succeeds(stack, later).await;
    }
    assert_eq!(stack.row(run_id).await, before, "the message moved the run");
}
