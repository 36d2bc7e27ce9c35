//! Several runs at once: an answer for each item, as its single call would have had.

use e2e::{Answer, Stack, Tenant, eventually, id_of};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// A create item with more fields.
fn item(tenant: &Tenant, more: Value) -> Value {
    let mut item =
        json!({ "tenant_id": tenant.id, "pipeline_version_id": tenant.version_id, "dispatch": "pull" });
    let fields = item.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    item
}

async fn bulk(stack: &Stack, path: &str, items: Vec<Value>) -> Answer {
    stack.post(path, &json!({ "items": items })).await
}

/// Status and code, or status of the run, of each item.
fn told(answer: &Answer) -> Vec<(u64, String)> {
    let items = answer.expect(200)["items"].as_array().expect("items");
    let one = |item: &Value| {
        let word = [&item["problem"]["code"], &item["run"]["status"], &item["heartbeat"]["ok"]];
        let word = word.into_iter().find(|word| !word.is_null()).expect("an answer");
        (item["status"].as_u64().expect("a status"), word.as_str().unwrap_or("ok").to_owned())
    };
    items.iter().map(one).collect()
}

fn expected(items: &[(u64, &str)]) -> Vec<(u64, String)> {
    items.iter().map(|(status, word)| (*status, (*word).to_owned())).collect()
}

#[tokio::test]
async fn a_hundred_runs_live_their_lives_in_four_calls() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let items = (0..100).map(|number| item(&tenant, json!({ "parameters": { "number": number } }))).collect();
    let created = bulk(&stack, "/api/runs/bulk", items).await;
    assert_eq!(told(&created), expected(&[(201, "QUEUED"); 100]));
    let ids: Vec<Uuid> =
        created.body["items"].as_array().expect("items").iter().map(|item| id_of(&item["run"])).collect();
    assert_eq!(stack.run(ids[42]).await["parameters"], json!({ "number": 42 }), "in their order");

    let mut tokens = Vec::new();
    for _ in 0..10 {
        let claim = stack.claimed(&tenant, json!({})).await;
        tokens.push((id_of(&claim["run"]), claim["run"]["lease_token"].clone()));
    }
    let beats = tokens.iter().map(|(id, token)| json!({ "run_id": id, "lease_token": token })).collect();
    assert_eq!(told(&bulk(&stack, "/api/runs/heartbeat", beats).await), expected(&[(200, "ok"); 10]));
    let ends: Vec<_> = tokens
        .iter()
        .map(|(id, token)| json!({ "run_id": id, "lease_token": token, "status": "SUCCEEDED", "output": id }))
        .collect();
    for _ in ["the first time", "again"] {
        let ended = bulk(&stack, "/api/runs/complete", ends.clone()).await;
        assert_eq!(told(&ended), expected(&[(200, "SUCCEEDED"); 10]));
        assert!(!ended.text.contains("output") && !ended.text.contains("lease_token"), "{ended}");
    }
    assert_eq!(stack.run(tokens[3].0).await["output"], json!(tokens[3].0));
}

#[tokio::test]
async fn a_bad_item_fails_no_other() {
    let stack = Stack::connect().await;
    let (tenant, other) = (stack.tenant().await, stack.tenant().await);
    let key = Uuid::new_v4().to_string();
    let items = vec![
        item(&tenant, json!({ "idempotency_key": key })),
        item(&tenant, json!({ "priority": 10, "queue": "" })),
        json!("no object"),
        item(&tenant, json!({ "pipeline_version_id": other.version_id })),
        item(&tenant, json!({ "idempotency_key": key })),
        item(&tenant, json!({ "idempotency_key": key, "priority": 1 })),
        item(&tenant, json!({ "idempotency_key": "" })),
        item(&tenant, json!({ "nobody": "knows" })),
        item(&tenant, json!({})),
    ];
    let answer = bulk(&stack, "/api/runs/bulk", items).await;
    assert_eq!(
        told(&answer),
        expected(&[
            (201, "QUEUED"),
            (400, "invalid_field"),
            (400, "invalid_field"),
            (404, "pipeline_version_not_found"),
            (200, "QUEUED"),
            (422, "idempotency_key_reused"),
            (400, "invalid_field"),
            (400, "invalid_field"),
            (201, "QUEUED"),
        ])
    );
    let errors = &answer.body["items"][1]["problem"]["errors"];
    assert_eq!(errors[0]["pointer"], "/items/1/queue", "{answer}");
    assert_eq!(errors[1]["pointer"], "/items/1/priority", "{answer}");
    assert_eq!(id_of(&answer.body["items"][0]["run"]), id_of(&answer.body["items"][4]["run"]));
}

#[tokio::test]
async fn completions_and_heartbeats_are_fenced_each_by_its_own_token() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let mut held = Vec::new();
    for _ in 0..3 {
        stack.created(&tenant, json!({})).await;
        let claim = stack.claimed(&tenant, json!({})).await;
        held.push((id_of(&claim["run"]), claim["run"]["lease_token"].clone()));
    }
    let beats = vec![
        json!({ "run_id": held[0].0, "lease_token": held[1].1 }),
        json!({ "run_id": held[1].0, "lease_token": held[1].1, "lease_seconds": 60 }),
        json!({ "run_id": held[2].0, "lease_seconds": 1 }),
        json!({ "run_id": Uuid::now_v7() }),
        json!({}),
    ];
    let answer = bulk(&stack, "/api/runs/heartbeat", beats).await;
    assert_eq!(
        told(&answer),
        expected(&[
            (409, "lease_lost"),
            (200, "ok"),
            (400, "invalid_field"),
            (409, "run_not_running"),
            (400, "invalid_field")
        ])
    );
    let end = |(id, token): &(Uuid, Value), status: &str| json!({ "run_id": id, "lease_token": token, "status": status });
    let ends = vec![
        end(&(held[0].0, held[1].1.clone()), "SUCCEEDED"),
        end(&held[1], "FAILED"),
        end(&held[1], "SUCCEEDED"),
        end(&held[1], "FAILED"),
        json!({ "run_id": held[2].0, "status": "SUCCEEDED" }),
        json!({ "run_id": Uuid::now_v7(), "status": "SUCCEEDED" }),
    ];
    let answer = bulk(&stack, "/api/runs/complete", ends).await;
    assert_eq!(
        told(&answer),
        expected(&[
            (409, "lease_lost"),
            (200, "FAILED"),
            (409, "already_finished"),
            (200, "FAILED"),
            (200, "SUCCEEDED"),
            (409, "run_not_running"),
        ])
    );
    // Clients of the original API depend on this sentence.
    for refused in [2, 5] {
        let problem = &answer.body["items"][refused]["problem"];
        assert_eq!(problem["detail"], "run not RUNNING or not found", "{answer}");
    }
    assert_eq!(stack.run(held[0].0).await["status"], "RUNNING");
}

#[tokio::test]
async fn what_is_no_batch_is_refused_whole() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let good = item(&tenant, json!({}));
    for path in ["/api/runs/bulk", "/api/runs/complete", "/api/runs/heartbeat"] {
        for body in
            [json!({}), json!({ "items": [] }), json!({ "items": vec![&good; 101] }), json!({ "items": 1 })]
        {
            let answer = stack.post(path, &body).await;
            answer.expect_problem(400, "invalid_field").expect_pointer("/items");
        }
        let more = json!({ "items": [good], "other": 1 });
        stack.post(path, &more).await.expect_problem(400, "invalid_field").expect_pointer("/other");
    }
    let with_key = stack.request(Method::POST, "/api/runs/bulk").header("Idempotency-Key", "k");
    let answer = stack.answer(with_key.json(&json!({ "items": [good] }))).await;
    answer.expect_problem(400, "invalid_field").expect_pointer("/Idempotency-Key");
    let runs: i64 = sqlx::query_scalar("select count(*) from pipeline_runs where tenant_id = $1")
        .bind(tenant.id)
        .fetch_one(&stack.db)
        .await
        .expect("a count");
    assert_eq!(runs, 0);
}

#[tokio::test]
async fn pushed_runs_reach_the_worker() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let items = vec![item(&tenant, json!({ "dispatch": "push" })); 25];
    let created = bulk(&stack, "/api/runs/bulk", items).await;
    assert_eq!(told(&created), expected(&[(201, "QUEUED"); 25]));
    for item in created.body["items"].as_array().expect("items") {
        assert_eq!(item["run"]["dispatch_due_at"], Value::Null, "SQS has it: {item}");
    }
    eventually("25 runs have succeeded", async || {
        let ended: i64 = sqlx::query_scalar(
            "select count(*) from pipeline_runs where tenant_id = $1 and status = 'SUCCEEDED' and claim_count = 1",
        )
        .bind(tenant.id)
        .fetch_one(&stack.db)
        .await
        .expect("a count");
        (ended == 25).then_some(())
    })
    .await;
}
