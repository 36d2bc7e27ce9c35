//! The conformance script, on Runplane and on a system that does everything wrong. The first needs the functions in
//! `target/debug`: `cargo xtask test` builds them first, and so does `cargo build`. No peer is needed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::extract::{Path as Of, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use xtask::conformance::{Case, Client, Context, Findings, Outcome, Stage, examine};
use xtask::paths::Dirs;

#[tokio::test(flavor = "multi_thread")]
async fn everything_holds_for_runplane() {
    let dirs = Dirs::new(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap());
    let stage = Stage::start(&dirs, "test-conformance").await.unwrap();
    let findings = examine(stage.context().await.unwrap()).await.unwrap();
    assert_all(&findings, |outcome| matches!(outcome, Outcome::Holds(_)));
    stage.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_holds_for_a_system_that_accepts_everything() {
    let base_url = gullible().await;
    let client = Client { base_url, api_key: None, tenant_id: None, pipeline_version_id: None };
    let findings = examine(Context::new(client.clone(), Some(client)).await.unwrap()).await.unwrap();
    assert_all(&findings, |outcome| matches!(outcome, Outcome::DoesNotHold(_)));
}

fn assert_all(findings: &Findings, expected: fn(&Outcome) -> bool) {
    assert_eq!(findings.outcomes.len(), Case::ALL.len());
    let wrong = findings.outcomes.iter().filter(|(_, outcome)| !expected(outcome));
    let wrong: Vec<String> = wrong.map(|(case, outcome)| format!("{}: {outcome:?}", case.name())).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

type Runs = Arc<Mutex<Vec<Value>>>;

/// A queue that makes a run of every create, gives it to everybody who asks, and believes whoever says that it has ended.
async fn gullible() -> String {
    let router = Router::new()
        .route(
            "/conformance",
            get(|| async { Json(json!({ "name": "Gullible", "lease_seconds": 2, "by_default": "2 s" })) }),
        )
        .route("/api/runs", post(create))
        .route("/api/runs/claim", post(claim))
        .route("/api/runs/{run_id}", get(look))
        .route("/api/runs/{run_id}/complete", post(complete))
        .route("/api/runs/{run_id}/{verb}", post(look))
        .with_state(Runs::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    base_url
}

async fn create(State(runs): State<Runs>, Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
    let mut runs = runs.lock().unwrap();
    let run =
        json!({ "id": runs.len().to_string(), "queue": body["queue"], "status": "QUEUED", "completions": 0 });
    runs.push(run.clone());
    (StatusCode::CREATED, Json(run))
}

async fn claim(State(runs): State<Runs>, Json(body): Json<Value>) -> Json<Value> {
    let mut runs = runs.lock().unwrap();
    match runs.iter_mut().find(|run| run["queue"] == body["queues"][0]) {
        Some(run) => {
            run["status"] = "RUNNING".into();
            Json(json!({ "claimed": true, "run": run }))
        }
        None => Json(json!({ "claimed": false })),
    }
}

async fn complete(State(runs): State<Runs>, Of(id): Of<usize>, Json(body): Json<Value>) -> Json<Value> {
    let run = &mut runs.lock().unwrap()[id];
    run["status"] = body["status"].clone();
    run["output"] = body["output"].clone();
    // It ends anew each time.
    let completions = run["completions"].as_u64().unwrap() + 1;
    (run["completions"], run["finished_at"]) = (completions.into(), completions.into());
    Json(json!({ "ok": true, "run": run }))
}

/// Heartbeats and cancellations too: nothing comes of them.
async fn look(State(runs): State<Runs>, Of(ids): Of<Vec<String>>) -> Json<Value> {
    Json(json!({ "run": runs.lock().unwrap()[ids[0].parse::<usize>().unwrap()] }))
}
