//! Faults of shape at the top of a spec: what is said of a draft.

use insta::assert_snapshot;
use runplane::dag;
use serde_json::json;

use crate::support::told;

#[test]
fn what_is_not_a_spec_at_all() {
    assert_snapshot!(told(json!([null, [], "dag", 1]), dag::check_shape), @r#"
    null
          a dag_spec must be an object, is null

    []
          a dag_spec must be an object, is a list

    "dag"
          a dag_spec must be an object, is a string

    1
          a dag_spec must be an object, is a number
    "#);
}

#[test]
fn kinds_that_are_no_name() {
    assert_snapshot!(told(json!([{"kind": null}, {"kind": ""}, {"kind": 1, "steps": [5]}]), dag::check_shape), @r#"
    {"kind":null}
        /kind  must be "dag_v1" or left out, or the name of a format that workers of your own read; is null

    {"kind":""}
        /kind  must be "dag_v1" or left out, or the name of a format that workers of your own read; is empty

    {"kind":1,"steps":[5]}
        /kind  must be "dag_v1" or left out, or the name of a format that workers of your own read; is a number
        /steps/0  must be an object with "id" and "type", or an id alone (a step that does nothing), is a number
    "#);
}

#[test]
fn fields_that_a_spec_does_not_have() {
    assert_snapshot!(told(json!([
        {"step": [], "Timeout_Seconds": 5, "maxParallel": 2},
        {"on": "push", "jobs": {}},
        {"": 1, "a/b~c": 2, "kind": "dag_v1"},
    ]), dag::check_shape), @r#"
    {"Timeout_Seconds":5,"maxParallel":2,"step":[]}
        /Timeout_Seconds  is not a field of a dag_spec (did you mean "timeout_seconds"?)
        /maxParallel  is not a field of a dag_spec (did you mean "max_parallel"?)
        /step  is not a field of a dag_spec (did you mean "steps"?)

    {"jobs":{},"on":"push"}
        /jobs  is not a field of a dag_spec, which has "kind", "description", "params", "timeout_seconds", "max_parallel", "steps", "output", "retry"
        /on  is not a field of a dag_spec, which has "kind", "description", "params", "timeout_seconds", "max_parallel", "steps", "output", "retry"

    {"":1,"a/b~c":2,"kind":"dag_v1"}
        /  is not a field of a dag_spec, which has "kind", "description", "params", "timeout_seconds", "max_parallel", "steps", "output", "retry"
        /a~1b~0c  is not a field of a dag_spec, which has "kind", "description", "params", "timeout_seconds", "max_parallel", "steps", "output", "retry"
    "#);
}

#[test]
fn fields_of_the_wrong_type_or_out_of_bounds() {
    assert_snapshot!(told(json!([
        {"description": 1, "params": [], "timeout_seconds": "900", "max_parallel": true, "steps": "a"},
        {"timeout_seconds": 0, "max_parallel": 33},
        {"timeout_seconds": 604_801, "max_parallel": 1.5},
        {"timeout_seconds": -1, "max_parallel": null},
        {"description": "ä".repeat(2001)},
        {"steps": {"a": {"type": "wait"}}},
    ]), dag::check_shape), @r#"
    {"description":1,"max_parallel":true,"params":[],"steps":"a","timeout_seconds":"900"}
        /description  must be a string, is a number
        /max_parallel  must be a whole number from 1 to 32, is a boolean
        /params  must be an object, is a list
        /steps  must be a list of steps, is a string
        /timeout_seconds  must be a whole number from 1 to 604800, is a string

    {"max_parallel":33,"timeout_seconds":0}
        /max_parallel  must be a whole number from 1 to 32, is 33
        /timeout_seconds  must be a whole number from 1 to 604800, is 0

    {"max_parallel":1.5,"timeout_seconds":604801}
        /max_parallel  must be a whole number from 1 to 32, is 1.5
        /timeout_seconds  must be a whole number from 1 to 604800, is 604801

    {"max_parallel":null,"timeout_seconds":-1}
        /max_parallel  must be a whole number from 1 to 32, is null
        /timeout_seconds  must be a whole number from 1 to 604800, is -1

    {"description":"äääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää"}
        /description  may have at most 2000 characters, has 2001

    {"steps":{"a":{"type":"wait"}}}
        /steps  must be a list of steps, is an object: the id of a step is its field "id", not a key
    "#);
}

#[test]
fn retries_of_the_run() {
    assert_snapshot!(told(json!([
        {"retry": 3},
        {"retry": {"max_attempts": 21, "delay_seconds": 0, "backoff_rate": 0.5, "max_delay_seconds": 86401, "jitter": "Full"}},
        {"retry": {"attempts": 3, "on": ["timeout"]}},
        {"retry": {"max_attempts": "3", "delay_seconds": "1", "backoff_rate": [], "max_delay_seconds": null, "jitter": true}},
    ]), dag::check_shape), @r#"
    {"retry":3}
        /retry  must be an object, is a number

    {"retry":{"backoff_rate":0.5,"delay_seconds":0,"jitter":"Full","max_attempts":21,"max_delay_seconds":86401}}
        /retry/backoff_rate  must be a number from 1 to 10, is 0.5
        /retry/delay_seconds  must be a number of seconds above 0, at most 86400 (a day), is 0
        /retry/jitter  must be one of "full", "none", is "Full" (did you mean "full"?)
        /retry/max_attempts  must be a whole number from 1 to 20, is 21
        /retry/max_delay_seconds  must be a number of seconds above 0, at most 86400 (a day), is 86401

    {"retry":{"attempts":3,"on":["timeout"]}}
        /retry/attempts  is not a field of the "retry" of a run, which has "max_attempts", "delay_seconds", "backoff_rate", "max_delay_seconds", "jitter"
        /retry/on  is not a field of the "retry" of a run, which has "max_attempts", "delay_seconds", "backoff_rate", "max_delay_seconds", "jitter"

    {"retry":{"backoff_rate":[],"delay_seconds":"1","jitter":true,"max_attempts":"3","max_delay_seconds":null}}
        /retry/backoff_rate  must be a number from 1 to 10, is a list
        /retry/delay_seconds  must be a number of seconds above 0, at most 86400 (a day), is a string
        /retry/jitter  must be one of "full", "none", is a boolean
        /retry/max_attempts  must be a whole number from 1 to 20, is a string
        /retry/max_delay_seconds  must be a number of seconds above 0, at most 86400 (a day), is null
    "#);
}

#[test]
fn nul_anywhere() {
    assert_snapshot!(told(json!([
        {"description": "a\u{0}", "params": {"x\u{0}": ["\u{0}"]}},
        {"kind": "ours", "deep": [{"text": "\u{0}"}]},
    ]), dag::check_shape).replace('\0', "␀"), @r#"
    {"description":"a\u0000","params":{"x\u0000":["\u0000"]}}
        /description  must not contain the character NUL (\u0000), which Postgres cannot store
        /params/x␀  the name must not contain the character NUL (\u0000), which Postgres cannot store
        /params/x␀/0  must not contain the character NUL (\u0000), which Postgres cannot store

    {"deep":[{"text":"\u0000"}],"kind":"ours"}
        /deep/0/text  must not contain the character NUL (\u0000), which Postgres cannot store
    "#);
}

#[test]
fn too_many_steps_and_too_many_bytes() {
    let steps = vec!["a"; 201];
    assert_snapshot!(told(json!([{"steps": steps}]), dag::check_shape).replace(&"\"a\",".repeat(190), "…"), @r#"
    {"steps":[…"a","a","a","a","a","a","a","a","a","a","a"]}
        /steps  may have at most 200 steps, has 201
    "#);
    let long = "x".repeat(256 * 1024);
    assert_snapshot!(
        told(json!([{"description": long}, {"kind": "ours", "their": long}]), dag::check_shape).replace(&long, "…"), @r#"
    {"description":"…"}
          may have at most 262144 bytes as compact JSON, has 262162

    {"kind":"ours","their":"…"}
          may have at most 262144 bytes as compact JSON, has 262170
    "#);
}

#[test]
fn exactly_what_may_be_stored_is_accepted() {
    let frame = json!({"kind": "ours", "a": ""}).to_string().len();
    let full = json!({"kind": "ours", "a": "x".repeat(256 * 1024 - frame)});
    assert_eq!(full.to_string().len(), 256 * 1024);
    assert_eq!(dag::check_shape(&full), []);
    assert_eq!(dag::check(&full, None), []);
}
