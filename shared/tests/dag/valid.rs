//! What may be approved.

use runplane::dag::{ConnectionKind, Connections};
use serde_json::json;

use crate::support::{assert_valid, everything, example};

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
    assert_valid(&everything(), None);
}
