//! A stand-in for the function `steps`, until that is there.

use std::sync::Mutex;

use axum::body::Body;
use axum::http::Response;
use axum::http::request::Parts;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use uuid::Uuid;

use crate::api::answer;

#[derive(Debug)]
pub struct Steps {
    pool: PgPool,
    stored: Mutex<Vec<(Uuid, Value)>>,
}

impl Steps {
    pub async fn new(options: &PgConnectOptions) -> Self {
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options.clone());
        Self { pool, stored: Mutex::default() }
    }

    pub async fn answer(&self, parts: &Parts, body: &[u8]) -> Response<Body> {
        let run: Uuid = parts.uri.path().split('/').nth(3).unwrap().parse().unwrap();
        if parts.method == "GET" {
            let stored = self.stored.lock().unwrap();
            let items: Vec<_> = stored.iter().filter(|(of, _)| *of == run).map(|(_, step)| step).collect();
            return answer(200, &json!({ "items": items, "worked_ms": 0, "next_cursor": null }));
        }
        let body: Value = serde_json::from_slice(body).unwrap();
        let token: Uuid = body["lease_token"].as_str().unwrap().parse().unwrap();
        let held: Option<i32> = sqlx::query_scalar(
            "select 1 from pipeline_runs where id = $1 and lease_token = $2 and status = 'RUNNING'",
        )
        .bind(run)
        .bind(token)
        .fetch_optional(&self.pool)
        .await
        .unwrap();
        if held.is_none() {
            return answer(
                409,
                &json!({ "code": "lease_lost", "detail": "the lease is lost", "status": 409 }),
            );
        }
        let mut stored = self.stored.lock().unwrap();
        for step in body["steps"].as_array().unwrap() {
            stored.retain(|(of, old)| *of != run || old["step_id"] != step["step_id"]);
            stored.push((run, step.clone()));
        }
        answer(200, &json!({ "ok": true }))
    }
}
