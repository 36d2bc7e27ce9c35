//! The event bus: a server that answers as EventBridge does.

use std::sync::{Arc, Mutex};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::config::Credentials;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Response};
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::support::{counts, deliverer, invoke, lived, pass, queued};
use crate::bus::{Bus, arn};

const ARN: &str = "arn:aws:events:eu-west-1:000000000001:event-bus/ours";

/// What the bus has taken, and what it answers.
#[derive(Debug, Default)]
struct EventBridge {
    requests: Vec<Value>,
    targets: Vec<String>,
    /// Entries of the next request that it does not take.
    refuses: usize,
    /// It refuses the next request as a whole.
    denies: bool,
}

type Shared = Arc<Mutex<EventBridge>>;

async fn answer(State(bridge): State<Shared>, headers: HeaderMap, body: Bytes) -> Response<String> {
    let mut bridge = bridge.lock().unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    bridge.targets.push(headers["x-amz-target"].to_str().unwrap().to_owned());
    if std::mem::take(&mut bridge.denies) {
        let error = json!({"__type": "AccessDeniedException", "message": "no"}).to_string();
        return Response::builder().status(400).body(error).unwrap();
    }
    let refuses = std::mem::take(&mut bridge.refuses);
    let count = body["Entries"].as_array().unwrap().len();
    let entries: Vec<_> = (0..count)
        .map(|index| {
            if index < refuses {
                json!({"ErrorCode": "ThrottlingException", "ErrorMessage": "slower"})
            } else {
                json!({"EventId": index.to_string()})
            }
        })
        .collect();
    bridge.requests.push(body);
    let answer = json!({"FailedEntryCount": refuses, "Entries": entries}).to_string();
    Response::builder().header("content-type", "application/x-amz-json-1.1").body(answer).unwrap()
}

/// A deliverer with a bus.
async fn with_bus(options: PgConnectOptions) -> (crate::Deliverer, Shared) {
    let bridge = Shared::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(Arc::clone(&bridge));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .endpoint_url(url)
        .credentials_provider(Credentials::new("id", "key", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .load()
        .await;
    let (mut deliverer, _) = deliverer(options).await;
    deliverer.bus = Some(Bus::by(Client::new(&config), ARN.to_owned()));
    // From the first invocation on there is a bus to note events for.
    assert_eq!(invoke(&deliverer).await, counts(0, 0));
    (deliverer, bridge)
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_bus_is_told_ten_events_at_a_time(_pool: PgPoolOptions, options: PgConnectOptions) {
    let (deliverer, bridge) = with_bus(options).await;
    for _ in 0..23 {
        queued(&deliverer.app).await;
    }
    assert_eq!(invoke(&deliverer).await, counts(23, 0));
    let bridge = bridge.lock().unwrap();
    let mut sizes: Vec<_> =
        bridge.requests.iter().map(|request| request["Entries"].as_array().unwrap().len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [3, 10, 10]);
    assert_eq!(bridge.targets[0], "AWSEvents.PutEvents");
    let entry = &bridge.requests[0]["Entries"][0];
    assert_eq!(
        (&entry["EventBusName"], &entry["Source"], &entry["DetailType"]),
        (&json!(ARN), &json!("runplane"), &json!("run.queued"))
    );
    let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
    assert_eq!((&detail["type"], &detail["data"]["status"]), (&json!("run.queued"), &json!("QUEUED")));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_the_bus_does_not_take_is_sent_again_and_what_it_took_is_not(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let (deliverer, bridge) = with_bus(options).await;
    for _ in 0..5 {
        queued(&deliverer.app).await;
    }
    bridge.lock().unwrap().refuses = 2;
    assert_eq!(invoke(&deliverer).await, counts(3, 2));
    pass(&deliverer.app, "10 s").await;
    assert_eq!(invoke(&deliverer).await, counts(2, 0));
    bridge.lock().unwrap().denies = true;
    lived(&deliverer.app).await;
    assert_eq!(invoke(&deliverer).await, counts(0, 1));
    pass(&deliverer.app, "10 s").await;
    // One after the other.
    assert_eq!(invoke(&deliverer).await, counts(2, 0));
    let bridge = bridge.lock().unwrap();
    let types: Vec<_> = bridge.requests.iter().map(|request| &request["Entries"][0]["DetailType"]).collect();
    assert_eq!(types[2..], ["run.queued", "run.cancelled"]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn without_a_bus_nothing_is_noted_for_one(_pool: PgPoolOptions, options: PgConnectOptions) {
    let (mut deliverer, bridge) = with_bus(options).await;
    queued(&deliverer.app).await;
    deliverer.bus = None;
    let delivered = invoke(&deliverer).await;
    assert_eq!((delivered.delivered, delivered.deleted), (0, 1));
    queued(&deliverer.app).await;
    assert_eq!(invoke(&deliverer).await, counts(0, 0));
    assert!(bridge.lock().unwrap().requests.is_empty());
}

#[tokio::test]
async fn it_reads_the_settings_that_the_table_lists() {
    runplane::testing::check_settings(crate::FUNCTION, crate::Deliverer::from_settings).await;
}

#[test]
fn a_bus_is_named_by_its_arn() {
    assert_eq!(arn(ARN).as_deref(), Some(ARN));
    for wrong in [
        "ours",
        "arn:aws:events:eu-west-1:000000000001:rule/ours",
        "arn:aws:sqs:eu-west-1:000000000001:event-bus/x",
    ] {
        assert_eq!(arn(wrong), None, "{wrong}");
    }
}
