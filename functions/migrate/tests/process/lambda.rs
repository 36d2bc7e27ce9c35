//! Lambda's Runtime API, the place where CloudFormation waits for answers, and Secrets Manager: on one port, for one process at a time.

use std::collections::VecDeque;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex as Line, Notify, mpsc};
use uuid::Uuid;

/// What an invocation returned, or the error that it reported.
type Returned = Result<Value, String>;

/// An answer that was put.
#[derive(Debug)]
pub struct Put {
    pub content_type: Option<String>,
    pub body: Value,
}

pub struct Lambda {
    address: String,
    state: Arc<Shared>,
    returned: Line<mpsc::UnboundedReceiver<Returned>>,
    answered: Line<mpsc::UnboundedReceiver<Put>>,
}

struct Shared {
    events: Mutex<VecDeque<(Value, Duration)>>,
    more: Notify,
    refusals: Mutex<usize>,
    secrets: Arc<Mutex<Vec<String>>>,
    returns: mpsc::UnboundedSender<Returned>,
    answers: mpsc::UnboundedSender<Put>,
}

impl Lambda {
    pub async fn start() -> Self {
        Self::with(Arc::default()).await
    }

    /// Another one with the same Secrets Manager.
    pub async fn beside(&self) -> Self {
        Self::with(Arc::clone(&self.state.secrets)).await
    }

    async fn with(secrets: Arc<Mutex<Vec<String>>>) -> Self {
        let (returns, returned) = mpsc::unbounded_channel();
        let (answers, answered) = mpsc::unbounded_channel();
        let state = Arc::new(Shared {
            events: Mutex::default(),
            more: Notify::new(),
            refusals: Mutex::default(),
            secrets,
            returns,
            answers,
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/answer", put(answer))
            .route("/", post(secret))
            .with_state(Arc::clone(&state));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, state, returned: Line::new(returned), answered: Line::new(answered) }
    }

    /// The program, with nothing in its environment but what Lambda and the template give it.
    pub fn function(&self, owner: &str, functions: &str) -> Process {
        let endpoint = format!("http://{}", self.address);
        let mut command = Command::new(env!("CARGO_BIN_EXE_migrate"));
        command
            .env_clear()
            .env("DATABASE_URL", functions)
            .env("OWNER_DATABASE_URL", owner)
            .env("OPERATOR_KEY_SECRET", "stack/operator-key")
            .env("RUST_LOG", "debug")
            .env("AWS_ENDPOINT_URL", &endpoint)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_LAMBDA_RUNTIME_API", &self.address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "stack-migrate")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "group")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true);
        Process { child: command.spawn().unwrap() }
    }

    /// The next invocation, which may take so long.
    pub fn invoke(&self, event: Value, limit: Duration) {
        self.state.events.lock().unwrap().push_back((event, limit));
        self.state.more.notify_one();
    }

    /// The same, by CloudFormation: it waits for an answer here.
    pub fn invoke_for_stack(&self, mut event: Value, limit: Duration) {
        event["ResponseURL"] =
            json!(format!("http://{}/answer?X-Amz-Signature=signature-of-s3", self.address));
        self.invoke(event, limit);
    }

    /// The next so many answers are not taken.
    pub fn refuse_answers(&self, count: usize) {
        *self.state.refusals.lock().unwrap() = count;
    }

    /// Waits for the answer that is put next.
    pub async fn answered(&self) -> Put {
        self.answered.lock().await.recv().await.unwrap()
    }

    /// Waits for the end of the next invocation.
    pub async fn returned(&self) -> Returned {
        self.returned.lock().await.recv().await.unwrap()
    }

    /// What was put into Secrets Manager.
    pub fn secrets(&self) -> Vec<String> {
        self.state.secrets.lock().unwrap().clone()
    }
}

/// A process of the function. Dropping it kills it.
pub struct Process {
    child: Child,
}

impl Process {
    pub fn pid(&self) -> i32 {
        self.child.id().unwrap().try_into().unwrap()
    }

    /// Kills it; returns what it has logged.
    pub async fn end(&mut self) -> String {
        self.child.start_kill().unwrap();
        let mut log = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut log).await.unwrap();
        log
    }
}

async fn next(State(state): State<Arc<Shared>>) -> Response {
    loop {
        let event = state.events.lock().unwrap().pop_front();
        let Some((event, limit)) = event else {
            state.more.notified().await;
            continue;
        };
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + limit;
        let headers = [
            ("lambda-runtime-aws-request-id", Uuid::now_v7().to_string()),
            ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
            ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:0:function:migrate".to_owned()),
        ];
        return (headers, event.to_string()).into_response();
    }
}

async fn response(State(state): State<Arc<Shared>>, Path(_): Path<String>, body: Bytes) -> StatusCode {
    state.returns.send(Ok(serde_json::from_slice(&body).unwrap())).unwrap();
    StatusCode::ACCEPTED
}

async fn error(State(state): State<Arc<Shared>>, Path(_): Path<String>, body: String) -> StatusCode {
    state.returns.send(Err(body)).unwrap();
    StatusCode::ACCEPTED
}

async fn answer(State(state): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut refusals = state.refusals.lock().unwrap();
    if *refusals > 0 {
        *refusals -= 1;
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let content_type = headers.get("content-type").map(|value| value.to_str().unwrap().to_owned());
    state.answers.send(Put { content_type, body: serde_json::from_slice(&body).unwrap() }).unwrap();
    StatusCode::OK
}

async fn secret(State(state): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Json<Value> {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let mut secrets = state.secrets.lock().unwrap();
    if headers["x-amz-target"] == "secretsmanager.DescribeSecret" {
        let versions = if secrets.is_empty() { json!({}) } else { json!({ "1": ["AWSCURRENT"] }) };
        return Json(json!({ "ARN": "arn", "Name": "stack/operator-key", "VersionIdsToStages": versions }));
    }
    secrets.push(body["SecretString"].as_str().unwrap().to_owned());
    Json(json!({ "ARN": "arn", "Name": "stack/operator-key", "VersionId": "1" }))
}
