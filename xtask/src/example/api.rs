//! The HTTP API, as a client of the demo tenant uses it.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::TENANT;

/// `cargo lambda watch` may have to compile a function first.
const TIMEOUT: Duration = Duration::from_secs(300);

/// The API of a stack.
#[derive(Debug, Clone)]
pub(super) struct Api {
    base_url: String,
    key: Option<String>,
    http: Client,
}

impl Api {
    /// The API at `base_url`, which has no slash at the end, and the key for it, if it asks for one.
    pub fn new(base_url: &str, key: Option<&str>) -> Result<Self> {
        let http = Client::builder().no_proxy().timeout(TIMEOUT).build()?;
        Ok(Self { base_url: base_url.to_owned(), key: key.map(str::to_owned), http })
    }

    /// The key for it, if it asks for one.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Where it is.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The id of the pipeline of this name, which is made if it is not there.
    pub async fn pipeline(&self, name: &str) -> Result<String> {
        let found = self.get(&format!("/api/pipelines?tenant_id={TENANT}&name={name}")).await?;
        if let Some(pipeline) = found["items"].get(0) {
            return text(pipeline, "id");
        }
        let description = format!("examples/{name}");
        let pipeline = json!({ "tenant_id": TENANT, "name": name, "description": description });
        text(&self.post("/api/pipelines", &pipeline).await?, "id")
    }

    /// The id of the APPROVED version of this name, which is made and approved where that has not been done yet.
    pub async fn version(&self, pipeline: &str, name: &str, spec: &Value) -> Result<String> {
        let mut cursor = String::new();
        loop {
            let list =
                format!("/api/pipeline-versions?tenant_id={TENANT}&pipeline_id={pipeline}&limit=100{cursor}");
            let page = self.get(&list).await?;
            let versions = page["items"].as_array().map(Vec::as_slice).unwrap_or_default();
            if let Some(version) = versions.iter().find(|version| version["version"] == name) {
                let id = text(version, "id")?;
                return if version["status"] == "APPROVED" { Ok(id) } else { self.approved(id).await };
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let version =
            json!({ "tenant_id": TENANT, "pipeline_id": pipeline, "version": name, "dag_spec": spec });
        let id = text(&self.post("/api/pipeline-versions", &version).await?, "id")?;
        self.approved(id).await
    }

    async fn approved(&self, id: String) -> Result<String> {
        let approval =
            json!({ "status": "APPROVED", "comment": "an example", "approved_by": "cargo xtask example" });
        self.post(&format!("/api/pipeline-versions/{id}/status"), &approval).await?;
        Ok(id)
    }

    /// The names of the tenant's connections, up to a hundred of them.
    pub async fn connections(&self) -> Result<Vec<String>> {
        let page = self.get(&format!("/api/connections?tenant_id={TENANT}&limit=100")).await?;
        page["items"].as_array().into_iter().flatten().map(|one| text(one, "name")).collect()
    }

    /// Creates a run; its id.
    pub async fn create(&self, run: Value) -> Result<String> {
        text(&self.post("/api/runs", &run).await?, "id")
    }

    /// `GET path`. Fails, with the problem's words, on anything but a success.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.call(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.base_url));
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.context("the API does not answer")?;
        let status = answer.status();
        let body = answer.text().await.context("the API does not answer")?;
        let body: Value = serde_json::from_str(&body).unwrap_or(Value::String(body));
        if !status.is_success() {
            bail!("{method} {path} was answered {status}: {body}");
        }
        Ok(body)
    }
}

/// A field that is a text.
pub(super) fn text(object: &Value, field: &str) -> Result<String> {
    let text = object[field].as_str().map(str::to_owned);
    text.with_context(|| format!("the API has answered without {field}: {object}"))
}
