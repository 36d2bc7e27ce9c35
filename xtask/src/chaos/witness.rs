//! Whom steps call: it notes that a step's work has begun, and says yes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::ledger::{Entry, Kind, Ledger};

/// How long a step's work takes: whoever is killed in the middle of a run is to have done some of its steps.
const WORK: Duration = Duration::from_millis(100);

/// Listens on a free port of 127.0.0.1, which is returned with its task. Fails when there is none.
pub async fn start(ledger: Arc<Ledger>) -> Result<(u16, JoinHandle<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("the witness cannot listen")?;
    let port = listener.local_addr()?.port();
    let router = Router::new().route("/{tenant}/{step}", post(called)).with_state(ledger);
    let task = tokio::spawn(async move {
        // It ends with the task.
        let _ = axum::serve(listener, router).await;
    });
    Ok((port, task))
}

/// `Idempotency-Key: <run id>/<step id>` says whose step it is.
async fn called(
    State(ledger): State<Arc<Ledger>>,
    Path((tenant, step)): Path<(Uuid, String)>,
    headers: HeaderMap,
) -> StatusCode {
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    let run = key.and_then(|key| key.split_once('/')).filter(|(_, of)| *of == step);
    let Some(run_id) = run.and_then(|(run, _)| run.parse().ok()) else { return StatusCode::BAD_REQUEST };
    ledger.note(Entry { step_id: Some(step), ..Entry::new(Kind::StepBegan, tenant, run_id) });
    tokio::time::sleep(WORK).await;
    StatusCode::NO_CONTENT
}
