//! 409: names that are taken, statuses that do not follow, revisions that are old.

use e2e::{Stack, id_of};
use serde_json::json;

use super::{World, change, edit, look};

#[tokio::test]
async fn a_name_is_taken_once() {
    let stack = Stack::connect().await;
    let (world, other) = (World::new(&stack).await, World::new(&stack).await);
    let pipeline = json!({ "tenant_id": world.tenant, "name": "e2e" });
    stack.post("/api/pipelines", &pipeline).await.expect_problem(409, "already_exists");
    let second = json!({ "tenant_id": world.tenant, "name": "second" });
    let second = id_of(stack.post("/api/pipelines", &second).await.expect(201));
    let rename = stack.patch(&format!("/api/pipelines/{second}"), &json!({ "name": "e2e" })).await;
    rename.expect_problem(409, "already_exists");

    let draft = world.draft(&stack, json!({})).await;
    let name = look(&stack, draft).await["version"].clone();
    let same = world.version(json!({ "version": name, "dag_spec": {} }));
    stack.post("/api/pipeline-versions", &same).await.expect_problem(409, "already_exists");
    let copy = world.version(json!({ "version": name, "copy_of": draft }));
    stack.post("/api/pipeline-versions", &copy).await.expect_problem(409, "already_exists");
    let another = world.draft(&stack, json!({})).await;
    let renamed = edit(&stack, another, json!({ "dag_spec": {}, "version": name })).await;
    renamed.expect_problem(409, "already_exists");
    assert_eq!(look(&stack, another).await["revision"], 1);
    // In another pipeline, of another tenant, it is free.
    let elsewhere = other.version(json!({ "version": name, "dag_spec": {} }));
    stack.post("/api/pipeline-versions", &elsewhere).await.expect(201);

    world.connection(&stack, "q").await;
    other.connection(&stack, "q").await;
    let lambda =
        json!({ "tenant_id": world.tenant, "name": "q", "kind": "lambda", "config": { "function": "f" } });
    stack.post("/api/connections", &lambda).await.expect_problem(409, "already_exists");
}

#[tokio::test]
async fn a_status_follows_from_the_one_before_or_not_at_all() {
    let stack = Stack::connect().await;
    let world = World::new(&stack).await;
    for (from, to, possible) in [
        ("DRAFT", "APPROVED", true),
        ("DRAFT", "DEPRECATED", false),
        ("APPROVED", "APPROVED", false),
        ("APPROVED", "DEPRECATED", true),
        ("DEPRECATED", "DEPRECATED", false),
        ("DEPRECATED", "APPROVED", true),
    ] {
        let id = world.version_in(&stack, from).await;
        let before = look(&stack, id).await;
        let answer = change(&stack, id, json!({ "status": to })).await;
        if possible {
            assert_eq!(answer.expect(200)["status"], to);
            assert_eq!(look(&stack, id).await, answer.body);
        } else {
            answer.expect_problem(409, "invalid_transition");
            assert!(answer.detail().contains(from) && answer.detail().contains(to), "{answer}");
            assert_eq!(look(&stack, id).await, before);
        }
    }
}

#[tokio::test]
async fn only_a_draft_is_edited() {
    let stack = Stack::connect().await;
    let world = World::new(&stack).await;
    for status in ["APPROVED", "DEPRECATED"] {
        let id = world.version_in(&stack, status).await;
        let before = look(&stack, id).await;
        for body in [json!({ "dag_spec": {} }), json!({ "dag_spec": { "steps": ["a"] }, "revision": 1 })] {
            let answer = edit(&stack, id, body).await;
            answer.expect_problem(409, "invalid_transition");
            assert!(answer.detail().contains(status), "{answer}");
        }
        assert_eq!(look(&stack, id).await, before);
    }
}

#[tokio::test]
async fn an_old_revision_is_neither_written_over_nor_approved() {
    let stack = Stack::connect().await;
    let world = World::new(&stack).await;
    let id = world.draft(&stack, json!({})).await;
    edit(&stack, id, json!({ "dag_spec": { "steps": ["a"] }, "revision": 1 })).await.expect(200);
    for revision in [1, 3, i32::MAX] {
        let late = edit(&stack, id, json!({ "dag_spec": {}, "revision": revision })).await;
        late.expect_problem(409, "invalid_transition");
        assert!(late.detail().contains("revision 2"), "{late}");
        let blind = change(&stack, id, json!({ "status": "APPROVED", "revision": revision })).await;
        blind.expect_problem(409, "invalid_transition");
    }
    let stored = look(&stack, id).await;
    assert_eq!(json!([stored["revision"], stored["status"]]), json!([2, "DRAFT"]));
    // Whoever does not say what he looked at takes what is there.
    edit(&stack, id, json!({ "dag_spec": {} })).await.expect(200);
    change(&stack, id, json!({ "status": "APPROVED" })).await.expect(200);
    let of_another = change(&stack, id, json!({ "status": "DEPRECATED", "revision": 2 })).await;
    of_another.expect_problem(409, "invalid_transition");
    change(&stack, id, json!({ "status": "DEPRECATED", "revision": 3 })).await.expect(200);
}
