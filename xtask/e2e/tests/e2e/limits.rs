//! Limits, pauses and concurrency keys, as an operator sets them and a worker meets them; and several runs in one claim.

use e2e::{Stack, Tenant, eventually, id_of};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::life::assert_fields;

async fn bound(stack: &Stack, path: String, body: Value) {
    stack.patch(&path, &body).await.expect(200);
}

async fn nothing_to_claim(stack: &Stack, tenant: &Tenant) {
    assert_eq!(stack.claim(tenant, json!({})).await.expect(200), &json!({ "claimed": false }));
}

async fn waits_for(stack: &Stack, run_id: Uuid) -> Value {
    stack.get(&format!("/api/runs/{run_id}")).await.expect(200)["waiting_for"]["reason"].clone()
}

#[tokio::test]
async fn a_tenants_limit_holds_until_a_run_has_ended_or_the_limit_is_gone() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    bound(&stack, format!("/api/tenants/{}", tenant.id), json!({ "max_running": 1 })).await;
    let first = stack.created(&tenant, json!({})).await;
    let second = stack.created(&tenant, json!({})).await;
    let third = stack.created(&tenant, json!({})).await;
    let claim = stack.claimed(&tenant, json!({})).await;
    assert_eq!(id_of(&claim["run"]), first);
    nothing_to_claim(&stack, &tenant).await;
    assert_eq!(waits_for(&stack, second).await, "tenant_limit");
    stack.complete(first, json!({ "status": "SUCCEEDED" })).await.expect(200);
    assert_eq!(id_of(&stack.claimed(&tenant, json!({})).await["run"]), second);
    nothing_to_claim(&stack, &tenant).await;
    bound(&stack, format!("/api/tenants/{}", tenant.id), json!({ "max_running": null })).await;
    assert_eq!(id_of(&stack.claimed(&tenant, json!({})).await["run"]), third);
}

#[tokio::test]
async fn what_is_paused_waits_and_says_so() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let run = stack.created(&tenant, json!({})).await;
    for (path, reason) in [
        (format!("/api/tenants/{}", tenant.id), "tenant_paused"),
        (format!("/api/pipelines/{}", tenant.pipeline_id), "pipeline_paused"),
    ] {
        bound(&stack, path.clone(), json!({ "paused": true })).await;
        nothing_to_claim(&stack, &tenant).await;
        assert_eq!(waits_for(&stack, run).await, reason);
        bound(&stack, path, json!({ "paused": false })).await;
    }
    assert_eq!(id_of(&stack.claimed(&tenant, json!({})).await["run"]), run);
}

#[tokio::test]
async fn a_pipelines_limit_lets_the_others_pass() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let beside = stack.pipeline(tenant.id, None).await;
    let version = stack.version(tenant.id, beside, "APPROVED", json!({})).await;
    bound(&stack, format!("/api/pipelines/{}", tenant.pipeline_id), json!({ "max_running": 1 })).await;
    let first = stack.created(&tenant, json!({ "priority": 9 })).await;
    let blocked = stack.created(&tenant, json!({ "priority": 9 })).await;
    let other = Tenant { pipeline_id: beside, version_id: version, ..tenant.clone() };
    let free = stack.created(&other, json!({})).await;
    let many = stack.claimed(&tenant, json!({ "max_runs": 10 })).await;
    let ids: Vec<_> =
        many["claims"].as_array().expect("claims").iter().map(|claim| id_of(&claim["run"])).collect();
    assert_eq!(ids, [first, free]);
    assert_eq!(waits_for(&stack, blocked).await, "pipeline_limit");
}

#[tokio::test]
async fn of_runs_with_one_key_one_runs_at_a_time() {
    let stack = Stack::connect().await;
    let (tenant, other) = (stack.tenant().await, stack.tenant().await);
    let key = json!({ "concurrency_key": "sync" });
    let first = stack.created(&tenant, key.clone()).await;
    let second = stack.created(&tenant, key.clone()).await;
    let theirs = stack.created(&other, key).await;
    let claim = stack.claimed(&tenant, json!({})).await;
    assert_fields(&claim["run"], &json!({ "id": first, "concurrency_key": "sync" }));
    nothing_to_claim(&stack, &tenant).await;
    assert_eq!(waits_for(&stack, second).await, "concurrency_key");
    assert_eq!(id_of(&stack.claimed(&other, json!({})).await["run"]), theirs);
    stack.complete(first, json!({ "status": "FAILED" })).await.expect(200);
    assert_eq!(id_of(&stack.claimed(&tenant, json!({})).await["run"]), second);
}

#[tokio::test]
async fn several_are_claimed_at_once_the_best_first_and_a_lost_answer_is_given_again() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let low = stack.created(&tenant, json!({ "priority": 1 })).await;
    let high = stack.created(&tenant, json!({ "priority": 9 })).await;
    let more = stack.created(&tenant, json!({ "priority": 0 })).await;
    let ask = json!({ "max_runs": 2, "claim_id": Uuid::new_v4() });
    let first = stack.claimed(&tenant, ask.clone()).await;
    let ids = |answer: &Value| -> Vec<Uuid> {
        answer["claims"].as_array().expect("claims").iter().map(|claim| id_of(&claim["run"])).collect()
    };
    assert_eq!(ids(&first), [high, low]);
    assert!(first.get("run").is_none() && first.get("pipeline_version").is_none(), "{first}");
    assert_eq!(stack.claimed(&tenant, ask).await, first);
    assert_eq!(ids(&stack.claimed(&tenant, json!({ "max_runs": 100 })).await), [more]);
    let none = stack.claim(&tenant, json!({ "max_runs": 100 })).await;
    assert_eq!(none.expect(200), &json!({ "claimed": false, "claims": [] }));
    for wrong in [0, 101] {
        stack
            .claim(&tenant, json!({ "max_runs": wrong }))
            .await
            .expect_problem(400, "invalid_field")
            .expect_pointer("/max_runs");
    }
}

#[tokio::test]
async fn a_push_run_over_its_limit_is_not_sent_and_runs_when_a_slot_frees() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant_with(json!({ "steps": ["a"] })).await;
    bound(&stack, format!("/api/tenants/{}", tenant.id), json!({ "max_running": 1 })).await;
    // A worker of the tenant's own holds the only slot.
    let held = stack.created(&tenant, json!({ "dispatch": "pull" })).await;
    let claim = stack.claimed(&tenant, json!({})).await;
    let pushed = [
        stack.created(&tenant, json!({ "dispatch": "push" })).await,
        stack.created(&tenant, json!({ "dispatch": "push" })).await,
    ];
    for id in pushed {
        let row = stack.row(id).await;
        assert_fields(
            &row,
            &json!({ "status": "QUEUED", "dispatch_due_at": null, "redispatch_at": null, "dispatches": 0 }),
        );
        assert_eq!(waits_for(&stack, id).await, "tenant_limit");
    }
    // No slot: no sweep sends them.
    stack.sweep(tenant.id).await;
    assert_eq!(stack.row(pushed[0]).await["dispatches"], 0);

    let end = json!({ "status": "SUCCEEDED", "lease_token": claim["run"]["lease_token"] });
    stack.complete(held, end).await.expect(200);
    // It was no worker of ours that freed it: the sweep sends one, and the worker that runs it takes the other along.
    stack.sweep(tenant.id).await;
    for id in pushed {
        let ended = eventually("the run has ended", async || {
            let row = stack.row(id).await;
            (row["status"] == "SUCCEEDED").then_some(row)
        })
        .await;
        assert_eq!(ended["claim_count"], 1);
    }
    let told: i64 = [stack.row(pushed[0]).await, stack.row(pushed[1]).await]
        .iter()
        .filter(|row| row["claimed_by"].as_str().is_some_and(|worker| worker.starts_with("lambda:worker:")))
        .count() as i64;
    assert_eq!(told, 2);
}
