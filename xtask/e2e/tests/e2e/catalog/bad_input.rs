//! Bodies and paths that are refused: each a problem that names the place, never a 5xx, and nothing is stored.

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
    world: World,
    draft: Uuid,
    faults: Vec<String>,
}

impl Checker {
    pub async fn new() -> Self {
        let stack = Stack::connect().await;
        let world = World::new(&stack).await;
        let draft = world.draft(&stack, json!({})).await;
        Self { stack, world, draft, faults: Vec::new() }
    }

    fn target(&self, endpoint: Endpoint) -> (Method, String) {
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
    fn good(&self, endpoint: Endpoint) -> Value {
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

#[tokio::test]
async fn what_is_not_a_json_object_is_refused() {
    let mut checker = Checker::new().await;
    for endpoint in ENDPOINTS {
        for body in ["", " ", "{", "x", "{}{}", "{\"a\":\"\\ud800\"}", "nul"] {
            checker.refused(endpoint, body.into(), &["malformed_json"], None).await;
        }
        for body in ["[]", "null", "1", "\"x\"", "[{}]"] {
            checker.refused(endpoint, body.into(), &["invalid_field"], Some("")).await;
        }
        let (method, path) = checker.target(endpoint);
        let request = checker.stack.request(method, &path).header("content-type", "text/plain").body("{}");
        let answer = checker.stack.answer(request).await;
        answer.expect_problem(415, "unsupported_media_type");
        let large = format!("{{\"name\":\"{}\"}}", "x".repeat(1024 * 1024));
        checker.refused(endpoint, large, &["payload_too_large"], None).await;
    }
    checker.finish();
}

#[tokio::test]
async fn a_field_that_nobody_knows_is_refused() {
    let mut checker = Checker::new().await;
    for endpoint in ENDPOINTS {
        for field in ["colour", "id", "created_at", "approved_at", "dag_sha256", "NAME", "a\0b"] {
            checker.field_refused(endpoint, field, "1").await;
        }
    }
    // Known elsewhere, and not to be changed here.
    for (endpoint, field) in [
        (UpdateTenant, "tenant_id"),
        (UpdatePipeline, "tenant_id"),
        (EditVersion, "tenant_id"),
        (EditVersion, "pipeline_id"),
        (EditVersion, "status"),
        (EditVersion, "copy_of"),
        (CreateVersion, "status"),
        (CreateVersion, "revision"),
        (ChangeStatus, "dag_spec"),
        (CreateConnection, "allow_private_addresses"),
        (CreateConnection, "secret"),
        (CreateConnection, "password"),
    ] {
        checker.field_refused(endpoint, field, "\"x\"").await;
    }
    checker.finish();
}

/// The endpoint, the field, and what it must not be; the field is the place that the problem names.
const WRONG: &[(Endpoint, &str, &[&str])] = &[
    (CreateTenant, "name", &["null", "5", "[]", "{}", "true", "\"\""]),
    (CreateTenant, "max_running", &["\"1\"", "1.5", "-1", "2147483648", "[]", "true"]),
    (CreateTenant, "paused", &["\"true\"", "1", "[]"]),
    (UpdateTenant, "name", &["5", "\"\"", "[]"]),
    (UpdateTenant, "max_running", &["\"1\"", "1.5", "-1", "2147483648", "{}"]),
    (UpdateTenant, "paused", &["0", "\"no\""]),
    (CreatePipeline, "tenant_id", &["null", "\"x\"", "5", "\"\""]),
    (CreatePipeline, "name", &["null", "5", "\"\""]),
    (CreatePipeline, "description", &["5", "[]"]),
    (CreatePipeline, "queue", &["5", "\"\"", "[]"]),
    (CreatePipeline, "max_running", &["\"1\"", "-1"]),
    (UpdatePipeline, "description", &["5", "[]"]),
    (UpdatePipeline, "queue", &["5", "\"\""]),
    (UpdatePipeline, "max_running", &["-1", "1e3", "\"\""]),
    (UpdatePipeline, "paused", &["\"\"", "2"]),
    (CreateVersion, "tenant_id", &["null", "\"x\"", "[]"]),
    (CreateVersion, "pipeline_id", &["null", "\"x\"", "7"]),
    (CreateVersion, "version", &["null", "1", "1.0", "\"\"", "[]"]),
    (CreateVersion, "dag_spec", &["null", "[]", "\"{}\"", "5", "true"]),
    (CreateVersion, "copy_of", &["\"x\"", "5", "\"0199e0c0-0000-7000-8000-0000000000ff\""]),
    (EditVersion, "dag_spec", &["null", "[]", "\"{}\"", "5"]),
    (EditVersion, "version", &["1", "\"\""]),
    (EditVersion, "revision", &["0", "-1", "\"1\"", "1.0", "2147483648"]),
    (ChangeStatus, "status", &["null", "\"DRAFT\"", "\"approved\"", "\"\"", "5", "\"QUEUED\"", "[]"]),
    (ChangeStatus, "comment", &["5", "[]"]),
    (ChangeStatus, "revision", &["0", "\"1\"", "1.5"]),
    (ChangeStatus, "approved_by", &["5", "\"\"", "{}"]),
    (CreateConnection, "tenant_id", &["null", "\"x\""]),
    (CreateConnection, "name", &["null", "\"\"", "5"]),
    (CreateConnection, "kind", &["null", "\"ftp\"", "\"HTTP\"", "5", "\"\""]),
    (CreateConnection, "config", &["null", "[]", "\"x\"", "{}", "{\"function\":\"\"}", "{\"function\":5}"]),
    (CreateConnection, "secret_ref", &["\"\"", "\"a b\"", "5", "\"ü\"", "\"name\""]),
];

#[tokio::test]
async fn a_field_of_the_wrong_type_or_out_of_bounds_is_named() {
    let mut checker = Checker::new().await;
    for (endpoint, field, wrong) in WRONG {
        for raw in *wrong {
            checker.field_refused(*endpoint, field, raw).await;
        }
    }
    checker.finish();
}

#[tokio::test]
async fn nul_characters_are_refused_where_they_stand() {
    let mut checker = Checker::new().await;
    let nul = r#""a\u0000b""#;
    for (endpoint, field) in [
        (CreateTenant, "name"),
        (UpdateTenant, "name"),
        (CreatePipeline, "name"),
        (CreatePipeline, "description"),
        (CreatePipeline, "queue"),
        (UpdatePipeline, "name"),
        (UpdatePipeline, "description"),
        (UpdatePipeline, "queue"),
        (CreateVersion, "version"),
        (EditVersion, "version"),
        (ChangeStatus, "comment"),
        (ChangeStatus, "approved_by"),
        (CreateConnection, "name"),
        (CreateConnection, "secret_ref"),
    ] {
        checker.field_refused(endpoint, field, nul).await;
    }
    let config = format!("{{\"function\":{nul}}}");
    checker.field_refused(CreateConnection, "config", &config).await;
    checker.finish();
}

#[tokio::test]
async fn a_connection_has_nothing_that_its_kind_does_not_know() {
    let mut checker = Checker::new().await;
    for (kind, config, place) in [
        ("http", json!({ "base_url": "https://u:p@example.com" }), "/config/base_url"),
        ("http", json!({ "base_url": "https://example.com/?token=x" }), "/config/base_url"),
        ("http", json!({ "base_url": "https://example.com/#x" }), "/config/base_url"),
        ("http", json!({ "base_url": "file:///etc/passwd" }), "/config/base_url"),
        ("http", json!({ "base_url": "" }), "/config/base_url"),
        ("http", json!({ "base_url": "https://example.com\0" }), "/config/base_url"),
        (
            "http",
            json!({ "base_url": "https://example.com", "allow_private_addresses": true }),
            "/config/allow_private_addresses",
        ),
        (
            "http",
            json!({ "base_url": "https://example.com", "headers": { "authorization": "x" } }),
            "/config/headers/authorization",
        ),
        ("http", json!({ "base_url": "https://example.com", "headers": { "X": 5 } }), "/config/headers/X"),
        ("http", json!({ "base_url": "https://example.com", "auth": { "type": "bearer" } }), "/secret_ref"),
        (
            "http",
            json!({ "base_url": "https://example.com", "auth": { "type": "bearer", "token": "x" } }),
            "/config/auth/token",
        ),
        ("sql", json!({ "host": "db", "database": "d" }), "/config/user"),
        ("sql", json!({ "host": "db", "database": "d", "user": "u", "password": "p" }), "/config/password"),
        ("sql", json!({ "host": "db", "database": "d", "user": "u", "port": 65536 }), "/config/port"),
        ("sql", json!({ "url": "postgres://u:p@db/d" }), "/config"),
        ("lambda", json!({ "function": "f", "base_url": "https://example.com" }), "/config/base_url"),
        ("sqs", json!({ "queue_url": "arn:aws:sqs:eu-central-1:1:q" }), "/config/queue_url"),
    ] {
        let mut body = checker.good(CreateConnection);
        body["kind"] = json!(kind);
        body["config"] = config;
        checker.refused(CreateConnection, body.to_string(), &["invalid_field"], Some(place)).await;
    }
    checker.finish();
}

#[tokio::test]
async fn a_version_needs_a_spec_or_something_to_copy_and_not_both() {
    let mut checker = Checker::new().await;
    let neither = checker.world.version(json!({}));
    checker.refused(CreateVersion, neither.to_string(), &["invalid_field"], Some("/dag_spec")).await;
    let both = checker.world.version(json!({ "dag_spec": {}, "copy_of": checker.draft }));
    checker.refused(CreateVersion, both.to_string(), &["invalid_field"], Some("/copy_of")).await;
    let one_is_null = checker.world.version(json!({ "dag_spec": null, "copy_of": checker.draft }));
    let answer = checker.send(CreateVersion, one_is_null.to_string()).await.expect("an answer");
    answer.expect(201);
    checker.finish();
}

#[tokio::test]
async fn an_id_that_is_no_uuid_is_refused_by_name() {
    let stack = Stack::connect().await;
    for id in ["x", "1", "%00", "%FF", "0199e0c0-0000-7000-8000-00000000000g", "null"] {
        for (method, path, name) in [
            (Method::GET, format!("/api/tenants/{id}"), "/tenant_id"),
            (Method::PATCH, format!("/api/tenants/{id}"), "/tenant_id"),
            (Method::GET, format!("/api/pipelines/{id}"), "/pipeline_id"),
            (Method::PATCH, format!("/api/pipelines/{id}"), "/pipeline_id"),
            (Method::GET, format!("/api/pipeline-versions/{id}"), "/pipeline_version_id"),
            (Method::PUT, format!("/api/pipeline-versions/{id}"), "/pipeline_version_id"),
            (Method::POST, format!("/api/pipeline-versions/{id}/status"), "/pipeline_version_id"),
            (Method::GET, format!("/api/connections/{id}"), "/connection_id"),
            (Method::DELETE, format!("/api/connections/{id}"), "/connection_id"),
        ] {
            let answer = stack.answer(stack.request(method, &path)).await;
            answer.expect_problem(400, "invalid_field").expect_pointer(name);
        }
    }
}

#[tokio::test]
async fn a_query_that_a_path_with_an_id_does_not_know_is_refused() {
    let stack = Stack::connect().await;
    let world = World::new(&stack).await;
    let path = format!("/api/pipelines/{}", world.pipeline);
    for (name, value) in [("tenant_id", "x"), ("tenant_id", ""), ("colour", "red"), ("limit", "1")] {
        let answer = stack.get_with(&path, &[(name, value)]).await;
        answer.expect_problem(400, "invalid_field").expect_pointer(&format!("/{name}"));
    }
}
