//! Bodies and paths that are refused: each a problem that names the place, never a 5xx, and nothing is stored.

use e2e::Stack;
use reqwest::Method;
use serde_json::json;

use super::World;
use super::checker::Endpoint::{self, *};
use super::checker::{Checker, ENDPOINTS};

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
