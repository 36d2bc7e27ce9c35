//! A client of the API that does not give up: what got no answer, or one that says "later", is asked again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use reqwest::Method;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// No function takes longer.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);
/// The pause before it is asked again; what is away is away for seconds.
const PAUSE: Duration = Duration::from_millis(150);

/// How often each problem was told, by status and code; what got no answer is `no answer`.
#[derive(Debug, Default)]
pub struct Problems {
    counts: Mutex<BTreeMap<String, u64>>,
    unexpected: Mutex<Vec<String>>,
}

impl Problems {
    fn count(&self, what: String) {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner).entry(what).or_default() += 1;
    }

    /// All of them.
    pub fn all(&self) -> BTreeMap<String, u64> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers that no fault explains.
    pub fn unexpected(&self) -> Vec<String> {
        self.unexpected.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A client with a key.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base_url: String,
    key: String,
    problems: Arc<Problems>,
    stop: CancellationToken,
}

/// An answer that is one: its status and body.
pub type Answer = (u16, Value);

impl Client {
    /// Of the API at `base_url`; gives up when `stop` says so. Fails when no HTTP client can be made.
    pub fn new(
        base_url: String,
        key: String,
        problems: Arc<Problems>,
        stop: CancellationToken,
    ) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWER_LIMIT).build()?;
        Ok(Self { http, base_url, key, problems, stop })
    }

    /// The same with another key.
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    /// Notes an answer that no fault explains.
    pub fn unexpected(&self, what: String) {
        self.problems.unexpected.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    /// Asks until there is an answer that says what is the case, and not that nobody can say so now. `None`: it was told to stop before.
    pub async fn ask(&self, method: Method, path: &str, body: &Value, key: Option<&str>) -> Option<Answer> {
        loop {
            let asked = tokio::select! {
                () = self.stop.cancelled() => return None,
                asked = self.ask_once(&method, path, body, key) => asked,
            };
            if let Some(answer) = asked {
                return Some(answer);
            }
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    async fn ask_once(&self, method: &Method, path: &str, body: &Value, key: Option<&str>) -> Option<Answer> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.base_url));
        request = request.bearer_auth(&self.key);
        if !body.is_null() {
            request = request.json(body);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let Some((status, body)) = answer(request).await else {
            self.problems.count("no answer".to_owned());
            return None;
        };
        if status >= 400 {
            let code = body["code"].as_str().unwrap_or("the gateway's");
            self.problems.count(format!("{status} {code}"));
        }
        // A defect of ours is an answer too, of which the report tells. Asked again it would be there for ever.
        let is_answer = status < 500 && status != 429 || body["code"] == "internal";
        is_answer.then_some((status, body))
    }
}

/// `None`: there was none, or only a part of it.
async fn answer(request: reqwest::RequestBuilder) -> Option<Answer> {
    let response = request.send().await.ok()?;
    let status = response.status().as_u16();
    let body = response.bytes().await.ok()?;
    // The gateway's own answers are no JSON of ours.
    Some((status, serde_json::from_slice(&body).unwrap_or_default()))
}
