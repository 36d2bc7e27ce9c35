//! Calls of Lambda and messages to SQS, and what is made of each answer that AWS may give: from a server that answers as AWS does.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod manager;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::Credentials;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use runplane::catalog::{LambdaConfig, SqsConfig};
use runplane::reach::lambda::Lambda;
use runplane::reach::secrets::Secrets;
use runplane::reach::sqs::Sqs;
use runplane::reach::{Along, Destination, LambdaDestination, Reach, ReachFailure, SqsDestination};
use runplane::traces::Traceparent;
use serde_json::{Map, Value, json};

const SOON: Duration = Duration::from_secs(5);
const KEY: &str = "run/step/3";
const ALONG: Along<'static> = Along { idempotency_key: KEY, traceparent: None };

/// What the server answers, and what it was asked.
#[derive(Debug, Default)]
struct Answers {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: String,
    /// It takes the request and never answers.
    silent: bool,
    asked: Vec<(String, HeaderMap, Value)>,
}

type Shared = Arc<Mutex<Answers>>;

async fn answer(
    State(answers): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<String> {
    let (response, silent) = {
        let mut answers = answers.lock().unwrap();
        answers.asked.push((
            format!("{method} {uri}"),
            headers,
            serde_json::from_slice(&body).unwrap_or_default(),
        ));
        let mut response = Response::builder().status(StatusCode::from_u16(answers.status).unwrap());
        for (name, value) in &answers.headers {
            response = response.header(*name, *value);
        }
        (response.body(answers.body.clone()).unwrap(), answers.silent)
    };
    if silent {
        std::future::pending::<()>().await;
    }
    response
}

/// A server that answers so, and a configuration that leads to it.
async fn server(answers: Answers) -> (Shared, SdkConfig) {
    let answers = Arc::new(Mutex::new(answers));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(Arc::clone(&answers));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (answers, config(&url).await)
}

async fn config(url: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .endpoint_url(url)
        .credentials_provider(Credentials::new("id", "key", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .load()
        .await
}

fn map(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// With the key, and a trace.
fn traced(traceparent: &Traceparent) -> Along<'_> {
    Along { traceparent: Some(traceparent), ..ALONG }
}

fn traceparent() -> Traceparent {
    Traceparent::read("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap()
}

async fn invoke(config: &SdkConfig, with: Value, timeout: Duration) -> Result<Value, ReachFailure> {
    invoke_along(config, with, ALONG, timeout).await
}

async fn invoke_along(
    config: &SdkConfig,
    with: Value,
    along: Along<'_>,
    timeout: Duration,
) -> Result<Value, ReachFailure> {
    let destination = LambdaDestination { config: LambdaConfig { function: "rates:live".to_owned() } };
    Lambda::of(config).call(&map(with), &destination, along, timeout).await
}

async fn send(
    config: &SdkConfig,
    queue: &str,
    with: Value,
    timeout: Duration,
) -> Result<Value, ReachFailure> {
    send_along(config, queue, with, ALONG, timeout).await
}

async fn send_along(
    config: &SdkConfig,
    queue: &str,
    with: Value,
    along: Along<'_>,
    timeout: Duration,
) -> Result<Value, ReachFailure> {
    let queue_url = format!("http://127.0.0.1:1/000000000000/{queue}");
    let destination = SqsDestination { config: SqsConfig { queue_url } };
    Sqs::of(config).send(&map(with), &destination, along, timeout).await
}

#[tokio::test]
async fn a_function_is_called_with_its_payload_and_the_key() {
    let headers = vec![("x-amz-executed-version", "7")];
    let (answers, config) =
        server(Answers { status: 200, headers, body: r#"{"rate": 1.25}"#.to_owned(), ..Answers::default() })
            .await;
    let result = invoke(&config, json!({"payload": {"base": "EUR"}}), SOON).await;
    assert_eq!(result.unwrap(), json!({"payload": {"rate": 1.25}, "executed_version": "7"}));
    let (what, headers, body) = answers.lock().unwrap().asked.pop().unwrap();
    assert_eq!(what, "POST /2015-03-31/functions/rates%3Alive/invocations");
    assert_eq!(body, json!({"base": "EUR"}));
    let context = BASE64_STANDARD.decode(&headers["x-amz-client-context"]).unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&context).unwrap(),
        json!({"custom": {"idempotency_key": KEY}})
    );
    assert_eq!(headers["x-amz-invocation-type"], "RequestResponse");
}

#[tokio::test]
async fn an_event_is_not_waited_for() {
    let (answers, config) = server(Answers { status: 202, ..Answers::default() }).await;
    let result = invoke(&config, json!({"payload": 1, "invocation": "event"}), SOON).await;
    assert_eq!(result.unwrap(), json!({"payload": null, "executed_version": null}));
    assert_eq!(answers.lock().unwrap().asked[0].1["x-amz-invocation-type"], "Event");
}

#[tokio::test]
async fn each_refusal_of_lambda_has_its_name_and_passes_or_not() {
    for (status, code, error, passes) in [
        (429, "TooManyRequestsException", "throttled", true),
        (502, "EC2ThrottledException", "throttled", true),
        (500, "ServiceException", "service_error", true),
        (502, "ENILimitReachedException", "service_error", true),
        (404, "ResourceNotFoundException", "not_found", false),
        (403, "AccessDeniedException", "access_denied", false),
        (400, "InvalidRequestContentException", "refused", false),
        (413, "RequestTooLargeException", "refused", false),
    ] {
        let headers = vec![("x-amzn-errortype", code), ("retry-after", "3")];
        let body = r#"{"Message": "so it is", "Type": "User"}"#.to_owned();
        let (_, config) = server(Answers { status, headers, body, ..Answers::default() }).await;
        let failure = invoke(&config, json!({}), SOON).await.unwrap_err();
        assert_eq!((failure.error.as_str(), failure.passes), (error, passes), "{code}");
        assert!(failure.message.contains(code) && failure.message.contains("so it is"), "{failure}");
        let asked = failure.retry_after.map(|pause| pause.as_secs());
        assert_eq!(asked, passes.then_some(3), "{code}");
    }
}

#[tokio::test]
async fn a_function_that_fails_is_not_called_again_by_default() {
    let headers = vec![("x-amz-function-error", "Unhandled")];
    let body = r#"{"errorType": "KeyError", "errorMessage": "no base"}"#.to_owned();
    let (_, config) = server(Answers { status: 200, headers, body, ..Answers::default() }).await;
    let failure = invoke(&config, json!({}), SOON).await.unwrap_err();
    assert_eq!((failure.error.as_str(), failure.passes), ("function_failed", false));
    assert!(failure.message.ends_with("KeyError: no base"), "{failure}");
}

#[tokio::test]
async fn what_is_no_json_and_what_is_too_large_has_a_name() {
    let (answers, config) =
        server(Answers { status: 200, body: "<html>".to_owned(), ..Answers::default() }).await;
    let failure = invoke(&config, json!({}), SOON).await.unwrap_err();
    assert_eq!((failure.error.as_str(), failure.passes), ("invalid_payload", false));
    answers.lock().unwrap().asked.clear();
    let large = "x".repeat(1024 * 1024);
    let failure = invoke(&config, json!({"payload": large, "invocation": "event"}), SOON).await.unwrap_err();
    assert_eq!(failure.error, "payload_too_large");
    assert!(answers.lock().unwrap().asked.is_empty(), "it was not sent");
}

#[tokio::test]
async fn silence_and_a_closed_door_may_pass() {
    let (_, config_of_silent) = server(Answers { status: 200, silent: true, ..Answers::default() }).await;
    let short = Duration::from_millis(100);
    let closed = config("http://127.0.0.1:1").await;
    for (config, timeout, error) in [(&config_of_silent, short, "timeout"), (&closed, SOON, "connect")] {
        let called = invoke(config, json!({}), timeout).await.unwrap_err();
        let sent = send(config, "q", json!({"body": "x"}), timeout).await.unwrap_err();
        for failure in [called, sent] {
            assert_eq!((failure.error.as_str(), failure.passes), (error, true), "{failure}");
        }
    }
}

/// As SQS answers to a message whose body and attribute have these digests: the client checks them.
fn accepted() -> Answers {
    let body =
        json!({"MessageId": "m-1", "MD5OfMessageBody": "5d41402abc4b2a76b9719d911017c592"}).to_string();
    Answers { status: 200, body, ..Answers::default() }
}

#[tokio::test]
async fn a_message_carries_the_key_and_in_a_fifo_queue_is_known_by_it() {
    let (answers, config) = server(accepted()).await;
    let result = send(&config, "q", json!({"body": "hello", "delay_seconds": 5}), SOON).await;
    assert_eq!(result.unwrap(), json!({"message_id": "m-1"}));
    send(&config, "q.fifo", json!({"body": "hello"}), SOON).await.unwrap();
    let asked = std::mem::take(&mut answers.lock().unwrap().asked);
    let [plain, fifo] = [&asked[0].2, &asked[1].2];
    assert_eq!(plain["MessageBody"], "hello");
    assert_eq!(plain["QueueUrl"], "http://127.0.0.1:1/000000000000/q", "named, not gone to");
    assert_eq!(plain["DelaySeconds"], 5);
    assert_eq!(plain["MessageAttributes"]["Idempotency-Key"]["StringValue"], KEY);
    assert_eq!((&plain["MessageGroupId"], &plain["MessageDeduplicationId"]), (&Value::Null, &Value::Null));
    assert_eq!((&fifo["MessageGroupId"], &fifo["MessageDeduplicationId"]), (&json!("run"), &json!(KEY)));
}

#[tokio::test]
async fn each_refusal_of_sqs_has_its_name_and_passes_or_not() {
    for (status, code, error, passes) in [
        (400, "com.amazonaws.sqs#RequestThrottled", "throttled", true),
        (400, "com.amazon.coral.availability#ThrottlingException", "throttled", true),
        (503, "ServiceUnavailable", "service_error", true),
        (500, "InternalFailure", "service_error", true),
        (400, "com.amazonaws.sqs#QueueDoesNotExist", "not_found", false),
        (403, "AccessDeniedException", "access_denied", false),
        (400, "com.amazonaws.sqs#InvalidMessageContents", "refused", false),
    ] {
        let body = json!({"__type": code, "message": "so it is"}).to_string();
        let (_, config) = server(Answers { status, body, ..Answers::default() }).await;
        let failure = send(&config, "q", json!({"body": "hello"}), SOON).await.unwrap_err();
        assert_eq!((failure.error.as_str(), failure.passes), (error, passes), "{code}: {failure}");
    }
}

#[tokio::test]
async fn a_trace_goes_along_with_calls_and_messages() {
    let (traceparent, text) = (traceparent(), traceparent().to_string());
    let (answers, config) = server(Answers { status: 200, body: "1".to_owned(), ..Answers::default() }).await;
    invoke_along(&config, json!({"payload": 1}), traced(&traceparent), SOON).await.unwrap();
    let (_, headers, _) = answers.lock().unwrap().asked.pop().unwrap();
    let context = BASE64_STANDARD.decode(&headers["x-amz-client-context"]).unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&context).unwrap(),
        json!({"custom": {"idempotency_key": KEY, "traceparent": text}})
    );
    let (answers, config) = server(accepted()).await;
    send_along(&config, "q", json!({"body": "hello"}), traced(&traceparent), SOON).await.unwrap();
    send(&config, "q", json!({"body": "hello"}), SOON).await.unwrap();
    let asked = std::mem::take(&mut answers.lock().unwrap().asked);
    let attributes = [&asked[0].2["MessageAttributes"], &asked[1].2["MessageAttributes"]];
    assert_eq!(attributes[0]["traceparent"], json!({"DataType": "String", "StringValue": text}));
    assert_eq!(attributes[0]["Idempotency-Key"]["StringValue"], KEY);
    assert!(attributes[1].get("traceparent").is_none());
}

/// Where the client of a process's own environment leads, which is a process's: the test begins another.
const GIVEN: &str = "RUNPLANE_TEST_ALONG";

/// As a step does it, by its connection.
#[tokio::test]
async fn a_trace_goes_along_by_way_of_a_connection() {
    let (traceparent, text) = (traceparent(), traceparent().to_string());
    if std::env::var_os(GIVEN).is_some() {
        let reach = Reach::new(Secrets::of_variables(|_| None), runplane::aws::of_function);
        let queue_url = "https://sqs.eu-west-1.amazonaws.com/000000000000/q".to_owned();
        let sqs = Destination::Sqs(SqsDestination { config: SqsConfig { queue_url } });
        reach.call(&map(json!({"body": "hello"})), &sqs, traced(&traceparent), SOON).await.unwrap();
        let function = "rates".to_owned();
        let lambda = Destination::Lambda(LambdaDestination { config: LambdaConfig { function } });
        reach.call(&map(json!({"payload": 1})), &lambda, traced(&traceparent), SOON).await.unwrap();
        return;
    }
    let (answers, config) = server(accepted()).await;
    let name = "a_trace_goes_along_by_way_of_a_connection";
    let mut test = tokio::process::Command::new(std::env::current_exe().unwrap());
    test.args(["--exact", name]).env(GIVEN, "1").env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    for service in ["AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_LAMBDA"] {
        test.env(service, config.endpoint_url().unwrap());
    }
    test.env("AWS_REGION", "eu-west-1").env("AWS_ACCESS_KEY_ID", "id").env("AWS_SECRET_ACCESS_KEY", "key");
    let output = test.stdin(std::process::Stdio::null()).output().await.unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
    let asked = std::mem::take(&mut answers.lock().unwrap().asked);
    assert_eq!(asked[0].2["MessageAttributes"]["traceparent"]["StringValue"], text);
    let context = BASE64_STANDARD.decode(&asked[1].1["x-amz-client-context"]).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&context).unwrap()["custom"]["traceparent"], text);
}
