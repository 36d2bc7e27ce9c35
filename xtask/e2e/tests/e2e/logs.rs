//! `POST|GET /api/runs/{run_id}/logs`: what a run's workers tell.

use e2e::Stack;
use serde_json::{Value, json};
use uuid::Uuid;

fn path(id: Uuid) -> String {
    format!("/api/runs/{id}/logs")
}

/// The messages of a page.
async fn messages(stack: &Stack, id: Uuid, query: &[(&str, &str)]) -> Vec<Value> {
    let list = stack.get_with(&path(id), query).await;
    list.expect(200)["items"].as_array().expect("items").iter().map(|line| line["message"].clone()).collect()
}

#[tokio::test]
async fn lines_are_told_one_by_one_or_together_and_read_in_either_order() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({})).await;
    let one = stack.post(&path(id), &json!({ "message": "0" })).await;
    assert_eq!(one.expect(201), &json!({ "ok": true, "count": 1 }));
    let many: Vec<_> = (1..100).map(|line| json!({ "message": line.to_string() })).collect();
    assert_eq!(stack.post(&path(id), &json!({ "logs": many })).await.expect(201)["count"], 99);

    let all: Vec<_> = (0..100).map(|line| json!(line.to_string())).collect();
    assert_eq!(messages(&stack, id, &[]).await, all);
    let mut newest = all.clone();
    newest.reverse();
    assert_eq!(messages(&stack, id, &[("order", "desc"), ("limit", "1000")]).await, newest);
    let first = stack.get_with(&path(id), &[("limit", "60")]).await.expect(200).clone();
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    assert_eq!(messages(&stack, id, &[("limit", "60"), ("cursor", cursor)]).await, &all[60..]);
    let wrong = stack.get_with(&path(id), &[("order", "desc"), ("cursor", cursor)]).await;
    wrong.expect_problem(400, "invalid_cursor");
}

#[tokio::test]
async fn times_bound_what_is_read() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({})).await;
    for line in ["a", "b"] {
        stack.post(&path(id), &json!({ "message": line })).await.expect(201);
    }
    let back = "update run_logs set created_at = '2026-01-01T00:00:00Z' where run_id = $1 and message = 'a'";
    sqlx::query(back).bind(id).execute(&stack.db).await.expect("an update");
    assert_eq!(messages(&stack, id, &[("before", "2026-02-01T00:00:00Z")]).await, ["a"]);
    assert_eq!(messages(&stack, id, &[("after", "2026-01-01T00:00:00Z")]).await, ["b"]);
}

#[tokio::test]
async fn what_is_wrong_is_told_where_it_stands_and_nothing_is_stored() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({})).await;
    let many = vec![json!({ "message": "m" }); 101];
    for (body, pointer) in [
        (json!({}), "/message"),
        (json!({ "message": "m", "level": "loud" }), "/level"),
        (json!({ "message": "\0" }), "/message"),
        (json!({ "message": "m", "source": "x".repeat(201) }), "/source"),
        (json!({ "message": "m", "time": "now" }), "/time"),
        (json!({ "logs": [] }), "/logs"),
        (json!({ "logs": many }), "/logs"),
        (json!({ "logs": [{ "message": "a" }, { "level": "info" }] }), "/logs/1/message"),
        (json!({ "logs": [{ "message": "a" }], "message": "b" }), "/message"),
    ] {
        let answer = stack.post(&path(id), &body).await;
        answer.expect_problem(400, "invalid_field").expect_pointer(pointer);
    }
    let large = json!({ "message": "m", "meta": "x".repeat(65_536) });
    stack.post(&path(id), &large).await.expect_problem(413, "payload_too_large");
    for (query, pointer) in [
        (("after", "yesterday"), "/after"),
        (("order", "up"), "/order"),
        (("limit", "1001"), "/limit"),
        (("level", "info"), "/level"),
    ] {
        let answer = stack.get_with(&path(id), &[query]).await;
        answer.expect_problem(400, "invalid_field").expect_pointer(pointer);
    }
    let nobodys = stack.post(&path(Uuid::now_v7()), &json!({ "message": "m" })).await;
    nobodys.expect_problem(404, "run_not_found");
    assert!(messages(&stack, id, &[]).await.is_empty());
}
