//! `Idempotency-Key`: a create request sent twice makes one run.

use e2e::{Answer, Stack, Tenant, id_of};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::life::assert_fields;

/// Creates a pull run under `key`.
async fn create(stack: &Stack, tenant: &Tenant, key: &str, parameters: Value) -> Answer {
    let body = json!({
        "tenant_id": tenant.id, "pipeline_version_id": tenant.version_id, "dispatch": "pull", "parameters": parameters
    });
    stack.answer(stack.request(Method::POST, "/api/runs").header("Idempotency-Key", key).json(&body)).await
}

#[tokio::test]
async fn the_same_request_under_the_same_key_returns_the_first_run() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let key = Uuid::new_v4().to_string();
    let first = create(&stack, &tenant, &key, json!({ "day": 1 })).await;
    let again = create(&stack, &tenant, &key, json!({ "day": 1 })).await;
    assert_eq!(again.expect(200), first.expect(201));
}

#[tokio::test]
async fn the_same_request_may_be_written_otherwise() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let (id, version, key) = (tenant.id, tenant.version_id, Uuid::new_v4().to_string());
    let one = format!(
        r#"{{"tenant_id":"{id}","pipeline_version_id":"{version}","dispatch":"pull","parameters":{{"a":1,"b":"u"}}}}"#
    );
    let other = format!(
        "{{ \"parameters\": {{\"b\": \"\\u0075\", \"a\": 1}},\n \"dispatch\": \"pull\", \"queue\": null,
           \"pipeline_version_id\": \"{version}\", \"tenant_id\": \"{id}\" }}"
    );
    let mut runs = Vec::new();
    for body in [one, other] {
        let request = stack.request(Method::POST, "/api/runs").header("content-type", "application/json");
        let answer = stack.answer(request.header("Idempotency-Key", &key).body(body)).await;
        assert!(matches!(answer.status, 200 | 201), "{answer}");
        runs.push(id_of(&answer.body));
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test]
async fn a_repeated_request_tells_where_the_run_stands_by_now() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let key = Uuid::new_v4().to_string();
    let id = id_of(create(&stack, &tenant, &key, json!({})).await.expect(201));
    let token = stack.claimed(&tenant, json!({})).await["run"]["lease_token"].clone();
    stack.complete(id, json!({ "status": "SUCCEEDED", "lease_token": token })).await.expect(200);
    let again = create(&stack, &tenant, &key, json!({})).await;
    assert_fields(again.expect(200), &json!({ "id": id, "status": "SUCCEEDED" }));
    assert!(!again.text.contains("lease_token"), "{again}");
}

#[tokio::test]
async fn a_repeated_request_is_answered_although_the_version_was_deprecated_since() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let key = Uuid::new_v4().to_string();
    let id = id_of(create(&stack, &tenant, &key, json!({})).await.expect(201));
    sqlx::query("update pipeline_versions set status = 'DEPRECATED' where id = $1")
        .bind(tenant.version_id)
        .execute(&stack.db)
        .await
        .expect("an update");
    assert_eq!(id_of(create(&stack, &tenant, &key, json!({})).await.expect(200)), id);
}

#[tokio::test]
async fn another_request_under_the_same_key_is_refused() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let key = Uuid::new_v4().to_string();
    create(&stack, &tenant, &key, json!({ "day": 1 })).await.expect(201);
    create(&stack, &tenant, &key, json!({ "day": 2 })).await.expect_problem(422, "idempotency_key_reused");
    let runs: i64 = sqlx::query_scalar("select count(*) from pipeline_runs where tenant_id = $1")
        .bind(tenant.id)
        .fetch_one(&stack.db)
        .await
        .expect("a count");
    assert_eq!(runs, 1);
}

#[tokio::test]
async fn a_key_is_its_tenants_own() {
    let stack = Stack::connect().await;
    let (one, other) = (stack.tenant().await, stack.tenant().await);
    let key = Uuid::new_v4().to_string();
    let first = id_of(create(&stack, &one, &key, json!({})).await.expect(201));
    let second = id_of(create(&stack, &other, &key, json!({})).await.expect(201));
    assert_ne!(first, second);
}

#[tokio::test]
async fn requests_at_once_under_one_key_make_one_run() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let key = Uuid::new_v4().to_string();
    let mut askers = JoinSet::new();
    for _ in 0..32 {
        let (stack, tenant, key) = (stack.clone(), tenant.clone(), key.clone());
        askers.spawn(async move { create(&stack, &tenant, &key, json!({})).await });
    }
    let answers = askers.join_all().await;
    let created = answers.iter().filter(|answer| answer.status == 201).count();
    let repeated: Vec<_> = answers.iter().filter(|answer| answer.status != 201).collect();
    assert_eq!(created, 1, "runs made");
    repeated.iter().for_each(|answer| assert_eq!(answer.status, 200, "{answer}"));
    for answer in &answers {
        assert_eq!(answer.body, answers[0].body, "32 equal answers");
    }
}

#[tokio::test]
async fn without_a_key_the_same_request_makes_another_run() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    assert_ne!(stack.created(&tenant, json!({})).await, stack.created(&tenant, json!({})).await);
}
