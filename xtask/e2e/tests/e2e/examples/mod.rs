//! The pipelines of `examples/`, as they stand there, by both kinds of worker. They are the demo tenant's, whose connections lead to what the
//! stack under test has brought up for them.

mod workers;

use std::str::FromStr as _;

use e2e::{Cli, Queue, Stack, Tenant, eventually, id_of};
use serde_json::{Map, Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use super::dag::steps;

/// The tenant of the examples.
const TENANT: Uuid = uuid::uuid!("580115b4-a291-4917-8dbd-247cfa13e2d6");

/// A pipeline of the test's own with this spec, made and approved over the API.
async fn approved(stack: &Stack, spec: &str) -> Tenant {
    let spec: Value = serde_json::from_str(spec).expect("JSON");
    let name = format!("e2e example {}", Uuid::now_v7());
    let pipeline = json!({ "tenant_id": TENANT, "name": name });
    let pipeline_id = id_of(stack.post("/api/pipelines", &pipeline).await.expect(201));
    let version =
        json!({ "tenant_id": TENANT, "pipeline_id": pipeline_id, "version": "1", "dag_spec": spec });
    let version_id = id_of(stack.post("/api/pipeline-versions", &version).await.expect(201));
    let status = format!("/api/pipeline-versions/{version_id}/status");
    stack.post(&status, &json!({ "status": "APPROVED" })).await.expect(200);
    Tenant { id: TENANT, pipeline_id, version_id }
}

/// A run by the Lambda worker and one by `runplane worker`, once they have ended: with the same results.
async fn by_both(stack: &Stack, spec: &str, parameters: Value) -> [Value; 2] {
    let tenant = approved(stack, spec).await;
    // Queues that no other worker serves: nobody takes the one's run away from the other.
    let [lambda, program] = ["lambda", "program"].map(|by| format!("{by}-{}", Uuid::now_v7()));
    let push = json!({ "dispatch": "push", "queue": lambda, "parameters": parameters });
    let by_lambda = stack.created(&tenant, push).await;
    let by_lambda = stack.ended(by_lambda).await;
    assert!(claimed_by(&by_lambda).starts_with("lambda:"), "{by_lambda}");

    let by_program = stack.created(&tenant, json!({ "queue": program, "parameters": parameters })).await;
    let line = format!("worker --once --tenant-id {TENANT} --queues {program}");
    let said = Cli::new().run(&line).await.ends_with(0);
    let by_program = stack.run(by_program).await;
    assert!(!by_program["finished_at"].is_null(), "{by_program}\n{said}");
    assert!(!claimed_by(&by_program).starts_with("lambda:"), "{by_program}");

    for field in ["status", "output", "error_code", "error_message", "attempt"] {
        assert_eq!(by_lambda[field], by_program[field], "{field}");
    }
    let (one, other) = (steps(stack, id_of(&by_lambda)).await, steps(stack, id_of(&by_program)).await);
    assert_eq!(without_ids(one), without_ids(other));
    [by_lambda, by_program]
}

fn claimed_by(run: &Value) -> &str {
    run["claimed_by"].as_str().unwrap_or_default()
}

/// The ids of artifacts and messages are each run's own.
fn without_ids(mut steps: Value) -> Value {
    for record in steps.as_object_mut().into_iter().flat_map(Map::values_mut) {
        for name in ["id", "message_id"] {
            if record["output"][name].is_string() {
                record["output"][name] = json!("an id");
            }
        }
    }
    steps
}

/// How each step of a run has ended, and after how many attempts.
async fn ends(stack: &Stack, run: &Value) -> Vec<String> {
    let answer = stack.get(&format!("/api/runs/{}", id_of(run))).await;
    let steps = answer.expect(200)["steps"].as_array().expect("steps").clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    steps
        .iter()
        .map(|step| {
            let why = [&step["reason"], &step["error"]["error"]].map(text).concat();
            let line =
                format!("{} {} {} {why}", text(&step["step_id"]), text(&step["status"]), step["attempts"]);
            line.trim_end().to_owned()
        })
        .collect()
}

async fn artifacts(stack: &Stack, run: &Value) -> Vec<Value> {
    let answer = stack.get(&format!("/api/runs/{}/artifacts", id_of(run))).await;
    answer.expect(200)["items"].as_array().expect("items").clone()
}

#[tokio::test]
async fn orders_go_from_the_shop_into_the_warehouse() {
    let stack = Stack::connect().await;
    let spec = include_str!("../../../../../examples/orders/pipeline.json");
    let parameters: Value =
        serde_json::from_str(include_str!("../../../../../examples/orders/parameters.json")).expect("JSON");
    for run in by_both(&stack, spec, parameters.clone()).await {
        assert_eq!((&run["status"], &run["output"]), (&json!("SUCCEEDED"), &json!({ "saved": 7 })), "{run}");
        assert_eq!(
            ends(&stack, &run).await,
            [
                "orders SUCCEEDED 1",
                "fx SUCCEEDED 1",
                "large SUCCEEDED 1",
                "save SUCCEEDED 7",
                "summary SUCCEEDED 1",
                "alert SKIPPED 0 not_needed"
            ]
        );
        let artifacts = artifacts(&stack, &run).await;
        let payload = &artifacts[0]["payload"];
        assert_eq!((artifacts.len(), &payload["run"]), (1, &run["id"]));
        assert_eq!((&payload["large_orders"], &payload["fx"]["base"]), (&json!(7), &json!("EUR")));
        assert!(payload["fx"]["rates"]["USD"].is_f64(), "{payload}");
    }

    let database = std::env::var("DATABASE_URL").expect("DATABASE_URL");
    let options = PgConnectOptions::from_str(&database).expect("a URL").database("warehouse");
    let mut warehouse = PgConnection::connect_with(&options).await.expect("the warehouse");
    let saved: Vec<(String, String)> =
        sqlx::query_as("select id, total::text from large_orders where id like $1 || '-%' order by id")
            .bind(parameters["since"].as_str())
            .fetch_all(&mut warehouse)
            .await
            .expect("rows");
    assert_eq!(saved.len(), 7, "{saved:?}");
    assert_eq!((saved[0].0.as_str(), saved[0].1.parse::<f64>()), ("2026-11-01-03", Ok(112.5)));
}

#[tokio::test]
async fn two_hundred_items_are_asked_for_and_ten_may_be_missing() {
    let stack = Stack::connect().await;
    let spec = include_str!("../../../../../examples/fan_out/pipeline.json");
    for run in by_both(&stack, spec, json!({})).await {
        let sums =
            json!({ "asked": 200, "known": 190, "in_stock": 163, "worth_cents": 950_000, "dearest": 199 });
        assert_eq!((&run["status"], &run["output"]), (&json!("SUCCEEDED"), &sums), "{run}");
        let expected = ["list SUCCEEDED 1", "items SUCCEEDED 200", "summary SUCCEEDED 1"];
        assert_eq!(ends(&stack, &run).await, expected);
        let steps = steps(&stack, id_of(&run)).await;
        let failed: Vec<&Value> =
            steps.as_object().expect("steps").values().filter(|step| step["status"] == "FAILED").collect();
        assert_eq!(failed.len(), 10);
        assert!(failed.iter().all(|step| step["error"]["error"] == "http_404"), "{failed:?}");
    }
}

#[tokio::test]
async fn a_branch_that_fails_is_told_of_and_cleaned_up_after() {
    let stack = Stack::connect().await;
    let spec = include_str!("../../../../../examples/failing_branch/pipeline.json");
    let runs = by_both(&stack, spec, json!({})).await;
    let connections =
        stack.get_with("/api/connections", &[("tenant_id", &TENANT.to_string()), ("limit", "100")]).await;
    let connections = connections.expect(200)["items"].as_array().expect("items").clone();
    let alerts = connections.iter().find(|one| one["name"] == "ops_alerts").expect("a connection");
    let alerts = Queue::at(alerts["config"]["queue_url"].as_str().expect("a URL").to_owned()).await;
    for run in runs {
        let message = run["error_message"].as_str().unwrap_or_default();
        assert_eq!((&run["status"], &run["error_code"]), (&json!("FAILED"), &json!("step_failed")), "{run}");
        assert!(message.starts_with("step publish failed after 1 attempt: http_404"), "{message}");
        assert_eq!(
            ends(&stack, &run).await,
            [
                "export SUCCEEDED 2",
                "publish FAILED 1 http_404",
                "index SKIPPED 0 upstream_failed",
                "thank FAILED 1 http_404",
                "count SUCCEEDED 1",
                "alert SUCCEEDED 1",
                "clean_up SUCCEEDED 1"
            ]
        );
        let id = id_of(&run).to_string();
        let alert = eventually("the alert is in the queue", async || alerts.take_with(&id).await).await;
        let failed = json!({ "publish": "http_404", "thank": "http_404" });
        let alert: Value = serde_json::from_str(&alert).expect("JSON");
        assert_eq!(alert, json!({ "run": id, "failed": failed }));
        let artifacts = artifacts(&stack, &run).await;
        assert_eq!(artifacts.len(), 1);
        assert_eq!(artifacts[0]["payload"]["index"], "SKIPPED");
        assert_eq!(artifacts[0]["payload"].as_object().map(Map::len), Some(6));
    }
}
