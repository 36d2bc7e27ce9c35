//! The schedule on a real Runtime-API host, with a function made for it: `examples/double.rs`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use xtask::host::{Builder, Host};
use xtask::routes::Routes;
use xtask::schedule::{self, Schedule};

/// The folder of the examples, which `cargo test` and `cargo nextest` build along with a package's tests.
fn examples() -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    let folder = deps.ancestors().nth(2).unwrap().join("examples");
    assert!(folder.join("double").is_file(), "build it first: cargo build -p xtask --examples");
    folder
}

/// Environments of the function, which does `what` at each tick.
fn function(environments: usize, what: &str) -> Builder {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let routes = Routes::parse("[workspace.metadata.lambda.watch.router]").unwrap();
    Host::builder(root)
        .binaries(examples())
        .routes_of(routes)
        .env("DOUBLE_DOES", what)
        .function("double", environments)
}

/// Ticks a thousand times a second, which is far more often than a function can keep up with.
fn tick(invoke_url: &str, stop: &CancellationToken) -> JoinHandle<anyhow::Result<()>> {
    let schedule = Schedule {
        invoke_url: invoke_url.to_owned(),
        function: "double".to_owned(),
        every: Duration::from_millis(1),
    };
    tokio::spawn(schedule::run(schedule, stop.clone()))
}

/// How many ticks the function has seen.
fn ticks(host: &Host) -> usize {
    host.logs("double").iter().filter(|line| *line == "event {}").count()
}

/// Polls until the condition holds; a minute is for slow machines.
async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn it_ticks_again_and_again_until_it_is_stopped() {
    let host = function(1, "echo").start().await.unwrap();
    let stop = CancellationToken::new();
    let running = tick(&host.base_url, &stop);
    eventually("five ticks", || ticks(&host) >= 5).await;
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn it_goes_on_when_ticks_fail() {
    for failure in ["fail", "die"] {
        let host = function(1, failure).start().await.unwrap();
        let stop = CancellationToken::new();
        let running = tick(&host.base_url, &stop);
        eventually("three ticks that fail", || ticks(&host) >= 3).await;
        assert!(!running.is_finished());
        stop.cancel();
    }
}

#[tokio::test]
async fn it_waits_for_functions_that_are_not_there_yet() {
    let somebody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = somebody.local_addr().unwrap().port();
    let stop = CancellationToken::new();
    let running = tick(&format!("http://127.0.0.1:{port}"), &stop);
    // Somebody hangs up on a tick, and then there is nobody any more.
    drop(somebody.accept().await.unwrap());
    drop(somebody);
    let host = function(1, "echo").port(port).start().await.unwrap();
    eventually("a tick", || ticks(&host) >= 1).await;
    assert!(!running.is_finished());
    stop.cancel();
}

#[tokio::test]
async fn a_tick_waits_for_the_end_of_the_one_before() {
    let host = function(2, "hang").start().await.unwrap();
    let stop = CancellationToken::new();
    let _running = tick(&host.base_url, &stop);
    for tick in 1..=3 {
        eventually("a tick hangs", || ticks(&host) >= tick).await;
        // A second tick would take the other environment, and these calls would wait for it for ever.
        for _ in 0..20 {
            let call = json!({ "do": "describe" });
            let call = host.invoke("double", &call);
            tokio::time::timeout(Duration::from_secs(30), call).await.unwrap().unwrap();
        }
        assert_eq!(ticks(&host), tick);
        assert!(host.kill_environment("double").await.is_some());
    }
    stop.cancel();
}
