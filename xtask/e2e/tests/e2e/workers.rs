//! `GET /api/workers`: who was seen alive, on which queues, and in whose list.

use e2e::{Answer, Stack, Tenant};
use serde_json::{Value, json};
use uuid::Uuid;

/// Notes a worker as a claim does: for one tenant, or for all of them.
async fn see(stack: &Stack, worker: &str, tenant: Option<&Tenant>, queues: &[&str]) {
    sqlx::query("select see_worker($1, $2, $3)")
        .bind(worker)
        .bind(tenant.map(|tenant| tenant.id))
        .bind(queues)
        .execute(&stack.db)
        .await
        .expect("a worker");
}

/// The workers of a tenant's list that have these names.
async fn list(stack: &Stack, tenant: &Tenant, more: &[(&str, &str)], names: &[&str]) -> Vec<Value> {
    let tenant_id = tenant.id.to_string();
    let query = [&[("tenant_id", &*tenant_id), ("limit", "100")], more].concat();
    let answer: Answer = stack.get_with("/api/workers", &query).await;
    let items = answer.expect(200)["items"].as_array().expect("items").clone();
    items
        .into_iter()
        .filter(|worker| names.contains(&worker["worker_id"].as_str().expect("a name")))
        .collect()
}

#[tokio::test]
async fn a_worker_is_alive_while_it_claims_or_holds_a_lease() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let name = &*Uuid::now_v7().to_string();
    see(&stack, name, Some(&tenant), &["gpu", "default"]).await;
    let worker = &list(&stack, &tenant, &[("queue", "gpu"), ("alive", "true")], &[name]).await[0];
    assert_eq!(worker["queues"], json!(["default", "gpu"]), "{worker}");
    assert_eq!((&worker["tenant_id"], &worker["running"]), (&json!(tenant.id), &json!(0)), "{worker}");
    assert_eq!(list(&stack, &tenant, &[("queue", "tpu")], &[name]).await, [Value::Null; 0]);

    let long_ago = "update workers set last_seen_at = now() - interval '1 h' where worker_id = $1";
    sqlx::query(long_ago).bind(name).execute(&stack.db).await.expect("an update");
    assert_eq!(list(&stack, &tenant, &[("alive", "false")], &[name]).await.len(), 1);
    let run = stack.created(&tenant, json!({ "dispatch": "pull" })).await;
    // Under its claims' name no more than its leases are counted here: the claim may note it as seen.
    stack.claimed(&tenant, json!({ "worker_id": name })).await;
    sqlx::query(long_ago).bind(name).execute(&stack.db).await.expect("an update");
    stack.heartbeat(run, json!({ "worker_id": name })).await.expect(200);
    let worker = &list(&stack, &tenant, &[], &[name]).await[0];
    assert_eq!((&worker["alive"], &worker["running"]), (&json!(true), &json!(1)), "{worker}");
}

#[tokio::test]
async fn a_tenant_never_sees_a_worker_that_serves_only_another() {
    let stack = Stack::connect().await;
    let (one, other) = (stack.tenant().await, stack.tenant().await);
    let [mine, theirs, shared] = [(); 3].map(|()| Uuid::now_v7().to_string());
    let names = [&*mine, &*theirs, &*shared];
    see(&stack, &mine, Some(&one), &["q"]).await;
    see(&stack, &theirs, Some(&other), &["q"]).await;
    see(&stack, &shared, None, &["q"]).await;
    for filter in [&[][..], &[("queue", "q")], &[("alive", "true")], &[("queue", "q"), ("alive", "true")]] {
        let mut seen: Vec<Value> = list(&stack, &one, filter, &names)
            .await
            .into_iter()
            .map(|worker| worker["worker_id"].clone())
            .collect();
        seen.sort_by_key(Value::to_string);
        let mut expected = [json!(mine), json!(shared)];
        expected.sort_by_key(Value::to_string);
        assert_eq!(seen, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn a_query_that_is_wrong_is_refused() {
    let stack = Stack::connect().await;
    for (query, pointer) in [
        (("alive", "yes"), "/alive"),
        (("tenant_id", "x"), "/tenant_id"),
        (("limit", "0"), "/limit"),
        (("status", "x"), "/status"),
    ] {
        let answer = stack.get_with("/api/workers", &[query]).await;
        answer.expect_problem(400, "invalid_field").expect_pointer(pointer);
    }
    let answer = stack.get_with("/api/workers", &[("cursor", "x")]).await;
    answer.expect_problem(400, "invalid_cursor");
}
