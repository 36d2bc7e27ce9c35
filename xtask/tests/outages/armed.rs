//! A worker dies, and no clock invokes anything: the sweep that its claim has armed comes, and has the next one come, until there is nothing in flight.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName as Name;
use serde_json::{Value, json};
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;
use xtask::mapping::{self, Mapping};
use xtask::paths::Dirs;
use xtask::{database, queues, sqs};

use crate::stage::{create_body, functions, postgres, root};

/// The queue keeps each message back for 40 s, and nothing else tells when a period is over: three of them, and a slow machine.
const DEADLINE: Duration = Duration::from_secs(240);
/// Longer than until the first sweep, and shorter than until the second.
const LEASE_SECONDS: i32 = 60;

/// Waits until this is true.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let holds = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(DEADLINE, holds).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

/// How many messages a queue holds: those that wait for their time, that could be received, and that were.
async fn held(client: &Client, queue_url: &str) -> u64 {
    let names = [
        Name::ApproximateNumberOfMessages,
        Name::ApproximateNumberOfMessagesNotVisible,
        Name::ApproximateNumberOfMessagesDelayed,
    ];
    let ask = client.get_queue_attributes().queue_url(queue_url).set_attribute_names(Some(names.to_vec()));
    let answer = ask.send().await.unwrap();
    answer.attributes().unwrap().values().map(|number| number.parse::<u64>().unwrap()).sum()
}

async fn is(db: &tokio::sync::Mutex<PgConnection>, run: &str, condition: &str) -> bool {
    let sql = format!("select {condition} from pipeline_runs where id = '{run}'");
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&mut *db.lock().await).await.unwrap()
}

#[tokio::test]
async fn a_claim_has_sweeps_come_until_its_lease_is_lost_and_none_when_nothing_is_in_flight() {
    let postgres = postgres("armed").await;
    let mut db = database::connect(&postgres.database_url).await.unwrap();
    // Of the demo data nothing is in flight.
    let end = "update pipeline_runs set status = 'CANCELLED', finished_at = now(), dispatch_due_at = null, redispatch_at = null,
               lease_expires_at = null where finished_at is null";
    sqlx::raw_sql(end).execute(&mut db).await.unwrap();
    let db = tokio::sync::Mutex::new(db);
    let (endpoint_url, _sqs) = match std::env::var("AWS_ENDPOINT_URL") {
        Ok(url) => (url, None),
        Err(_) => {
            let options = sqs::Options { name: "test-armed".to_owned(), port: None };
            let own = sqs::Server::start(&Dirs::new(root()), options).await.unwrap();
            (own.endpoint_url.clone(), Some(own))
        }
    };
    let suffix = format!("-{}", uuid::Uuid::new_v4());
    let queues = queues::create_named(&Dirs::new(root()), &endpoint_url, &suffix).await.unwrap();
    let client = queues::client(&endpoint_url).await;
    let host = functions()
        .function("sweep", 1)
        .env("DATABASE_URL", &postgres.database_url)
        .env("RUNS_QUEUE_URL", &queues.runs_url)
        .env("SWEEP_QUEUE_URL", &queues.sweep_url)
        .env("DELIVER_QUEUE_URL", &queues.deliver_url)
        .env("AWS_ENDPOINT_URL", &endpoint_url)
        .start()
        .await
        .unwrap();
    let mapping = Mapping {
        endpoint_url: endpoint_url.clone(),
        queue_url: queues.sweep_url.clone(),
        invoke_url: host.base_url.clone(),
        function: "sweep".to_owned(),
    };
    let stop = CancellationToken::new();
    let mapping = tokio::spawn(mapping::run(mapping, stop.clone()));

    let call = async |path: &str, body: Value| -> Value {
        let request = reqwest::Client::new().post(format!("{}{path}", host.base_url)).json(&body);
        request.send().await.unwrap().json().await.unwrap()
    };
    let run = call("/api/runs", create_body("pull")).await["id"].as_str().unwrap().to_owned();
    let claim = json!({ "worker_id": "w", "lease_seconds": LEASE_SECONDS });
    assert_eq!(call("/api/runs/claim", claim).await["run"]["id"], run);
    let armed = held(&client, &queues.sweep_url).await;
    assert!((1..=2).contains(&armed), "one message, or one each if a period has ended between them: {armed}");
    // Its worker is never heard of again.
    until("the run is QUEUED again", async || is(&db, &run, "status = 'QUEUED' and lost = 1").await).await;
    let swept = host.logs("sweep").iter().filter(|line| line.contains(r#""swept""#)).count();
    assert!(swept >= 2, "the first one found the lease alive: {swept}");

    call(&format!("/api/runs/{run}/cancel"), json!({})).await;
    until("the queue is empty", async || held(&client, &queues.sweep_url).await == 0).await;
    stop.cancel();
    mapping.await.unwrap().unwrap();
}
