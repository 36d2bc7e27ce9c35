//! SQS away, silent, refusing: a run is created all the same, and stays due for dispatch.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::Value;
use xtask::database;

use crate::faults::{answering, silent};
use crate::stage::{create_body, functions, postgres};

/// What a caller who creates a run waits at most when SQS does not do its part.
const CREATE_LIMIT: Duration = Duration::from_secs(2);

/// Creates a run with SQS on this port, twice on one environment; returns whether the runs are still due for dispatch.
async fn create(database_url: &str, what: &str, sqs_port: u16) -> Vec<bool> {
    let endpoint = format!("http://127.0.0.1:{sqs_port}");
    let functions = functions()
        .env("DATABASE_URL", database_url)
        .env("AWS_ENDPOINT_URL", &endpoint)
        .env("RUNS_QUEUE_URL", format!("{endpoint}/000000000000/runs"))
        .env("SWEEP_QUEUE_URL", format!("{endpoint}/000000000000/sweep.fifo"));
    let host = functions.start().await.unwrap();
    let mut connection = database::connect(database_url).await.unwrap();
    let mut due = Vec::new();
    for _ in 0..2 {
        let request = reqwest::Client::new().post(format!("{}/api/runs", host.base_url));
        let since = Instant::now();
        let response = request.json(&create_body("push")).send().await.unwrap();
        let took = since.elapsed();
        let status = response.status();
        let run: Value = response.json().await.unwrap();
        assert_eq!(status, StatusCode::CREATED, "SQS {what}: {run}");
        assert!(took < CREATE_LIMIT, "SQS {what}: {took:?}");

        let query =
            "select dispatch_due_at is not null from pipeline_runs where id = $1::uuid and status = 'QUEUED'";
        let id = run["id"].as_str().unwrap();
        due.push(sqlx::query_scalar(query).bind(id).fetch_one(&mut connection).await.unwrap());
    }
    due
}

#[tokio::test]
async fn a_run_is_created_in_time_and_stays_due_whatever_sqs_does() {
    let postgres = postgres("sqs").await;
    let refusal = r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no such queue"}"#;
    for (what, port) in [
        ("is not there", 1),
        ("never answers", silent().await),
        ("fails", answering(StatusCode::INTERNAL_SERVER_ERROR, r#"{"__type":"InternalFailure"}"#).await),
        ("refuses", answering(StatusCode::BAD_REQUEST, refusal).await),
        ("talks nonsense", answering(StatusCode::OK, "<html>").await),
    ] {
        assert_eq!(create(&postgres.database_url, what, port).await, [true, true], "due while SQS {what}");
    }

    // The other way round, or the assertion above would say nothing.
    let answer = r#"{"MessageId":"00000000-0000-0000-0000-000000000000"}"#;
    let port = answering(StatusCode::OK, answer).await;
    assert_eq!(create(&postgres.database_url, "works", port).await, [false, false]);
}
