//! Sends good bodies with one thing wrong, and collects what is wrong with the answers.

use e2e::{Answer, Stack};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::World;

/// An endpoint that takes a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    CreateTenant,
    UpdateTenant,
    CreatePipeline,
    UpdatePipeline,
    CreateVersion,
    EditVersion,
    ChangeStatus,
    CreateConnection,
}
use Endpoint::*;

pub const ENDPOINTS: [Endpoint; 8] = [
    CreateTenant,
    UpdateTenant,
    CreatePipeline,
    UpdatePipeline,
    CreateVersion,
    EditVersion,
    ChangeStatus,
    CreateConnection,
];

/// Sends bodies and collects what is wrong with the answers.
pub struct Checker {
    pub stack: Stack,
    pub world: World,
    pub draft: Uuid,
    faults: Vec<String>,
}

impl Checker {
    pub async fn new() -> Self {
        let stack = Stack::connect().await;
        let world = World::new(&stack).await;
        let draft = world.draft(&stack, json!({})).await;
        Self { stack, world, draft, faults: Vec::new() }
    }

    /// Where an endpoint is.
    pub fn target(&self, endpoint: Endpoint) -> (Method, String) {
        let World { tenant, pipeline } = self.world;
        let draft = self.draft;
        match endpoint {
            CreateTenant => (Method::POST, "/api/tenants".into()),
            UpdateTenant => (Method::PATCH, format!("/api/tenants/{tenant}")),
            CreatePipeline => (Method::POST, "/api/pipelines".into()),
            UpdatePipeline => (Method::PATCH, format!("/api/pipelines/{pipeline}")),
            CreateVersion => (Method::POST, "/api/pipeline-versions".into()),
            EditVersion => (Method::PUT, format!("/api/pipeline-versions/{draft}")),
            ChangeStatus => (Method::POST, format!("/api/pipeline-versions/{draft}/status")),
            CreateConnection => (Method::POST, "/api/connections".into()),
        }
    }

    /// A body that is taken; of a status, one that leads nowhere, so that the draft stays one.
    pub fn good(&self, endpoint: Endpoint) -> Value {
        let World { tenant, pipeline } = self.world;
        let name = Uuid::now_v7().to_string();
        match endpoint {
            CreateTenant => json!({ "name": name }),
            UpdateTenant | UpdatePipeline => json!({}),
            CreatePipeline => json!({ "tenant_id": tenant, "name": name }),
            CreateVersion => {
                json!({ "tenant_id": tenant, "pipeline_id": pipeline, "version": name, "dag_spec": {} })
            }
            EditVersion => json!({ "dag_spec": {} }),
            ChangeStatus => json!({ "status": "DEPRECATED" }),
            CreateConnection => {
                json!({ "tenant_id": tenant, "name": name, "kind": "lambda", "config": { "function": "f" } })
            }
        }
    }

    /// A good body in which `field` is `raw`, as it stands, whether that is JSON or not.
    pub fn good_but(&self, endpoint: Endpoint, field: &str, raw: &str) -> String {
        let mut body = self.good(endpoint);
        body.as_object_mut().expect("an object").remove(field);
        let rest = body.to_string();
        let rest = rest.trim_end_matches('}').to_owned() + if rest.ends_with("}}") { "}" } else { "" };
        let comma = if rest == "{" { "" } else { "," };
        format!("{rest}{comma}{}:{raw}}}", json!(field))
    }

    /// Sends a body.
    pub async fn send(&self, endpoint: Endpoint, body: impl Into<String>) -> Result<Answer, String> {
        let (method, path) = self.target(endpoint);
        let request = self.stack.request(method, &path).header("content-type", "application/json");
        self.stack.send(request.body(body.into())).await
    }

    /// Sends a body that has to be answered with this status and code, and an error at the place, or below it.
    pub async fn refused(&mut self, endpoint: Endpoint, body: String, codes: &[&str], place: Option<&str>) {
        let status = if codes == ["payload_too_large"] { 413 } else { 400 };
        let shown: String = body.chars().take(200).collect();
        let fault = match self.send(endpoint, body).await {
            Err(fault) => Some(fault),
            Ok(answer) => answer.problem(status, codes).err().or_else(|| {
                let at = |place: &str| {
                    let below = format!("{place}/");
                    answer.pointers().iter().any(|one| *one == place || one.starts_with(&below))
                };
                place.filter(|place| !at(place)).map(|place| format!("no error points to {place}: {answer}"))
            }),
        };
        self.faults.extend(fault.map(|fault| format!("- {endpoint:?} {shown}: {fault}")));
    }

    /// Sends a good body in which `field` is `raw`: refused at that field.
    pub async fn field_refused(&mut self, endpoint: Endpoint, field: &str, raw: &str) {
        let body = self.good_but(endpoint, field, raw);
        self.refused(endpoint, body, &["invalid_field"], Some(&format!("/{field}"))).await;
    }

    /// Sends a good body in which `field` is `raw`: taken.
    pub async fn field_taken(&mut self, endpoint: Endpoint, field: &str, raw: &str) {
        let body = self.good_but(endpoint, field, raw);
        let shown: String = body.chars().take(200).collect();
        let fault = match self.send(endpoint, body).await {
            Err(fault) => Some(fault),
            Ok(answer) if [200, 201].contains(&answer.status) => None,
            // The body was read: the draft cannot become DEPRECATED, or another test of this table has the name.
            Ok(answer) if ["invalid_transition", "already_exists"].contains(&answer.code()) => None,
            Ok(answer) => Some(answer.to_string()),
        };
        self.faults.extend(fault.map(|fault| format!("- {endpoint:?} {shown}: {fault}")));
    }

    #[track_caller]
    pub fn finish(self) {
        let count = self.faults.len();
        assert!(count == 0, "{count} answers are not as they should be:\n{}", self.faults.join("\n"));
    }
}
