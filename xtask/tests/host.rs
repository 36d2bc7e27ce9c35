//! The Runtime-API host, with a function made for it: `examples/double.rs`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::StatusCode;
use serde_json::{Value, json};
use xtask::host::{Builder, Failure, Host};
use xtask::routes::Routes;

const ROUTES: &str = r#"
    [workspace.metadata.lambda.watch.router]
    "/runs" = [{ method = "POST", function = "double" }]
    "/runs/claim" = [{ method = "POST", function = "double" }]
    "/runs/{run_id}" = [{ method = "POST", function = "double" }]
    "/nobody" = "missing"
"#;

/// The folder of the examples, which `cargo test` and `cargo nextest` build along with a package's tests.
fn examples() -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    let folder = deps.ancestors().nth(2).unwrap().join("examples");
    assert!(folder.join("double").is_file(), "build it first: cargo build -p xtask --examples");
    folder
}

fn builder(environments: usize) -> Builder {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    Host::builder(root)
        .binaries(examples())
        .routes_of(Routes::parse(ROUTES).unwrap())
        .function("double", environments)
}

async fn host(environments: usize) -> Host {
    builder(environments).start().await.unwrap()
}

async fn post(host: &Host, path: &str, what: &str) -> (StatusCode, Value) {
    let request = reqwest::Client::new().post(format!("{}{path}", host.base_url));
    let response = request.header("x-do", what).send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

/// Polls until the condition holds; ten seconds are for slow machines.
async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(tokio::time::Instant::now() < deadline, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether a process runs; one that ended and waits for its parent to notice does not.
fn alive(pid: u32) -> bool {
    let ps = std::process::Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap();
    let stat = String::from_utf8_lossy(&ps.stdout).trim().to_owned();
    !stat.is_empty() && !stat.starts_with('Z')
}

#[tokio::test]
async fn a_function_answers_and_learns_its_deadline_and_its_environment() {
    let host =
        builder(1).env("GIVEN", "yes").timeout("double", Duration::from_secs(60)).start().await.unwrap();
    assert_eq!(host.invoke("double", &json!({ "a": 1 })).await, Ok(json!({ "a": 1 })));

    let told = host.invoke("double", &json!({ "do": "describe" })).await.unwrap();
    assert_eq!(told["pid"], host.pids("double")[0]);
    assert_eq!(told["function"], "double");
    assert_eq!(told["given"], "yes");
    assert_eq!(
        told["inherited"],
        Value::Null,
        "cargo sets it for this test, and the function must not see it"
    );
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let left = told["deadline_ms"].as_u64().unwrap() - now;
    assert!((50_000..=60_000).contains(&left), "{left} ms left of 60 s");
}

#[tokio::test]
async fn an_environment_killed_in_a_call_fails_the_call_and_serves_the_next() {
    let host = host(1).await;
    let before = host.pids("double");
    let hang = json!({ "do": "hang" });
    let (killed, failed) = tokio::join!(
        async {
            eventually("the call begins", || host.logs("double").contains(&"hangs".into())).await;
            host.kill_environment("double").await
        },
        host.invoke("double", &hang),
    );
    assert_eq!(killed, before.first().copied());
    assert!(matches!(failed, Err(Failure::Exited(_))), "{failed:?}");
    assert_eq!(host.invoke("double", &json!(2)).await, Ok(json!(2)));
    assert_ne!(host.pids("double"), before);
}

#[tokio::test]
async fn an_environment_can_be_killed_by_the_name_of_its_log_stream() {
    let host = host(3).await;
    let told = host.invoke("double", &json!({ "do": "describe" })).await.unwrap();
    let log_stream = told["log_stream"].as_str().unwrap();
    let killed = host.kill_log_stream("double", log_stream).await;
    assert_eq!(killed.map(Value::from).as_ref(), Some(&told["pid"]));
    assert_eq!(host.kill_log_stream("double", log_stream).await, None, "its successor has another one");
    assert_eq!(host.kill_log_stream("nobody", log_stream).await, None);
}

#[tokio::test]
async fn environments_killed_between_two_calls_are_not_noticed() {
    let host = host(2).await;
    for n in 0..10 {
        assert!(host.kill_environment("double").await.is_some());
        assert_eq!(host.invoke("double", &json!(n)).await, Ok(json!(n)));
    }
}

#[tokio::test]
async fn a_call_beyond_its_deadline_fails_and_its_environment_is_replaced() {
    let host = builder(1).timeout("double", Duration::from_millis(300)).start().await.unwrap();
    let first = host.invoke("double", &json!({ "do": "describe" })).await.unwrap();
    assert_eq!(host.invoke("double", &json!({ "do": "hang" })).await, Err(Failure::TimedOut(300)));
    let second = host.invoke("double", &json!({ "do": "describe" })).await.unwrap();
    assert_ne!(first["pid"], second["pid"]);
    assert!(!alive(first["pid"].as_u64().unwrap() as u32));

    let (status, body) = post(&host, "/runs", "hang").await;
    assert_eq!((status.as_u16(), body), (503, json!({ "message": "Service Unavailable" })));
}

#[tokio::test]
async fn the_invoke_api_tells_answers_from_errors() {
    let host = host(1).await;
    let url = format!("{}/2015-03-31/functions/double/invocations", host.base_url);
    let mut seen = Vec::new();
    for what in ["echo", "fail", "die"] {
        let response = reqwest::Client::new().post(&url).json(&json!({ "do": what })).send().await.unwrap();
        let error = response.headers().get("x-amz-function-error").map(|v| v.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        let body: Value = response.json().await.unwrap();
        seen.push((status, error, body["errorMessage"].as_str().unwrap_or("none").to_owned()));
    }
    let unhandled = Some("Unhandled".to_owned());
    assert_eq!(seen[0], (200, None, "none".into()));
    assert_eq!(seen[1], (200, unhandled.clone(), "it failed".into()));
    assert_eq!((seen[2].0, &seen[2].1), (200, &unhandled));
    assert!(seen[2].2.contains("exit status: 7"), "{}", seen[2].2);

    let url = url.replace("double", "nobody");
    assert_eq!(reqwest::Client::new().post(&url).send().await.unwrap().status(), 404);
    let failed = host.invoke("nobody", &json!({})).await;
    assert_eq!(failed, Err(Failure::UnknownFunction("nobody".into())));
}

#[tokio::test]
async fn a_request_reaches_the_function_of_its_route_as_an_event() {
    let host = host(1).await;
    let (status, event) = post(&host, "/runs/a%20b?x=1", "").await;
    assert_eq!(status.as_u16(), 299);
    assert_eq!(event["routeKey"], "POST /runs/{run_id}");
    assert_eq!(event["pathParameters"], json!({ "run_id": "a b" }));
    assert_eq!(event["queryStringParameters"], json!({ "x": "1" }));

    let (_, event) = post(&host, "/runs/claim", "").await;
    assert_eq!(event["routeKey"], "POST /runs/claim");
    assert_eq!(event["pathParameters"], Value::Null);
}

#[tokio::test]
async fn api_gateway_answers_what_no_function_can() {
    let host = host(1).await;
    let not_found = json!({ "message": "Not Found" });
    let internal = json!({ "message": "Internal Server Error" });
    for (path, what, status, body) in [
        ("/other", "", 404, &not_found),
        ("/runs/", "", 404, &not_found),
        ("/nobody", "", 500, &internal),
        ("/runs", "fail", 500, &internal),
        ("/runs", "die", 500, &internal),
        ("/runs", "no status", 500, &internal),
    ] {
        let answer = post(&host, path, what).await;
        assert_eq!((answer.0.as_u16(), &answer.1), (status, body), "{path} {what}");
    }
    let get = reqwest::get(format!("{}/runs", host.base_url)).await.unwrap();
    assert_eq!(get.status(), 404, "no GET on this path");
}

#[tokio::test]
async fn bodies_of_any_bytes_and_of_some_megabytes_arrive() {
    let host = host(1).await;
    let url = format!("{}/runs", host.base_url);
    let send = |body: Vec<u8>| {
        let request = reqwest::Client::new().post(&url).header("content-type", "application/json").body(body);
        async move { request.send().await.unwrap() }
    };
    let event: Value = send(vec![0xff, 0]).await.json().await.unwrap();
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("/wA="), &json!(true)));

    let event: Value = send(vec![b'1'; 2 << 20]).await.json().await.unwrap();
    assert_eq!(event["body"].as_str().unwrap().len(), 2 << 20);

    assert_eq!(send(vec![b'1'; 11 << 20]).await.status(), 413);
}

#[tokio::test]
async fn calls_stand_in_line_and_environments_work_side_by_side() {
    let host = host(2).await;
    let url = format!("{}/2015-03-31/functions/double/invocations", host.base_url);
    let calls = (0..40).map(|n| {
        let request = reqwest::Client::new().post(&url).json(&json!({ "do": "describe", "n": n }));
        tokio::spawn(
            async move { request.send().await.unwrap().json::<Value>().await.unwrap()["pid"].clone() },
        )
    });
    let mut pids = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        pids.push(call.await.unwrap().as_u64().unwrap() as u32);
    }
    assert_eq!(pids.len(), 40);
    pids.sort_unstable();
    pids.dedup();
    let mut running = host.pids("double");
    running.sort_unstable();
    assert_eq!(pids, running);
}

#[tokio::test]
async fn a_function_that_dies_at_init_is_reported_and_not_hung_upon() {
    let host = builder(1).env("DOUBLE_DIES_AT_INIT", "1").start().await.unwrap();
    let failed = host.invoke("double", &json!({})).await;
    assert!(matches!(&failed, Err(Failure::Init(reason)) if reason.contains("exit status: 3")), "{failed:?}");
    assert!(host.logs("double").contains(&"dies at init".into()));
    assert_eq!(post(&host, "/runs", "").await.0.as_u16(), 500);
}

#[tokio::test]
async fn a_missing_binary_is_a_sentence_and_not_a_hang() {
    let error = builder(1).function("absent", 1).start().await.unwrap_err().to_string();
    assert!(error.contains("absent is missing: build it first"), "{error}");
}

#[tokio::test]
async fn dropping_or_shutting_down_leaves_no_process_behind() {
    let dropped = host(3).await;
    let stopped = host(3).await;
    for host in [&dropped, &stopped] {
        host.invoke("double", &json!({})).await.unwrap();
        eventually("all of them run", || host.pids("double").len() == 3).await;
    }
    let (of_dropped, of_stopped) = (dropped.pids("double"), stopped.pids("double"));
    stopped.shutdown().await;
    drop(dropped);
    eventually("all are gone", || !of_dropped.iter().chain(&of_stopped).any(|pid| alive(*pid))).await;
}
