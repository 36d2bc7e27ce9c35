//! Specs that break a rule: 422 with every fault, pointers into the dag_spec, and nothing is stored.

use e2e::Stack;
use serde_json::{Value, json};

use super::{World, change, edit, look};

/// Specs that no draft may look like, and where they are at fault.
fn shapeless() -> [(Value, &'static str); 6] {
    [
        (json!({ "kind": "dag_v1", "colour": "red" }), "/colour"),
        (json!({ "steps": {} }), "/steps"),
        (json!({ "steps": [5] }), "/steps/0"),
        (json!({ "steps": [{ "id": "a", "type": "nothing_like_it" }] }), "/steps/0/type"),
        (json!({ "steps": ["a\0b"] }), "/steps/0"),
        (json!({ "kind": "acme/flow", "text": "a\0b" }), "/text"),
    ]
}

#[tokio::test]
async fn a_draft_of_an_impossible_shape_is_refused_with_its_faults() {
    let stack = Stack::connect().await;
    let world = World::new(&stack).await;
    let draft = world.draft(&stack, json!({})).await;
    let before = look(&stack, draft).await;
    for (spec, pointer) in shapeless() {
        let created = stack.post("/api/pipeline-versions", &world.version(json!({ "dag_spec": spec }))).await;
        created.expect_problem(422, "invalid_dag_spec").expect_pointer(pointer);
        let edited = edit(&stack, draft, json!({ "dag_spec": spec })).await;
        edited.expect_problem(422, "invalid_dag_spec").expect_pointer(pointer);
    }
    assert_eq!(look(&stack, draft).await, before);
}

#[tokio::test]
async fn a_spec_of_more_than_256_kib_is_refused() {
    let stack = Stack::connect().await;
    let world = World::new(&stack).await;
    for kind in ["dag_v1", "acme/flow"] {
        let spec = json!({ "kind": kind, "description": "x".repeat(256 * 1024) });
        let created = stack.post("/api/pipeline-versions", &world.version(json!({ "dag_spec": spec }))).await;
        created.expect_problem(422, "invalid_dag_spec");
    }
}

#[tokio::test]
async fn what_cannot_run_stays_a_draft_until_it_is_mended() {
    let stack = Stack::connect().await;
    let world = World::new(&stack).await;
    let wait = |id: &str, after: &[&str]| json!({ "id": id, "type": "wait", "with": { "seconds": 1 }, "depends_on": after });
    let queue = json!({ "id": "s", "type": "sqs", "with": { "connection": "mail", "body": "x" } });
    for (steps, pointer) in [
        (json!([wait("a", &["nobody"])]), "/steps/0/depends_on/0"),
        (json!([wait("a", &[]), wait("a", &[])]), "/steps/1/id"),
        // Whichever of the two is named: they wait for each other.
        (json!([wait("a", &["b"]), wait("b", &["a"])]), "/steps/"),
        (json!([queue]), "/steps/0/with/connection"),
    ] {
        let id = world.draft(&stack, json!({ "steps": steps })).await;
        let before = look(&stack, id).await;
        let refused = change(&stack, id, json!({ "status": "APPROVED" })).await;
        refused.expect_problem(422, "invalid_dag_spec");
        assert!(refused.pointers().iter().all(|at| at.starts_with(pointer)), "not at {pointer}: {refused}");
        assert_eq!(look(&stack, id).await, before);
        edit(&stack, id, json!({ "dag_spec": { "steps": [wait("a", &[])] } })).await.expect(200);
        change(&stack, id, json!({ "status": "APPROVED" })).await.expect(200);
    }
    // A connection of another tenant is none, one of its own with this name is.
    let stranger = World::new(&stack).await;
    stranger.connection(&stack, "mail").await;
    let id = world.draft(&stack, json!({ "steps": [queue] })).await;
    change(&stack, id, json!({ "status": "APPROVED" })).await.expect_problem(422, "invalid_dag_spec");
    world.connection(&stack, "mail").await;
    change(&stack, id, json!({ "status": "APPROVED" })).await.expect(200);
}

#[tokio::test]
async fn all_faults_come_at_once() {
    let stack = Stack::connect().await;
    let world = World::new(&stack).await;
    let steps: Vec<_> = (0..30)
        .map(|n| json!({ "id": format!("s{n}"), "type": "wait", "with": { "seconds": 1 }, "colour": n }))
        .collect();
    let created =
        stack.post("/api/pipeline-versions", &world.version(json!({ "dag_spec": { "steps": steps } }))).await;
    created.expect_problem(422, "invalid_dag_spec");
    for n in 0..30 {
        created.expect_pointer(&format!("/steps/{n}/colour"));
    }
}
