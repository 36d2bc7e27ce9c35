//! PATCH: what is left out stays, null clears, and the two are not the same.

use e2e::Stack;
use serde_json::json;

use super::World;
use super::shapes::{assert_pipeline, assert_tenant};
use crate::life::assert_fields;

#[tokio::test]
async fn a_tenant_is_renamed_limited_paused_and_let_go() {
    let stack = Stack::connect().await;
    let path = format!("/api/tenants/{}", World::new(&stack).await.tenant);
    for (patch, expected) in [
        (json!({}), json!({ "name": "e2e", "max_running": null, "paused": false })),
        (json!({ "max_running": 5 }), json!({ "name": "e2e", "max_running": 5, "paused": false })),
        (
            json!({ "name": "new", "paused": true }),
            json!({ "name": "new", "max_running": 5, "paused": true }),
        ),
        (json!({ "name": null, "paused": null }), json!({ "name": "new", "max_running": 5, "paused": true })),
        (json!({ "max_running": 0 }), json!({ "name": "new", "max_running": 0, "paused": true })),
        (json!({ "max_running": null }), json!({ "name": "new", "max_running": null, "paused": true })),
        (json!({ "paused": false }), json!({ "name": "new", "max_running": null, "paused": false })),
    ] {
        let answer = stack.patch(&path, &patch).await;
        assert_tenant(answer.expect(200));
        assert_fields(&answer.body, &expected);
        assert_eq!(stack.get(&path).await.expect(200), &answer.body, "{patch}");
    }
}

#[tokio::test]
async fn a_pipeline_is_changed_field_by_field() {
    let stack = Stack::connect().await;
    let path = format!("/api/pipelines/{}", World::new(&stack).await.pipeline);
    let all = json!({ "name": "n", "description": "d", "queue": "q", "max_running": 1, "paused": true });
    let answer = stack.patch(&path, &all).await;
    assert_pipeline(answer.expect(200));
    assert_fields(&answer.body, &all);
    let mut expected = answer.body;
    for field in ["description", "queue", "max_running"] {
        expected[field] = json!(null);
        assert_eq!(stack.patch(&path, &json!({ field: null })).await.expect(200), &expected);
    }
    let cleared =
        json!({ "name": "n", "description": null, "queue": null, "max_running": null, "paused": true });
    assert_fields(stack.get(&path).await.expect(200), &cleared);
    stack.patch(&path, &json!({ "description": "" })).await.expect(200);
}

#[tokio::test]
async fn runs_that_exist_keep_their_queue() {
    let stack = Stack::connect().await;
    let world = World::new(&stack).await;
    let version = world.version_in(&stack, "APPROVED").await;
    let path = format!("/api/pipelines/{}", world.pipeline);
    let run = json!({ "tenant_id": world.tenant, "pipeline_version_id": version, "dispatch": "pull" });
    stack.patch(&path, &json!({ "queue": "slow" })).await.expect(200);
    let before = e2e::id_of(stack.post("/api/runs", &run).await.expect(201));
    stack.patch(&path, &json!({ "queue": "fast" })).await.expect(200);
    assert_eq!(stack.post("/api/runs", &run).await.expect(201)["queue"], "fast");
    assert_eq!(stack.run(before).await["queue"], "slow");
}
