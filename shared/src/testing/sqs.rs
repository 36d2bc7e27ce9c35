//! An SQS that takes everything, or nothing, and counts what it is asked.

use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Credentials;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// An SQS of a test's own.
#[derive(Clone, Debug)]
pub struct Sqs {
    endpoint: String,
    asked: Arc<Mutex<Asked>>,
}

#[derive(Debug, Default)]
struct Asked {
    down: bool,
    requests: Vec<Value>,
}

impl Sqs {
    /// Starts one, which takes every message.
    ///
    /// # Panics
    /// If there is no port for it.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::default();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&asked));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { endpoint, asked }
    }

    /// From now on it answers 503, or takes messages again.
    ///
    /// # Panics
    /// If another thread has panicked.
    pub fn set_down(&self, down: bool) {
        self.asked.lock().expect("nobody panics").down = down;
    }

    /// What it was asked since the last time, whatever it answered: the bodies of the requests.
    ///
    /// # Panics
    /// If another thread has panicked.
    pub fn requests(&self) -> Vec<Value> {
        std::mem::take(&mut self.asked.lock().expect("nobody panics").requests)
    }

    /// A client of it, which asks each thing once.
    pub fn client(&self) -> Client {
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
            .retry_config(aws_config::retry::RetryConfig::disabled())
            .endpoint_url(&self.endpoint);
        Client::from_conf(config.build())
    }

    /// The URL of a queue of this name.
    pub fn queue_url(&self, name: &str) -> String {
        format!("{}/000000000000/{name}", self.endpoint)
    }
}

async fn answer(State(asked): State<Arc<Mutex<Asked>>>, body: axum::body::Bytes) -> Response {
    let mut asked = asked.lock().expect("nobody panics");
    asked.requests.push(serde_json::from_slice(&body).unwrap_or_default());
    if asked.down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    Json(json!({ "MessageId": "m" })).into_response()
}
