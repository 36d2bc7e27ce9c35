//! Steps that cannot run in any order, or are not there.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::faults_of_steps;

/// A step that does nothing after others.
fn step(id: &str, depends_on: &[&str]) -> Value {
    json!({"id": id, "type": "transform", "with": {"value": 0}, "depends_on": depends_on})
}

#[test]
fn ids_that_are_there_twice() {
    assert_snapshot!(faults_of_steps(json!([["a", "b", "a"], [step("a", &[]), "b", step("a", &["b"]), step("a", &[])]])), @r#"
    ["a","b","a"]
        /steps/2  "a" is the id of /steps/0 already: each step needs one of its own

    [{"depends_on":[],"id":"a","type":"transform","with":{"value":0}},"b",{"depends_on":["b"],"id":"a","type":"transform","with":{"value":0}},{"depends_on":[],"id":"a","type":"transform","with":{"value":0}}]
        /steps/2/id  "a" is the id of /steps/0 already: each step needs one of its own
        /steps/3/id  "a" is the id of /steps/0 already: each step needs one of its own
    "#);
}

#[test]
fn dependencies_that_are_not_there() {
    assert_snapshot!(faults_of_steps(json!([[step("load", &["extrakt", "nothing"]), "extract", step("x", &["load", "lod"])]])), @r#"
    [{"depends_on":["extrakt","nothing"],"id":"load","type":"transform","with":{"value":0}},"extract",{"depends_on":["load","lod"],"id":"x","type":"transform","with":{"value":0}}]
        /steps/0/depends_on/0  there is no step "extrakt" (did you mean "extract"?)
        /steps/0/depends_on/1  there is no step "nothing"
        /steps/2/depends_on/1  there is no step "lod" (did you mean "load"?)
    "#);
}

#[test]
fn cycles_are_told_with_their_path_and_once() {
    assert_snapshot!(faults_of_steps(json!([
        [step("a", &["a"])],
        [step("a", &["b"]), step("b", &["c"]), step("c", &["a"])],
        // Two that share a step.
        [step("a", &["b"]), step("b", &["a", "c"]), step("c", &["b"])],
        // Two that share nothing, and a step that waits for both.
        [step("x", &["a", "c"]), step("a", &["b"]), step("b", &["a"]), step("c", &["d"]), step("d", &["c"])],
        // By way of strings, which run after the one before them.
        [step("a", &["c"]), "b", "c"],
    ])), @r#"
    [{"depends_on":["a"],"id":"a","type":"transform","with":{"value":0}}]
        /steps/0/depends_on/0  a step cannot wait for itself: a → a (each depends on the next)

    [{"depends_on":["b"],"id":"a","type":"transform","with":{"value":0}},{"depends_on":["c"],"id":"b","type":"transform","with":{"value":0}},{"depends_on":["a"],"id":"c","type":"transform","with":{"value":0}}]
        /steps/2/depends_on/0  these steps wait for each other for ever: a → b → c → a (each depends on the next)

    [{"depends_on":["b"],"id":"a","type":"transform","with":{"value":0}},{"depends_on":["a","c"],"id":"b","type":"transform","with":{"value":0}},{"depends_on":["b"],"id":"c","type":"transform","with":{"value":0}}]
        /steps/1/depends_on/0  these steps wait for each other for ever: a → b → a (each depends on the next)
        /steps/2/depends_on/0  these steps wait for each other for ever: b → c → b (each depends on the next)

    [{"depends_on":["a","c"],"id":"x","type":"transform","with":{"value":0}},{"depends_on":["b"],"id":"a","type":"transform","with":{"value":0}},{"depends_on":["a"],"id":"b","type":"transform","with":{"value":0}},{"depends_on":["d"],"id":"c","type":"transform","with":{"value":0}},{"depends_on":["c"],"id":"d","type":"transform","with":{"value":0}}]
        /steps/2/depends_on/0  these steps wait for each other for ever: a → b → a (each depends on the next)
        /steps/4/depends_on/0  these steps wait for each other for ever: c → d → c (each depends on the next)

    [{"depends_on":["c"],"id":"a","type":"transform","with":{"value":0}},"b","c"]
        /steps/1  these steps wait for each other for ever: a → c → b → a (each depends on the next)
    "#);
}

#[test]
fn a_diamond_is_no_cycle() {
    assert_snapshot!(faults_of_steps(json!([[step("d", &["b", "c"]), step("c", &["a"]), step("b", &["a"]), step("a", &[])]])), @r#"
    [{"depends_on":["b","c"],"id":"d","type":"transform","with":{"value":0}},{"depends_on":["a"],"id":"c","type":"transform","with":{"value":0}},{"depends_on":["a"],"id":"b","type":"transform","with":{"value":0}},{"depends_on":[],"id":"a","type":"transform","with":{"value":0}}]
        is valid
    "#);
}

#[test]
fn everything_wrong_with_a_spec_is_told_at_once() {
    assert_snapshot!(faults_of_steps(json!([[
        {"id": "a", "type": "http", "with": {"url": "https://a.example/${ .parms.x }"}, "depends_on": ["b"], "timout_seconds": 5},
        {"id": "b", "type": "sql", "with": {"connection": "c", "statement": "select 1", "args": ["${ .steps.c.output }"]}, "depends_on": ["a"]},
        {"id": "b", "type": "wait", "with": {"seconds": "${ now }"}, "if": "${ .item }"},
    ]])), @r#"
    [{"depends_on":["b"],"id":"a","timout_seconds":5,"type":"http","with":{"url":"https://a.example/${ .parms.x }"}},{"depends_on":["a"],"id":"b","type":"sql","with":{"args":["${ .steps.c.output }"],"connection":"c","statement":"select 1"}},{"id":"b","if":"${ .item }","type":"wait","with":{"seconds":"${ now }"}}]
        /steps/0/timout_seconds  is not a field of a step (did you mean "timeout_seconds"?)
        /steps/0/with/url  the expression `.parms.x` reads .parms, but the context of a run has "run", "params", "steps", "item", "index", "result" (did you mean "params"?)
        /steps/1/depends_on/0  these steps wait for each other for ever: a → b → a (each depends on the next)
        /steps/1/with/args/0  the expression `.steps.c.output` reads .steps.c, but there is no step "c"
        /steps/2/id  "b" is the id of /steps/1 already: each step needs one of its own
        /steps/2/if  the expression `.item` reads .item, which is there only in "with" and "output" of a step that has "for_each"
        /steps/2/with/seconds  the expression `now` calls `now`, which is not allowed: another attempt would see another time: use .run.started_at
    "#);
}
