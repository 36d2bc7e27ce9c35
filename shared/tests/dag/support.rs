//! How the tests show what is wrong with a spec.

use runplane::dag::{self, Connections, Fault};
use serde_json::{Value, json};

/// The spec of docs/, which a reader of the documents starts from.
pub fn example() -> Value {
    serde_json::from_str(include_str!("../../../docs/dag_spec.example.json")).unwrap()
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

fn lines(faults: &[Fault]) -> String {
    if faults.is_empty() {
        return "    is valid\n".to_owned();
    }
    faults.iter().map(|fault| format!("    {}  {}\n", fault.pointer, fault.detail)).collect()
}
