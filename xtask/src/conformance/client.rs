//! The dialect that every system is spoken to in: six plain HTTP calls, which are Runplane's own (docs/api.md).

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use reqwest::Url;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a call may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Who calls, and where.
#[derive(Debug, Clone)]
pub struct Client {
    /// Where the API is, without a slash at the end. HTTP alone: a connection is cut between two bytes of it.
    pub base_url: String,
    /// Sent as `Authorization: Bearer`.
    pub api_key: Option<String>,
    /// Sent with create and claim, where the key does not say it.
    pub tenant_id: Option<String>,
    /// What Runplane makes runs of; others do not know it.
    pub pipeline_version_id: Option<String>,
}

/// One call, which can be sent again as it is.
#[derive(Debug, Clone)]
pub struct Call {
    path: String,
    idempotency_key: Option<String>,
    /// POST with one, GET without.
    body: Option<Value>,
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Of HTTP.
    pub status: u16,
    /// Null where it is not JSON.
    pub body: Value,
}

/// A run that a worker has claimed.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The run.
    pub run_id: String,
    /// What the worker shows with everything it says about the run.
    pub lease_token: Value,
    /// Who has claimed it.
    pub worker_id: String,
    /// Since when, at the earliest: its lease began then or later.
    pub since: Instant,
}

impl Call {
    /// Of its URL.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl Answer {
    /// Whether it is a success.
    pub fn ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A field of the run in it, be it bare or under `run`.
    pub fn run(&self, field: &str) -> &Value {
        if self.body["run"].is_object() { &self.body["run"][field] } else { &self.body[field] }
    }

    /// The status of the run in it, or `no run`.
    pub fn run_status(&self) -> &str {
        self.run("status").as_str().unwrap_or("no run")
    }

    /// The same, and what the adapter remarks on it.
    pub fn run_seen(&self) -> String {
        let note = self.run("note").as_str().map(|note| format!(" ({note})")).unwrap_or_default();
        format!("{}{note}", self.run_status())
    }

    /// The run that a claim has brought, if it has. The claim was sent at `since`.
    pub fn claimed(&self, worker_id: &str, since: Instant) -> Option<Claimed> {
        let run_id = self.body["run"]["id"].as_str().filter(|_| self.body["claimed"] == true)?;
        let lease_token = self.body["run"]["lease_token"].clone();
        Some(Claimed { run_id: run_id.to_owned(), lease_token, worker_id: worker_id.to_owned(), since })
    }

    /// In a few words: the status, and `code` and `note` where there are some.
    pub fn said(&self) -> String {
        let code = self.body["code"].as_str().map(|code| format!(" {code}")).unwrap_or_default();
        let note = self.body["note"].as_str().map(|note| format!(" ({note})")).unwrap_or_default();
        format!("{}{code}{note}", self.status)
    }
}

impl Client {
    /// Creates a run that waits in `queue` for a claim.
    pub fn create(&self, queue: &str, idempotency_key: Option<&str>, concurrency_key: Option<&str>) -> Call {
        let mut body = json!({ "queue": queue, "dispatch": "pull" });
        let more = [
            ("tenant_id", self.tenant_id.as_deref()),
            ("pipeline_version_id", self.pipeline_version_id.as_deref()),
            ("concurrency_key", concurrency_key),
        ];
        set(&mut body, more);
        let idempotency_key = idempotency_key.map(str::to_owned);
        Call { path: "/api/runs".to_owned(), idempotency_key, body: Some(body) }
    }

    /// Claims one run of `queue` for `lease_seconds`. `claim_id` is a UUID of the caller's own, by which a claim can be
    /// repeated.
    pub fn claim(&self, worker_id: &str, queue: &str, lease_seconds: u32, claim_id: &str) -> Call {
        let mut body = json!({ "worker_id": worker_id, "queues": [queue], "lease_seconds": lease_seconds, "claim_id": claim_id });
        set(&mut body, [("tenant_id", self.tenant_id.as_deref())]);
        Call { path: "/api/runs/claim".to_owned(), idempotency_key: None, body: Some(body) }
    }

    /// Extends the lease.
    pub fn heartbeat(&self, held: &Claimed) -> Call {
        let body = json!({ "worker_id": held.worker_id, "lease_token": held.lease_token });
        of_run(&held.run_id, "/heartbeat", Some(body))
    }

    /// Reports that the run has succeeded.
    pub fn complete(&self, held: &Claimed, output: &Value) -> Call {
        let body = json!({ "status": "SUCCEEDED", "lease_token": held.lease_token, "output": output });
        of_run(&held.run_id, "/complete", Some(body))
    }

    /// Reports that the run has failed for good.
    pub fn fail(&self, held: &Claimed) -> Call {
        let body = json!({ "status": "FAILED", "lease_token": held.lease_token, "retryable": false,
                           "error_message": "another outcome" });
        of_run(&held.run_id, "/complete", Some(body))
    }

    /// Looks at a run.
    pub fn get(&self, run_id: &str) -> Call {
        of_run(run_id, "", None)
    }

    /// Cancels a run.
    pub fn cancel(&self, run_id: &str) -> Call {
        of_run(run_id, "/cancel", Some(json!({})))
    }

    /// What only adapters know: `POST /conformance/<what>`.
    pub fn control(&self, what: &str, body: Value) -> Call {
        Call { path: format!("/conformance/{what}"), idempotency_key: None, body: Some(body) }
    }

    /// What an adapter says about its system.
    pub fn describe(&self) -> Call {
        Call { path: "/conformance".to_owned(), idempotency_key: None, body: None }
    }

    /// Sends a call on a connection of its own. Fails when there is no answer within 30 s.
    pub async fn send(&self, call: &Call) -> Result<Answer> {
        let http = reqwest::Client::builder().no_proxy().timeout(LIMIT).pool_max_idle_per_host(0).build()?;
        let url = format!("{}{}", self.base_url, call.path);
        let mut request = match &call.body {
            Some(body) => http.post(url).json(body),
            None => http.get(url),
        };
        if let Some(key) = &self.api_key {
            request = request.bearer_auth(key);
        }
        if let Some(key) = &call.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        let response = request.send().await.with_context(|| format!("no answer to {}", call.path))?;
        let status = response.status().as_u16();
        let body = serde_json::from_str(&response.text().await?).unwrap_or(Value::Null);
        Ok(Answer { status, body })
    }

    /// Sends a call, and resets the connection when the answer arrives, unread: the call took place, and its caller does not
    /// know. Fails when the connection cannot be made, or nothing arrives within 30 s.
    pub async fn lose(&self, call: &Call) -> Result<()> {
        let url = Url::parse(&format!("{}{}", self.base_url, call.path))?;
        ensure!(url.scheme() == "http", "a connection can be cut only where the URL begins with http://");
        let host = url.host_str().context("the URL has no host")?;
        let port = url.port_or_known_default().context("the URL has no port")?;
        let body = call.body.as_ref().map(Value::to_string).unwrap_or_default();
        let method = if call.body.is_some() { "POST" } else { "GET" };
        let mut head = format!(
            "{method} {} HTTP/1.1\r\nhost: {host}:{port}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
            url.path(),
            body.len()
        );
        if let Some(key) = &self.api_key {
            head += &format!("authorization: Bearer {key}\r\n");
        }
        if let Some(key) = &call.idempotency_key {
            head += &format!("idempotency-key: {key}\r\n");
        }
        let mut stream = TcpStream::connect((host, port)).await?;
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).await?;
        let peeked =
            timeout(LIMIT, stream.peek(&mut [0])).await.context("no answer that could be lost")??;
        ensure!(peeked > 0, "the connection was closed without an answer that could be lost");
        // A reset instead of an orderly end: nothing of the answer is acknowledged to anybody.
        stream.set_zero_linger()?;
        Ok(())
    }
}

fn of_run(run_id: &str, verb: &str, body: Option<Value>) -> Call {
    Call { path: format!("/api/runs/{run_id}{verb}"), idempotency_key: None, body }
}

fn set<const N: usize>(body: &mut Value, fields: [(&str, Option<&str>); N]) {
    for (name, value) in fields {
        if let Some(value) = value {
            body[name] = value.into();
        }
    }
}
