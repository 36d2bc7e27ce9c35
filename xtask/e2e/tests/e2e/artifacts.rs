//! `POST|GET /api/runs/{run_id}/artifacts`: what a run has made.

use e2e::Stack;
use serde_json::json;
use uuid::Uuid;

fn path(id: Uuid) -> String {
    format!("/api/runs/{id}/artifacts")
}

#[tokio::test]
async fn an_artifact_is_stored_once_under_its_id_and_listed() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let run = stack.created(&tenant, json!({})).await;
    let given = json!({
        "id": Uuid::new_v4(), "artifact_type": "report", "payload": { "url": "https://example.com" }, "source": "w", "meta": { "n": 1 }
    });
    let first = stack.post(&path(run), &given).await;
    let mut stored = first.expect(201).clone();
    assert_eq!(stack.post(&path(run), &given).await.expect(200), &stored);
    let second = stack.post(&path(run), &json!({ "artifact_type": "t", "payload": {} })).await;
    let listed = stack.get(&path(run)).await;
    assert_eq!(listed.expect(200)["items"], json!([stored, second.expect(201)]));
    let newest = stack.get_with(&path(run), &[("order", "desc"), ("limit", "1")]).await;
    assert_eq!(newest.expect(200)["items"], json!([second.body]));
    let cursor = newest.body["next_cursor"].as_str().expect("a cursor");
    let next = stack.get_with(&path(run), &[("order", "desc"), ("cursor", cursor)]).await;
    assert_eq!(next.expect(200)["items"], json!([stored]));

    let fields = stored.as_object_mut().expect("an object");
    fields.remove("created_at").expect("a time");
    assert_eq!(fields.remove("run_id"), Some(json!(run)));
    assert_eq!(stored, given);
}

#[tokio::test]
async fn what_is_wrong_is_told_where_it_stands_and_nothing_is_stored() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let run = stack.created(&tenant, json!({})).await;
    for (body, pointer) in [
        (json!({ "payload": {} }), "/artifact_type"),
        (json!({ "artifact_type": "t" }), "/payload"),
        (json!({ "artifact_type": "t", "payload": [] }), "/payload"),
        (json!({ "artifact_type": "t", "payload": {}, "id": "1" }), "/id"),
        (json!({ "artifact_type": "", "payload": {} }), "/artifact_type"),
        (json!({ "artifact_type": "t", "payload": { "a": ["\0"] } }), "/payload/a/0"),
        (json!({ "artifact_type": "t", "payload": {}, "name": "n" }), "/name"),
    ] {
        let answer = stack.post(&path(run), &body).await;
        answer.expect_problem(400, "invalid_field").expect_pointer(pointer);
    }
    let large = json!({ "artifact_type": "t", "payload": { "text": "x".repeat(262_144) } });
    stack.post(&path(run), &large).await.expect_problem(413, "payload_too_large");
    let nobodys = stack.post(&path(Uuid::now_v7()), &json!({ "artifact_type": "t", "payload": {} })).await;
    nobodys.expect_problem(404, "run_not_found");
    assert_eq!(stack.get(&path(run)).await.expect(200)["count"], 0);
}
