//! Connections that the tenant does not have, or of another kind; and what is bounded by something else in the spec.

use insta::assert_snapshot;
use runplane::dag::{self, ConnectionKind, Connections};
use serde_json::json;

use crate::support::{faults, told};

#[test]
fn connections_have_to_be_there_and_fit() {
    let connections: Connections = [
        ("shop_api", ConnectionKind::Http),
        ("warehouse", ConnectionKind::Sql),
        ("alerts", ConnectionKind::Sqs),
        ("fx", ConnectionKind::Lambda),
    ]
    .map(|(name, kind)| (name.to_owned(), kind))
    .into();
    let specs = json!([
        {"steps": [
            {"id": "a", "type": "http", "with": {"connection": "shop-api", "path": "/"}},
            {"id": "b", "type": "sql", "with": {"connection": "shop_api", "statement": "select 1"}},
            {"id": "c", "type": "sqs", "with": {"connection": "alert", "body": 1}},
            {"id": "d", "type": "lambda", "with": {"connection": "nowhere"}},
        ]},
        {"steps": [
            {"id": "a", "type": "http", "with": {"connection": "shop_api", "path": "/"}},
            {"id": "b", "type": "sql", "with": {"connection": "warehouse", "statement": "select 1"}},
            {"id": "c", "type": "sqs", "with": {"connection": "alerts", "body": 1}},
            {"id": "d", "type": "lambda", "with": {"connection": "fx"}},
        ]},
    ]);
    assert_snapshot!(told(specs.clone(), |spec| dag::check(spec, Some(&connections))), @r#"
    {"steps":[{"id":"a","type":"http","with":{"connection":"shop-api","path":"/"}},{"id":"b","type":"sql","with":{"connection":"shop_api","statement":"select 1"}},{"id":"c","type":"sqs","with":{"body":1,"connection":"alert"}},{"id":"d","type":"lambda","with":{"connection":"nowhere"}}]}
        /steps/0/with/connection  the tenant has no connection "shop-api" (did you mean "shop_api"?)
        /steps/1/with/connection  "shop_api" is a connection of kind "http", but this step needs one of kind "sql"
        /steps/2/with/connection  the tenant has no connection "alert" (did you mean "alerts"?)
        /steps/3/with/connection  the tenant has no connection "nowhere"

    {"steps":[{"id":"a","type":"http","with":{"connection":"shop_api","path":"/"}},{"id":"b","type":"sql","with":{"connection":"warehouse","statement":"select 1"}},{"id":"c","type":"sqs","with":{"body":1,"connection":"alerts"}},{"id":"d","type":"lambda","with":{"connection":"fx"}}]}
        is valid
    "#);
    // Nobody knows them: nothing is said.
    assert_eq!(dag::check(&specs[0], None), []);
    // A tenant without any.
    assert_eq!(dag::check(&specs[1], Some(&Connections::new())).len(), 4);
}

#[test]
fn a_step_works_no_longer_than_its_run() {
    assert_snapshot!(faults(json!([
        {"timeout_seconds": 60, "steps": [
            {"id": "a", "type": "transform", "with": {"value": 1}, "timeout_seconds": 61},
            {"id": "b", "type": "transform", "with": {"value": 1}, "timeout_seconds": 60},
            {"id": "c", "type": "transform", "with": {"value": 1}},
        ]},
    ])), @r#"
    {"steps":[{"id":"a","timeout_seconds":61,"type":"transform","with":{"value":1}},{"id":"b","timeout_seconds":60,"type":"transform","with":{"value":1}},{"id":"c","type":"transform","with":{"value":1}}],"timeout_seconds":60}
        /steps/0/timeout_seconds  is 61 s, longer than the 60 s that /timeout_seconds gives the whole run
    "#);
}

#[test]
fn a_list_of_items_has_a_bound() {
    let spec = |count: usize| json!([{"steps": [{"id": "a", "type": "transform", "with": {"value": 1}, "for_each": {"items": vec![0; count]}}]}]);
    assert_snapshot!(faults(spec(1001)).replace(&"0,".repeat(1000), "…"), @r#"
    {"steps":[{"for_each":{"items":[…0]},"id":"a","type":"transform","with":{"value":1}}]}
        /steps/0/for_each/items  may have at most 1000 items, has 1001
    "#);
    assert!(faults(spec(1000)).ends_with("is valid\n"));
}
