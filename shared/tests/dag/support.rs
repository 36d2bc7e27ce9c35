//! How the tests show what is wrong with a spec.

use runplane::dag::{self, Connections, Fault};
use serde_json::{Value, json};

/// The spec of docs/, which a reader of the documents starts from.
pub fn example() -> Value {
    serde_json::from_str(include_str!("../../../docs/dag_spec.example.json")).unwrap()
}

/// A spec that has every field that there is.
pub fn everything() -> Value {
    let retry = json!({"max_attempts": 20, "delay_seconds": 0.5, "backoff_rate": 1, "max_delay_seconds": 86400, "jitter": "none", "on": ["timeout"]});
    let common = |id: &str, name: &str, with: Value| {
        json!({"id": id, "type": name, "description": "d", "depends_on": ["start"], "run_if": "all_done", "if": "${ true }",
               "for_each": {"items": [1, "${ .params }"], "max_parallel": 32, "tolerated_failures": 0}, "with": with,
               "output": {"all": ["${ .result }", "${ .item }", "${ .index }"]}, "timeout_seconds": 840, "retry": retry, "continue_on_error": true})
    };
    json!({
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
    })
}

/// Each of the specs, which are given as JSON, and below it what is wrong with it: the pointer and the sentence.
pub fn told(specs: Value, check: impl Fn(&Value) -> Vec<Fault>) -> String {
    let told = specs.as_array().unwrap().iter().map(|spec| format!("{spec}\n{}", lines(&check(spec))));
    told.collect::<Vec<_>>().join("\n")
}

/// What an approval finds wrong with these specs, with no connections known.
pub fn faults(specs: Value) -> String {
    told(specs, |spec| dag::check(spec, None))
}

/// What an approval finds wrong with specs of these steps.
pub fn faults_of_steps(steps: Value) -> String {
    told(steps, |steps| dag::check(&json!({ "steps": steps }), None))
}

/// What an approval finds wrong with a spec whose one step, a `transform`, has this expression. Each is shown without its `${ }`.
pub fn faults_of_expressions(expressions: &[&str]) -> String {
    let told = expressions.iter().map(|expression| {
        let faults = dag::check(&with_expression(expression), None);
        let details = faults.iter().map(|fault| format!("    {}\n", fault.detail)).collect::<String>();
        format!("{expression}\n{}", if details.is_empty() { "    is valid\n".to_owned() } else { details })
    });
    told.collect()
}

/// A spec whose second step has this expression, after a step `a` that it waits for and beside a step `other` that it does not.
pub fn with_expression(expression: &str) -> Value {
    json!({"steps": [
        {"id": "a", "type": "transform", "with": {"value": 1}},
        {"id": "other", "type": "transform", "with": {"value": 1}},
        {"id": "b", "type": "transform", "depends_on": ["a"], "with": {"value": format!("${{{expression}}}")}},
    ]})
}

/// Asserts that an approval finds nothing wrong.
#[track_caller]
pub fn assert_valid(spec: &Value, connections: Option<&Connections>) {
    let faults = dag::check(spec, connections);
    assert!(faults.is_empty(), "{spec}\n{}", lines(&faults));
    assert_eq!(dag::check_shape(spec), [], "what may be approved has a right shape");
}

/// 200 steps in a row, of which each reads 200 times from those before it.
pub fn large() -> Value {
    let id = |step: usize| {
        [b'a' + (step / 26) as u8, b'a' + (step % 26) as u8].map(char::from).iter().collect::<String>()
    };
    let step = |number: usize| {
        let reads: String =
            (0..200).filter(|_| number > 0).map(|read| format!(".{},", id(read % number.max(1)))).collect();
        let value = format!("${{[.steps|{reads}0]}}");
        let depends_on: Vec<_> = number.checked_sub(1).map(id).into_iter().collect();
        json!({"id": id(number), "type": "transform", "with": {"value": value}, "depends_on": depends_on})
    };
    json!({ "steps": (0..200).map(step).collect::<Vec<_>>() })
}

fn lines(faults: &[Fault]) -> String {
    if faults.is_empty() {
        return "    is valid\n".to_owned();
    }
    faults.iter().map(|fault| format!("    {}  {}\n", fault.pointer, fault.detail)).collect()
}
