//! The stack under test: HTTP calls, and the verbs of a run as short helpers.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, Url};
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

use crate::answer::{Answer, cut};
use crate::{Tenant, aws, eventually, secrets, setting, setting_or};

/// A call that takes longer than this hangs.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A running stack.
#[derive(Clone, Debug)]
pub struct Stack {
    base: Url,
    http: Client,
    authorization: Vec<HeaderValue>,
    /// The stack's database.
    pub db: PgPool,
}

/// The header with `RUNPLANE_API_KEY`, where the stack asks for keys.
fn credential() -> Vec<HeaderValue> {
    let key = std::env::var("RUNPLANE_API_KEY").ok();
    key.map(|key| HeaderValue::from_str(&format!("Bearer {key}")).expect("a key is ASCII"))
        .into_iter()
        .collect()
}

impl Stack {
    /// The stack that the environment names.
    ///
    /// # Panics
    /// When `RUNPLANE_URL` or `DATABASE_URL` is missing or unusable.
    pub async fn connect() -> Self {
        let base = setting("RUNPLANE_URL");
        let base = Url::parse(&base).unwrap_or_else(|fault| panic!("RUNPLANE_URL is {base:?}: {fault}"));
        let http = Client::builder().timeout(TIMEOUT).build().expect("an HTTP client");
        let db = PgPoolOptions::new()
            .max_connections(2)
            .acquire_timeout(Duration::from_secs(10))
            .connect(&setting("DATABASE_URL"))
            .await
            .unwrap_or_else(|fault| panic!("the database at DATABASE_URL cannot be used: {fault}"));
        Self { base, http, authorization: credential(), db }
    }

    /// The same stack for somebody who sends these `Authorization` headers, and no credential but what is among them.
    pub(crate) fn with_authorization(&self, authorization: Vec<HeaderValue>) -> Self {
        Self { authorization, ..self.clone() }
    }

    fn made(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.http.request(method, url);
        self.authorization.iter().fold(request, |request, value| request.header(AUTHORIZATION, value))
    }

    /// A request to `path` of the API, to be finished and [sent](Self::send).
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_with_query(method, path, &[])
    }

    /// A request to `path` of the API with query parameters.
    ///
    /// # Panics
    /// When the base URL cannot carry a path.
    pub fn request_with_query(&self, method: Method, path: &str, query: &[(&str, &str)]) -> RequestBuilder {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.made(method, url)
    }

    /// A request to a path with a query that is sent as it stands, percent signs and all.
    ///
    /// # Panics
    /// When the two make no URL.
    pub fn request_as_it_stands(&self, method: Method, path_and_query: &str) -> RequestBuilder {
        let url = format!("{}{path_and_query}", self.base.as_str().trim_end_matches('/'));
        let url = Url::parse(&url).unwrap_or_else(|fault| panic!("{url}: {fault}"));
        self.made(method, url)
    }

    /// Sends a request.
    ///
    /// # Errors
    /// A sentence, when no answer came.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, String> {
        let request = request.build().map_err(|fault| format!("the request cannot be built: {fault}"))?;
        let sent = request.body().and_then(|body| body.as_bytes()).unwrap_or_default();
        let asked =
            format!("{} {} {}", request.method(), request.url(), cut(&String::from_utf8_lossy(sent), 300));
        let no_answer = |fault: reqwest::Error| format!("no answer to {asked}: {fault:?}");
        let response = self.http.execute(request).await.map_err(no_answer)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.map_err(no_answer)?;
        // One call tells secrets, to who holds the lease of their run.
        if !asked.contains("/secrets") {
            secrets::assert_none(&asked, &text);
        }
        let body = serde_json::from_str(&text).unwrap_or_default();
        Ok(Answer { asked, status, headers, text, body })
    }

    /// Sends a request that must be answered.
    ///
    /// # Panics
    /// When no answer came.
    pub async fn answer(&self, request: RequestBuilder) -> Answer {
        self.send(request).await.unwrap_or_else(|fault| panic!("{fault}"))
    }

    /// `GET path`.
    pub async fn get(&self, path: &str) -> Answer {
        self.answer(self.request(Method::GET, path)).await
    }

    /// `GET path?query`.
    pub async fn get_with(&self, path: &str, query: &[(&str, &str)]) -> Answer {
        self.answer(self.request_with_query(Method::GET, path, query)).await
    }

    /// `POST path` with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.answer(self.request(Method::POST, path).json(body)).await
    }

    /// `PATCH path` with a JSON body.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.answer(self.request(Method::PATCH, path).json(body)).await
    }

    /// `PUT path` with a JSON body.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.answer(self.request(Method::PUT, path).json(body)).await
    }

    /// `DELETE path`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.answer(self.request(Method::DELETE, path)).await
    }

    /// `POST /api/runs` for the tenant's own version, without a dispatch to the worker unless `more` asks for it.
    pub async fn create(&self, tenant: &Tenant, more: Value) -> Answer {
        let whole = json!({
            "tenant_id": tenant.id, "pipeline_version_id": tenant.version_id, "dispatch": "pull"
        });
        self.post("/api/runs", &merged(whole, more)).await
    }

    /// The id of a run made with [`create`](Self::create).
    pub async fn created(&self, tenant: &Tenant, more: Value) -> Uuid {
        id_of(self.create(tenant, more).await.expect(201))
    }

    /// `POST /api/runs/claim` for this tenant by the worker `e2e`, unless `more` says otherwise.
    pub async fn claim(&self, tenant: &Tenant, more: Value) -> Answer {
        self.post("/api/runs/claim", &merged(json!({ "worker_id": "e2e", "tenant_id": tenant.id }), more))
            .await
    }

    /// The body of a claim that gets a run.
    ///
    /// # Panics
    /// When it gets none.
    pub async fn claimed(&self, tenant: &Tenant, more: Value) -> Value {
        let answer = self.claim(tenant, more).await;
        assert_eq!(answer.expect(200)["claimed"], true, "{answer}");
        answer.body
    }

    /// `POST /api/runs/{run_id}/heartbeat`.
    pub async fn heartbeat(&self, run_id: Uuid, body: Value) -> Answer {
        self.post(&format!("/api/runs/{run_id}/heartbeat"), &body).await
    }

    /// `POST /api/runs/{run_id}/complete`.
    pub async fn complete(&self, run_id: Uuid, body: Value) -> Answer {
        self.post(&format!("/api/runs/{run_id}/complete"), &body).await
    }

    /// Invokes the function `sweep` for this tenant alone; what it answers. The schedule of a stack under test is off, so that
    /// nobody else sweeps in between.
    ///
    /// # Panics
    /// When the function cannot be invoked, or fails.
    pub async fn sweep(&self, tenant: Uuid) -> Value {
        self.invoke("RUNPLANE_SWEEP_FUNCTION", "sweep", &json!({ "tenant_id": tenant })).await
    }

    /// Invokes the function `deliver`, which sends what is due of the events of all tenants; what it answers. Other tests do so at the same moment, and
    /// on a deployed stack its schedule does: what is due here may be under way there.
    ///
    /// # Panics
    /// When the function cannot be invoked, or fails.
    pub async fn deliver(&self) -> Value {
        self.invoke("RUNPLANE_DELIVER_FUNCTION", "deliver", &json!({})).await
    }

    async fn invoke(&self, named_by: &str, or: &str, event: &Value) -> Value {
        let base = setting_or("RUNPLANE_INVOKE_URL", "RUNPLANE_URL");
        let function = std::env::var(named_by).unwrap_or_else(|_| or.to_owned());
        let url = format!("{}/2015-03-31/functions/{function}/invocations", base.trim_end_matches('/'));
        let request = aws::invocation(&url, event).await;
        let answer = self.answer(RequestBuilder::from_parts(self.http.clone(), request)).await;
        let failed = answer.status != 200 || answer.headers.contains_key("x-amz-function-error");
        assert!(!failed, "{function} failed: {answer}");
        answer.body
    }

    /// `GET /api/runs/{run_id}`, the `run` of it.
    pub async fn run(&self, run_id: Uuid) -> Value {
        self.get(&format!("/api/runs/{run_id}")).await.expect(200)["run"].clone()
    }

    /// The run, once it has ended.
    ///
    /// # Panics
    /// When it has not ended at the deadline.
    pub async fn ended(&self, run_id: Uuid) -> Value {
        eventually(&format!("run {run_id} ends (is a worker running?)"), async || {
            let run = self.run(run_id).await;
            (!run["finished_at"].is_null()).then_some(run)
        })
        .await
    }
}

/// The `id` of a JSON object.
///
/// # Panics
/// When it is not a UUID.
#[must_use]
#[track_caller]
pub fn id_of(object: &Value) -> Uuid {
    let id = object["id"].as_str().unwrap_or_default();
    id.parse().unwrap_or_else(|_| panic!("no UUID as id in {object}"))
}

/// The fields of `whole`, and over them those of `more`.
fn merged(mut whole: Value, more: Value) -> Value {
    if let (Value::Object(whole), Value::Object(more)) = (&mut whole, more) {
        whole.extend(more);
    }
    whole
}
