//! Why a run waits, and waiting for its end.

use e2e::Stack;
use serde_json::json;

#[tokio::test]
async fn a_run_says_what_it_waits_for() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({ "run_after": "2099-01-01T00:00:00Z" })).await;
    let waiting = async || stack.get(&format!("/api/runs/{id}")).await.expect(200)["waiting_for"].clone();
    let delayed = waiting().await;
    assert_eq!((&delayed["reason"], &delayed["until"]), (&json!("delayed"), &json!("2099-01-01T00:00:00Z")));
    assert_eq!(delayed["since"], stack.run(id).await["created_at"]);
    stack.due_in(id, -1.0).await;
    assert_eq!(waiting().await["reason"], "worker");
    stack.claimed(&tenant, json!({})).await;
    assert_eq!(waiting().await, json!(null));
}

#[tokio::test]
async fn who_waits_for_the_end_of_a_run_is_answered_when_it_ends() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({})).await;
    stack.claimed(&tenant, json!({})).await;
    let path = format!("/api/runs/{id}");
    let patient = async {
        let since = std::time::Instant::now();
        let answer = stack.get_with(&path, &[("wait_seconds", "20")]).await;
        (answer, since.elapsed())
    };
    let ((answer, took), _) = tokio::join!(patient, stack.complete(id, json!({ "status": "SUCCEEDED" })));
    assert_eq!(answer.expect(200)["run"]["status"], "SUCCEEDED");
    assert!(took < std::time::Duration::from_secs(20), "{took:?}: it was answered by the clock");
    // Ended already: at once. Not ended: as it is, when the time is over.
    assert_eq!(
        stack.get_with(&path, &[("wait_seconds", "20")]).await.expect(200)["run"]["status"],
        "SUCCEEDED"
    );
    let other = stack.created(&tenant, json!({})).await;
    let short = stack.get_with(&format!("/api/runs/{other}"), &[("wait_seconds", "1")]).await;
    assert_eq!(short.expect(200)["run"]["status"], "QUEUED");
    for wrong in ["21", "-1", "x", "1.5"] {
        let refused = stack.get_with(&path, &[("wait_seconds", wrong)]).await;
        refused.expect_problem(400, "invalid_field").expect_pointer("/wait_seconds");
    }
}
