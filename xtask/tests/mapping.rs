//! The event source mapping between a real SQS and a function that these tests play.
//!
//! SQS is the one that `AWS_ENDPOINT_URL` names (`cargo xtask test` sets it), or one of the test's own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName::{RedrivePolicy, VisibilityTimeout};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use xtask::mapping::{self, Mapping};
use xtask::paths::Dirs;
use xtask::{ports, queues, sqs};

struct Sqs {
    endpoint_url: String,
    client: Client,
    _own: Option<sqs::Server>,
}

async fn own_sqs(name: &str, port: Option<u16>) -> sqs::Server {
    let dirs = Dirs::new(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap());
    let name = format!("test-mapping-{name}");
    sqs::Server::start(&dirs, sqs::Options { name, port }).await.unwrap()
}

async fn sqs(name: &str) -> Sqs {
    let (endpoint_url, own) = match std::env::var("AWS_ENDPOINT_URL") {
        Ok(url) => (url, None),
        Err(_) => {
            let own = own_sqs(name, None).await;
            (own.endpoint_url.clone(), Some(own))
        }
    };
    Sqs { client: queues::client(&endpoint_url).await, endpoint_url, _own: own }
}

/// A queue of the test's own, whose messages go to a dead-letter queue after three receives. Returns both URLs.
async fn queue(client: &Client, endpoint_url: &str, visibility_seconds: u32) -> (String, String) {
    let name = uuid::Uuid::new_v4().to_string();
    let dlq = format!("{name}-dlq");
    client.create_queue().queue_name(&dlq).send().await.unwrap();
    let target = format!("arn:aws:sqs:us-east-1:000000000000:{dlq}");
    let redrive = json!({ "deadLetterTargetArn": target, "maxReceiveCount": 3 }).to_string();
    let create = client.create_queue().queue_name(&name).attributes(RedrivePolicy, redrive);
    create.attributes(VisibilityTimeout, visibility_seconds.to_string()).send().await.unwrap();
    let url = |name| format!("{endpoint_url}/000000000000/{name}");
    (url(&name), url(&dlq))
}

async fn send(client: &Client, queue_url: &str, body: &str) {
    let message = client.send_message().queue_url(queue_url).message_body(body);
    message.message_group_id("tenant-1").send().await.unwrap();
}

/// A function: answers each record's body by `answer`, and remembers the records it got.
#[derive(Clone)]
struct Stub {
    answer: fn(usize, &[Value]) -> Response,
    seen: Arc<Mutex<Vec<Vec<Value>>>>,
}

impl Stub {
    fn new(answer: fn(usize, &[Value]) -> Response) -> Self {
        Self { answer, seen: Arc::default() }
    }

    async fn listen(&self, port: u16) -> String {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let path = "/2015-03-31/functions/worker/invocations";
        let router = Router::new().route(path, post(Self::invoked)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        url
    }

    async fn invoked(State(stub): State<Self>, Json(event): Json<Value>) -> Response {
        let records = event["Records"].as_array().unwrap().clone();
        let mut seen = stub.seen.lock().unwrap();
        seen.push(records.clone());
        (stub.answer)(seen.len(), &records)
    }

    fn records(&self) -> Vec<Value> {
        self.seen.lock().unwrap().concat()
    }

    /// How often each body arrived.
    fn bodies(&self) -> HashMap<String, usize> {
        let mut bodies = HashMap::new();
        for record in self.records() {
            *bodies.entry(record["body"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        bodies
    }
}

fn success(_: usize, _: &[Value]) -> Response {
    Json(json!({ "batchItemFailures": [] })).into_response()
}

/// Connects until dropped.
struct Running(CancellationToken);

impl Running {
    fn start(endpoint_url: &str, queue_url: &str, invoke_url: &str) -> Self {
        let stop = CancellationToken::new();
        let mapping = Mapping {
            endpoint_url: endpoint_url.to_owned(),
            queue_url: queue_url.to_owned(),
            invoke_url: invoke_url.to_owned(),
            function: "worker".to_owned(),
        };
        tokio::spawn(mapping::run(mapping, stop.clone()));
        Self(stop)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Polls until the condition holds; a minute is for slow machines.
async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition().await {
        assert!(Instant::now() < deadline, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn is_empty(client: &Client, queue_url: &str) -> bool {
    queues::depth(client, queue_url).await.unwrap() == (0, 0)
}

#[tokio::test]
async fn a_batch_arrives_as_aws_sends_it_and_is_deleted_when_it_succeeds() {
    let sqs = sqs("success").await;
    let (queue_url, _) = queue(&sqs.client, &sqs.endpoint_url, 60).await;
    for n in 0..12 {
        send(&sqs.client, &queue_url, &format!("body {n}")).await;
    }
    let stub = Stub::new(success);
    let _running = Running::start(&sqs.endpoint_url, &queue_url, &stub.listen(0).await);

    eventually("all arrive", async || stub.records().len() >= 12).await;
    eventually("all are deleted", async || is_empty(&sqs.client, &queue_url).await).await;
    assert_eq!(stub.bodies().len(), 12, "each once: {:?}", stub.bodies());
    assert_eq!(stub.records().len(), 12);
    assert!(stub.seen.lock().unwrap().iter().all(|batch| batch.len() <= 10));

    let record = &stub.records()[0];
    for field in ["messageId", "receiptHandle", "body", "md5OfBody"] {
        assert!(record[field].as_str().is_some_and(|v| !v.is_empty()), "{field} in {record}");
    }
    assert_eq!(record["eventSource"], "aws:sqs");
    assert_eq!(record["awsRegion"], "us-east-1");
    let name = queue_url.rsplit('/').next().unwrap();
    assert_eq!(record["eventSourceARN"], format!("arn:aws:sqs:us-east-1:000000000000:{name}"));
    let attributes = &record["attributes"];
    assert_eq!(attributes["ApproximateReceiveCount"], "1");
    assert_eq!(attributes["MessageGroupId"], "tenant-1");
    for field in ["SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"] {
        assert!(attributes[field].is_string(), "{field} in {attributes}");
    }
}

#[tokio::test]
async fn only_what_failed_comes_again_and_ends_in_the_dead_letter_queue() {
    let sqs = sqs("poison").await;
    let (queue_url, dlq_url) = queue(&sqs.client, &sqs.endpoint_url, 1).await;
    for body in ["good", "poison", "fine"] {
        send(&sqs.client, &queue_url, body).await;
    }
    let stub = Stub::new(|_, records| {
        let poison = records.iter().filter(|record| record["body"] == "poison");
        let failures: Vec<_> =
            poison.map(|record| json!({ "itemIdentifier": record["messageId"] })).collect();
        Json(json!({ "batchItemFailures": failures })).into_response()
    });
    let _running = Running::start(&sqs.endpoint_url, &queue_url, &stub.listen(0).await);

    eventually("the queue is empty", async || is_empty(&sqs.client, &queue_url).await).await;
    let dead = sqs.client.receive_message().queue_url(&dlq_url).wait_time_seconds(10).send().await.unwrap();
    assert_eq!(dead.messages().iter().map(|m| m.body().unwrap()).collect::<Vec<_>>(), ["poison"]);
    let expected = [("good", 1), ("poison", 3), ("fine", 1)].map(|(body, n)| (body.to_owned(), n));
    assert_eq!(stub.bodies(), HashMap::from(expected));
}

#[tokio::test]
async fn a_failed_invocation_keeps_the_whole_batch() {
    let sqs = sqs("failed").await;
    let (queue_url, dlq_url) = queue(&sqs.client, &sqs.endpoint_url, 1).await;
    send(&sqs.client, &queue_url, "body").await;
    let stub = Stub::new(|call, records| match call {
        1 => ([("x-amz-function-error", "Unhandled")], Json(json!({ "batchItemFailures": [] })))
            .into_response(),
        2 => Json(json!({ "batchItemFailures": [{ "itemIdentifier": "nobody's" }] })).into_response(),
        _ => success(call, records),
    });
    let _running = Running::start(&sqs.endpoint_url, &queue_url, &stub.listen(0).await);

    eventually("the third call succeeds", async || is_empty(&sqs.client, &queue_url).await).await;
    assert_eq!(stub.bodies(), HashMap::from([("body".to_owned(), 3)]));
    assert!(is_empty(&sqs.client, &dlq_url).await);
}

#[tokio::test]
async fn a_batch_waits_for_a_function_that_is_not_there_yet() {
    let sqs = sqs("waits").await;
    // Should the batch go back to the queue, it would not come again within this test.
    let (queue_url, _) = queue(&sqs.client, &sqs.endpoint_url, 600).await;
    send(&sqs.client, &queue_url, "body").await;
    let port = ports::any().unwrap();
    let _running = Running::start(&sqs.endpoint_url, &queue_url, &format!("http://127.0.0.1:{port}"));
    let received = async || queues::depth(&sqs.client, &queue_url).await.unwrap() == (0, 1);
    eventually("the message is received", received).await;

    let stub = Stub::new(success);
    stub.listen(port).await;
    eventually("it is delivered and deleted", async || is_empty(&sqs.client, &queue_url).await).await;
    assert_eq!(stub.records().len(), 1);
}

#[tokio::test]
async fn the_mapping_waits_for_an_sqs_that_is_not_there_yet() {
    let port = ports::any().unwrap();
    let endpoint_url = format!("http://127.0.0.1:{port}");
    let stub = Stub::new(success);
    let queue_url = format!("{endpoint_url}/000000000000/late");
    let _running = Running::start(&endpoint_url, &queue_url, &stub.listen(0).await);

    let _sqs = own_sqs("late", Some(port)).await;
    let client = queues::client(&endpoint_url).await;
    client.create_queue().queue_name("late").send().await.unwrap();
    send(&client, &queue_url, "body").await;
    eventually("the message arrives", async || stub.records().len() == 1).await;
}

#[tokio::test]
async fn a_url_that_names_no_queue_is_refused() {
    let mapping = Mapping {
        endpoint_url: "http://127.0.0.1:1".to_owned(),
        queue_url: "http://127.0.0.1:1".to_owned(),
        invoke_url: "http://127.0.0.1:1".to_owned(),
        function: "worker".to_owned(),
    };
    let error = mapping::run(mapping, CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains("is not the URL of a queue"), "{error}");
}
