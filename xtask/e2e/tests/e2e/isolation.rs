//! Whose version may be run, and in which state.

use e2e::{Stack, Tenant, id_of};
use serde_json::json;
use uuid::Uuid;

#[tokio::test]
async fn a_version_of_another_tenant_does_not_exist() {
    let stack = Stack::connect().await;
    let (owner, stranger) = (stack.tenant().await, stack.tenant().await);
    let draft = stack.version(owner.id, owner.pipeline_id, "DRAFT", json!({})).await;
    for version in [owner.version_id, draft, Uuid::now_v7()] {
        let answer = stack.create(&stranger, json!({ "pipeline_version_id": version })).await;
        answer.expect_problem(404, "pipeline_version_not_found");
    }
}

#[tokio::test]
async fn a_tenant_that_does_not_exist_runs_nothing() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    for version_id in [tenant.version_id, Uuid::now_v7()] {
        let nobody = Tenant { id: Uuid::now_v7(), version_id, ..tenant };
        stack.create(&nobody, json!({})).await.expect_problem(404, "tenant_not_found");
    }
}

#[tokio::test]
async fn only_an_approved_version_can_be_run() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    for status in ["DRAFT", "DEPRECATED"] {
        let version = stack.version(tenant.id, tenant.pipeline_id, status, json!({})).await;
        for dispatch in ["push", "pull"] {
            let asked = json!({ "pipeline_version_id": version, "dispatch": dispatch });
            let answer = stack.create(&tenant, asked).await;
            answer.expect_problem(409, "version_not_approved");
            assert_eq!(answer.detail(), "pipeline version must be APPROVED to run");
        }
    }
}

#[tokio::test]
async fn a_spec_of_another_kind_is_only_for_its_own_workers() {
    let stack = Stack::connect().await;
    let spec = json!({ "kind": "acme/flow", "stages": [{ "do": "it" }] });
    let tenant = stack.tenant_with(spec.clone()).await;
    stack.create(&tenant, json!({ "dispatch": "push" })).await.expect_problem(422, "invalid_dag_spec");
    // Push is what a run is that says nothing.
    stack.create(&tenant, json!({ "dispatch": null })).await.expect_problem(422, "invalid_dag_spec");
    let id = stack.created(&tenant, json!({ "dispatch": "pull" })).await;
    let claim = stack.claimed(&tenant, json!({})).await;
    assert_eq!((id_of(&claim["run"]), &claim["pipeline_version"]["dag_spec"]), (id, &spec));
}

#[tokio::test]
async fn a_spec_that_names_the_known_kind_may_be_pushed() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant_with(json!({ "kind": "dag_v1", "steps": ["a"] })).await;
    let id = stack.created(&tenant, json!({ "dispatch": "push" })).await;
    assert_eq!(stack.ended(id).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn a_list_of_one_tenant_shows_nothing_of_another() {
    let stack = Stack::connect().await;
    let (one, other) = (stack.tenant().await, stack.tenant().await);
    stack.created(&one, json!({ "labels": { "team": "a" } })).await;
    let others = stack.created(&other, json!({ "labels": { "team": "a" } })).await;
    let tenant_id = one.id.to_string();
    let (version, pipeline) = (other.version_id.to_string(), other.pipeline_id.to_string());
    for filter in [("label.team", "a"), ("pipeline_version_id", &*version), ("pipeline_id", &*pipeline)] {
        let answer = stack.get_with("/api/runs", &[("tenant_id", &tenant_id), filter]).await;
        let items = answer.expect(200)["items"].as_array().expect("items");
        assert!(items.iter().all(|run| id_of(run) != others), "{answer}");
    }
}
