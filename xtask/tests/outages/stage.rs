//! A Postgres and the functions, and one call of each.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use xtask::host::{Builder, Host};
use xtask::paths::Dirs;
use xtask::{database, postgres};

const TENANT: &str = "580115b4-a291-4917-8dbd-247cfa13e2d6";
const VERSION: &str = "b31dbeba-3a2e-4fa9-a084-72c75f9f18a3";
/// A run that worker-1 holds, in the demo data.
const HELD: &str = "0199e0c0-0000-7000-8000-0000000000bb";
/// A run of another tenant that waits, in the demo data.
const WAITING: &str = "0199e0c0-0000-7000-8000-0000000000aa";
/// A run that failed, in the demo data.
const FAILED: &str = "0199e0c0-0000-7000-8000-0000000000cc";

/// Within this time a caller has an answer, whatever Postgres does.
const ANSWER_LIMIT: Duration = Duration::from_secs(6);

/// The functions of the HTTP API that need Postgres.
pub const FUNCTIONS: [&str; 9] =
    ["create", "claim", "heartbeat", "complete", "get", "list", "cancel", "retry", "release"];
/// Those whose [`call`]s succeed, in this order; then `release` finds that its run is over.
pub const AT_FIRST: [&str; 8] =
    ["create", "claim", "heartbeat", "complete", "get", "list", "cancel", "retry"];
/// Those whose [`call`]s succeed again and again; then `heartbeat` finds that its run is over too.
pub const AGAIN: [&str; 7] = ["create", "claim", "complete", "get", "list", "cancel", "retry"];

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A Postgres with tables and demo data; `name` is the test's own.
pub async fn postgres(name: &str) -> postgres::Server {
    let dirs = Dirs::new(root());
    let options = postgres::Options {
        name: format!("test-outages-{name}"),
        port: None,
        throw_away: true,
        folder: None,
        // The tests kill it and expect their rows back, which does not take a disk that survives a power cut.
        settings: vec![("fsync".to_owned(), "off".to_owned())],
    };
    let server = postgres::Server::start(&dirs, options).await.unwrap();
    database::migrate(&dirs, &server.database_url).await.unwrap();
    database::load_demo(&dirs, &server.database_url).await.unwrap();
    server
}

/// Every function, one environment each, without `DATABASE_URL`; SQS is nowhere. Nobody is asked for a key: looking one up is what a call would do first
/// on a database that is away.
pub fn functions() -> Builder {
    let builder = FUNCTIONS.iter().fold(Host::builder(root()), |builder, name| builder.function(name, 1));
    builder
        .env("AUTH", "off")
        .env("RUNS_QUEUE_URL", "http://127.0.0.1:1/000000000000/runs")
        .env("SWEEP_QUEUE_URL", "http://127.0.0.1:1/000000000000/sweep.fifo")
        .env("DELIVER_QUEUE_URL", "http://127.0.0.1:1/000000000000/deliver.fifo")
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
}

/// The functions with a database.
pub async fn host(database_url: &str) -> Host {
    functions().env("DATABASE_URL", database_url).start().await.unwrap()
}

/// The process ids of all functions.
pub fn pids(host: &Host) -> Vec<u32> {
    FUNCTIONS.iter().flat_map(|name| host.pids(name)).collect()
}

/// A call of a function, which is answered with 200 or 201 while Postgres is there and the run of the call not over.
pub fn call(host: &Host, function: &str) -> RequestBuilder {
    let run = format!("/api/runs/{HELD}");
    let (method, path, body) = match function {
        "create" => (Method::POST, "/api/runs".to_owned(), create_body("pull")),
        "claim" => {
            (Method::POST, "/api/runs/claim".to_owned(), json!({ "worker_id": "w", "tenant_id": TENANT }))
        }
        "heartbeat" => (Method::POST, format!("{run}/heartbeat"), json!({})),
        "get" => (Method::GET, run, Value::Null),
        "list" => (Method::GET, "/api/runs".to_owned(), Value::Null),
        // The same outcome again is 200.
        "complete" => {
            (Method::POST, format!("{run}/complete"), json!({ "status": "SUCCEEDED", "lease_token": TOKEN }))
        }
        "release" => (Method::POST, format!("{run}/release"), json!({ "lease_token": TOKEN })),
        "cancel" => (Method::POST, format!("/api/runs/{WAITING}/cancel"), json!({})),
        "retry" => (Method::POST, format!("/api/runs/{FAILED}/retry"), json!({})),
        other => panic!("no call of {other}"),
    };
    let request = reqwest::Client::new().request(method, format!("{}{path}", host.base_url));
    if body.is_null() { request } else { request.json(&body) }
}

const TOKEN: &str = "0199e0c0-0000-4000-8000-0000000000bb";

/// What creates a run of the demo version.
pub fn create_body(dispatch: &str) -> Value {
    json!({ "tenant_id": TENANT, "pipeline_version_id": VERSION, "dispatch": dispatch })
}

/// Sends a call and asserts that it succeeds. Heartbeats go first: the run is over after `complete`.
pub async fn assert_works(host: &Host, functions: &[&str]) {
    for function in functions {
        let response = call(host, function).send().await.unwrap();
        let status = response.status();
        let body = response.text().await.unwrap();
        assert!(status.is_success(), "{function}: {status} {body}\n{}", host.logs(function).join("\n"));
    }
}

/// Sends a call of each function, all at once, and asserts that it is answered in time by the problem `unavailable`.
pub async fn assert_unavailable(host: &Host) {
    for (function, problem) in FUNCTIONS.iter().zip(problems_in_time(host).await) {
        assert_eq!((problem.status, problem.code.as_str()), (503, "unavailable"), "{function}");
        let retry_after = problem.headers["retry-after"].to_str().unwrap().parse::<u32>();
        assert!(retry_after.is_ok_and(|seconds| seconds > 0), "{function}: {:?}", problem.headers);
    }
}

/// A problem that a function answered with.
pub struct Problem {
    pub status: u16,
    pub code: String,
    pub headers: http::HeaderMap,
}

/// Sends a call of each function, all at once, and asserts that problems come in time; in the order of [`FUNCTIONS`].
pub async fn problems_in_time(host: &Host) -> [Problem; 9] {
    let [a, b, c, d, e, f, g, h, i] = FUNCTIONS.map(|function| problem_in_time(host, function));
    tokio::join!(a, b, c, d, e, f, g, h, i).into()
}

async fn problem_in_time(host: &Host, function: &str) -> Problem {
    let since = Instant::now();
    let response = call(host, function).send().await.unwrap();
    assert!(since.elapsed() < ANSWER_LIMIT, "{function} took {:?}", since.elapsed());
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    assert_eq!(headers["content-type"], "application/problem+json", "{function}: {status} {text}");
    let problem: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(problem["status"], status, "{function}: {text}");
    assert!(!text.contains("postgres"), "{function} tells a cause: {text}");
    Problem { status, code: problem["code"].as_str().unwrap().to_owned(), headers }
}
