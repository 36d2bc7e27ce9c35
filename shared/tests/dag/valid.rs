//! What may be approved.

use runplane::dag::{ConnectionKind, Connections};
use serde_json::json;

use crate::support::{assert_valid, example};

#[test]
fn the_example_of_the_documents_is_valid() {
    let connections: Connections = [
        ("shop_api", ConnectionKind::Http),
        ("fx_rates", ConnectionKind::Lambda),
        ("warehouse", ConnectionKind::Sql),
        ("ops_alerts", ConnectionKind::Sqs),
    ]
    .map(|(name, kind)| (name.to_owned(), kind))
    .into();
    assert_valid(&example(), Some(&connections));
    assert_valid(&example(), None);
}

#[test]
fn every_shorthand_is_valid() {
    for spec in [
        json!({}),
        json!({"steps": []}),
        json!({"kind": "dag_v1"}),
        json!({"kind": "dag_v1", "steps": ["extract", "load"]}),
        json!({"steps": ["extract", {"id": "shape", "type": "transform", "with": {"value": null}}, "load"]}),
    ] {
        assert_valid(&spec, Some(&Connections::new()));
    }
}

#[test]
fn a_string_step_runs_after_the_one_before_it() {
    let reader = |before: serde_json::Value| {
        json!({"steps": [
            {"id": "first", "type": "transform", "with": {"value": 1}},
            before,
            "third",
            {"id": "last", "type": "transform", "depends_on": ["third"], "with": {"value": "${ .steps.first.output }"}},
        ]})
    };
    assert_valid(&reader(json!("second")), None);
    // A step that is an object does not.
    let faults = runplane::dag::check(
        &reader(json!({"id": "second", "type": "transform", "with": {"value": 2}})),
        None,
    );
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].pointer, "/steps/3/with/value");
}

#[test]
fn what_is_opaque_is_not_looked_into() {
    assert_valid(
        &json!({"kind": "theirs", "steps": {"a": [{"id": 1}]}, "params": 5, "retry": {"max_attempts": 99}}),
        None,
    );
}

#[test]
fn every_field_of_every_type_may_be_given() {
    let retry = json!({"max_attempts": 20, "delay_seconds": 0.5, "backoff_rate": 1, "max_delay_seconds": 86400, "jitter": "none", "on": ["timeout"]});
    let common = |id: &str, name: &str, with: serde_json::Value| {
        json!({"id": id, "type": name, "description": "d", "depends_on": ["start"], "run_if": "all_done", "if": "${ true }",
               "for_each": {"items": [1, "${ .params }"], "max_parallel": 32, "tolerated_failures": 0}, "with": with,
               "output": {"all": ["${ .result }", "${ .item }", "${ .index }"]}, "timeout_seconds": 840, "retry": retry, "continue_on_error": true})
    };
    assert_valid(
        &json!({
            "kind": "dag_v1", "description": "d", "timeout_seconds": 604_800, "max_parallel": 32,
            "params": {"properties": {"a": {"type": "integer", "default": 1}}, "required": ["a"], "additionalProperties": false},
            "retry": {"max_attempts": 3.0, "delay_seconds": 1, "backoff_rate": 10, "max_delay_seconds": 9, "jitter": "full"},
            "steps": [
                "start",
                common("http_url", "http", json!({"url": "https://example.org/${ .item }", "method": "PUT", "query": {"q": "${ .index }"},
                    "headers": {"x": "$${ literal }"}, "body": {"deep": ["${ .params.a }"]}, "success_status": [200, "3xx"]})),
                common("http_path", "http", json!({"connection": "c", "path": "/v1"})),
                common("sql", "sql", json!({"connection": "c", "statement": "select $1", "args": ["${ .item }"], "max_rows": 10_000})),
                common("lambda", "lambda", json!({"connection": "c", "payload": null, "invocation": "event"})),
                common("sqs", "sqs", json!({"connection": "c", "body": "", "group_id": "g", "deduplication_id": "${ .run.id }", "delay_seconds": 900})),
                common("transform", "transform", json!({"value": "${ .item }"})),
                common("wait", "wait", json!({"seconds": "${ .item }"})),
                common("until", "wait", json!({"until": "2026-12-24T18:00:00Z"})),
                common("artifact", "artifact", json!({"artifact_type": "t", "payload": {}})),
                common("fail", "fail", json!({"error": "e", "message": "m ${ .item }"})),
            ],
            "output": {"${ key }": "${ .steps.sql.output }"},
        }),
        None,
    );
}
