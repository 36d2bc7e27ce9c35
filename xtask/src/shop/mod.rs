//! The shop that the examples call: a small HTTP service on 127.0.0.1, such as somebody else has. What it answers depends on the request
//! alone, so that a run has the same results whoever executes it.
//!
//! | | |
//! |---|---|
//! | `GET /v1/orders?since=2026-11-01` | twelve orders of that day and the days after it |
//! | `GET /v1/items` | the numbers of its 200 items |
//! | `GET /v1/items/{n}` | one of them; every twentieth is a 404 |
//! | `GET` or `POST /v1/flaky` | 503 with `Retry-After: 1` the first time for each `Idempotency-Key`, then 200 |
//!
//! All of it is for those who send its token: `Authorization: Bearer …`, else 401.

mod answers;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What its handlers know.
#[derive(Debug)]
struct Shop {
    /// What `Authorization` has to be.
    authorization: String,
    /// The idempotency keys that `/v1/flaky` has seen.
    seen: Mutex<BTreeSet<String>>,
}

/// Listens on `port` of 127.0.0.1 and answers until the task is aborted. Fails when the port is taken.
pub async fn start(port: u16, token: &str) -> Result<JoinHandle<Result<()>>> {
    let listener = TcpListener::bind(("127.0.0.1", port))
        .await
        .with_context(|| format!("the shop cannot listen on port {port}"))?;
    let shop = Arc::new(Shop { authorization: format!("Bearer {token}"), seen: Mutex::default() });
    let router = Router::new()
        .route("/v1/orders", get(answers::orders))
        .route("/v1/items", get(answers::items))
        .route("/v1/items/{number}", get(answers::item))
        .route("/v1/flaky", get(answers::flaky).post(answers::flaky))
        .with_state(shop);
    Ok(tokio::spawn(async move { axum::serve(listener, router).await.context("the shop has ended") }))
}
