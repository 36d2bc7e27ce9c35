//! An API that says what it was told to say, and the program that asks it.

use std::collections::VecDeque;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Response};
use serde_json::{Value, json};

pub const TENANT: &str = "580115b4-a291-4917-8dbd-247cfa13e2d6";
pub const PIPELINE: &str = "0199e0c0-0000-7000-8000-000000000012";
pub const VERSION: &str = "b31dbeba-3a2e-4fa9-a084-72c75f9f18a3";
pub const RUN: &str = "0199e0c0-0000-7000-8000-0000000000aa";

/// What the API says to one request.
#[derive(Clone, Debug)]
pub struct Told {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// The arguments of a command line in which none has a space.
pub fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// An answer with a JSON body.
pub fn told(status: u16, body: Value) -> Told {
    text(status, &body.to_string())
}

/// An answer with a body byte for byte.
pub fn text(status: u16, body: &str) -> Told {
    Told { status, headers: Vec::new(), body: body.to_owned() }
}

/// A problem.
pub fn problem(status: u16, code: &str, detail: &str) -> Told {
    told(
        status,
        json!({ "type": "about:blank", "status": status, "code": code, "detail": detail, "request_id": "r-1" }),
    )
}

impl Told {
    /// With a header.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// What the API was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// With the query.
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

#[derive(Debug, Default)]
struct Script {
    answers: VecDeque<Told>,
    asked: Vec<Asked>,
}

/// A server on this machine.
#[derive(Debug)]
pub struct Api {
    pub url: String,
    script: Arc<Mutex<Script>>,
}

impl Api {
    /// Starts one that gives these answers, in this order. When it is dropped, all have to be given.
    pub fn plays(answers: impl IntoIterator<Item = Told>) -> Self {
        let script = Script { answers: answers.into_iter().collect(), asked: Vec::new() };
        let script = Arc::new(Mutex::new(script));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = script.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let router = Router::new().fallback(move |request: Request| answer(shared.clone(), request));
                axum::serve(listener, router).await
            })
        });
        Self { url, script }
    }

    /// Every request so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.script.lock().unwrap().asked.clone()
    }

    /// How many answers nobody has asked for. None of them has to be given any more.
    pub fn left(&self) -> usize {
        std::mem::take(&mut self.script.lock().unwrap().answers).len()
    }

    /// Every request so far, for snapshots: method, path and query, body.
    pub fn requests(&self) -> String {
        let line =
            |asked: &Asked| format!("{} {} {}", asked.method, asked.path, asked.body).trim_end().to_owned();
        self.asked().iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Runs the program on this API, for the tenant [`TENANT`].
    pub fn run(&self, args: &[&str]) -> Ran {
        Program::new(args).env("RUNPLANE_URL", &self.url).env("RUNPLANE_TENANT", TENANT).run()
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let left = self.script.lock().unwrap().answers.len();
            assert_eq!(left, 0, "answers that nobody has asked for; asked was:\n{}", self.requests());
        }
    }
}

async fn answer(script: Arc<Mutex<Script>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
    let path = parts.uri.path_and_query().unwrap().to_string();
    let mut script = script.lock().unwrap();
    script.asked.push(Asked { method: parts.method.to_string(), path, headers: parts.headers, body });
    let told =
        script.answers.pop_front().unwrap_or_else(|| text(418, "{\"message\":\"one request too many\"}"));
    let kind = if told.status < 400 { "application/json" } else { "application/problem+json" };
    let mut response = Response::builder().status(told.status).header("content-type", kind);
    for (name, value) in &told.headers {
        response = response.header(*name, value);
    }
    response.body(Body::from(told.body)).unwrap()
}

/// The program with its arguments, and no settings of whoever runs the tests.
#[derive(Debug)]
pub struct Program {
    command: Command,
    input: String,
}

impl Program {
    pub fn new(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_runplane"));
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("RUNPLANE_")
                || name.starts_with("AWS_")
                || ["USER", "LOGNAME", "USERNAME"].contains(&name.as_str())
            {
                command.env_remove(name);
            }
        }
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { command, input: String::new() }
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn input(mut self, text: &str) -> Self {
        self.input = text.to_owned();
        self
    }

    pub fn within(mut self, folder: &std::path::Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    pub fn run(mut self) -> Ran {
        let mut child = self.command.spawn().unwrap();
        // A program that does not read its input closes it.
        let _ = child.stdin.take().unwrap().write_all(self.input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// How it ended, and what it said.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// Asserts the exit code.
    #[track_caller]
    pub fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        self
    }
}

/// A page of a list.
pub fn page(items: Value, next_cursor: Value) -> Value {
    let count = items.as_array().unwrap().len();
    json!({ "items": items, "limit": 20, "count": count, "next_cursor": next_cursor })
}

pub fn tenant() -> Value {
    json!({ "id": TENANT, "name": "acme", "max_running": 3, "paused": false, "created_at": "2026-11-23T11:40:48.587117Z" })
}

pub fn pipeline() -> Value {
    json!({
        "id": PIPELINE, "tenant_id": TENANT, "name": "daily", "description": "every day", "queue": null,
        "max_running": null, "paused": false, "created_at": "2026-11-23T11:40:48.587117Z"
    })
}

/// A version with this status and revision, in full.
pub fn version(status: &str, revision: u32) -> Value {
    let transitions = if status == "DRAFT" {
        json!([])
    } else {
        json!([{ "from": "DRAFT", "to": status, "at": "2026-11-23T12:00:00.5Z", "by": "ada", "comment": "looks good" }])
    };
    json!({
        "id": VERSION, "tenant_id": TENANT, "pipeline_id": PIPELINE, "version": "1.2.0", "status": status,
        "revision": revision, "dag_sha256": null, "created_at": "2026-11-23T11:40:48.587117Z",
        "updated_at": "2026-11-23T11:50:48.587117Z", "approved_at": null, "approved_by": null,
        "dag_spec": { "steps": ["a", "b"] }, "transitions": transitions
    })
}

/// A run with this status.
pub fn run(status: &str) -> Value {
    let ended = ["SUCCEEDED", "FAILED", "CANCELLED"].contains(&status);
    json!({
        "id": RUN, "tenant_id": TENANT, "pipeline_id": PIPELINE, "pipeline_version_id": VERSION, "status": status,
        "trigger_type": "manual", "parameters": { "n": 1 }, "queue": "default", "priority": 5, "labels": {},
        "dispatch": "push", "dispatch_due_at": null, "available_at": "2026-11-23T11:40:48.587117Z", "attempt": 1,
        "max_attempts": 1, "lost": 0, "max_lost": 3, "claim_count": 0, "claimed_by": null, "claimed_at": null,
        "lease_seconds": null, "lease_expires_at": null, "heartbeat_at": null, "started_at": null,
        "finished_at": if ended { json!("2026-11-23T11:41:00.25Z") } else { Value::Null }, "output": null,
        "error_code": if status == "FAILED" { json!("http_500") } else { Value::Null },
        "error_message": if status == "FAILED" { json!("shop said 500") } else { Value::Null },
        "retry_of_run_id": null, "root_run_id": RUN, "start_by": null, "concurrency_key": null, "schedule_id": null, "scheduled_for": null,
        "traceparent": null,
        "created_at": "2026-11-23T11:40:48.587117Z", "updated_at": "2026-11-23T11:40:50.587117Z"
    })
}

/// A step as `get` has it, with this status and more fields.
pub fn step(id: &str, status: &str, more: Value) -> Value {
    let mut step = json!({
        "step_id": id, "type": "http", "status": status, "reason": null, "attempts": 0, "error": null, "started_at": null, "finished_at": null,
        "resume_at": null, "output_bytes": null, "output_ref": null, "run_attempt": 1
    });
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    step
}

/// A run with everything that is known about it.
pub fn details(run: Value, waiting_for: Value) -> Value {
    json!({
        "run": run, "pipeline_version": { "id": VERSION, "version": "1.2.0", "status": "APPROVED", "dag_spec": {} },
        "steps": [], "attempts": [], "waiting_for": waiting_for
    })
}
