//! What a fuzzer throws at dag_specs and expressions, and what must hold whatever it throws. `fuzz/` calls it, and a test with each file of its corpus.

use chrono::{DateTime, TimeDelta};
use serde_json::Value;

use super::plan::{self, Progress, Task};
use super::spec::Spec;
use super::template::{self, Part};
use super::{check, check_shape, evaluate, expression as jq};

/// What an expression reads here.
const CONTEXT: &str = r#"{"run":{"id":"r","attempt":1},"params":{"x":1,"list":[1,2.5,"é",null,{"a":[]}]},"steps":{"a":{"status":"SUCCEEDED","output":[1],"error":null,"attempts":1}},"item":"i","index":0,"result":{"b":true}}"#;
/// Longer expressions are checked and not evaluated: nothing bounds here what they take.
const MAX_EVALUATED_BYTES: usize = 48;
/// Nor are those with one of these, which make much of little or end the process: a worker evaluates in a child, which may end.
const NOT_EVALUATED: [&str; 5] = ["*", "=", "setpath", "strftime", "strptime"];
const MAX_BYTES: usize = 64 * 1024;

/// Text as an expression and as a template: it is checked, and what may be evaluated gives JSON or a sentence.
///
/// # Panics
/// If it does not: a defect.
pub fn expression(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let parts = template::parts(text).unwrap_or_default();
    for part in parts {
        if let Part::Expression(expression) = part {
            assert!(text.contains(expression));
            drop(jq::check_alone(expression));
        }
    }
    if jq::check_alone(text).is_ok()
        && text.len() <= MAX_EVALUATED_BYTES
        && !NOT_EVALUATED.iter().any(|part| text.contains(part))
    {
        evaluated(&Value::from(format!("${{{text}}}")));
    }
}

fn evaluated(template: &Value) {
    let Ok(json) = evaluate::render_here(template, CONTEXT, MAX_BYTES) else { return };
    assert!(json.len() <= MAX_BYTES && !json.contains('\0'));
    let value: Value = serde_json::from_str(&json).expect("what is rendered is JSON");
    // Whoever reads it writes the same.
    let again: Value = serde_json::from_str(&value.to_string()).expect("and stays so");
    assert_eq!(value, again);
}

/// Bytes as a dag_spec: it is checked, and one without faults is read, planned and runs to its end. The bytes say which of its attempts fail.
///
/// # Panics
/// If it does not: a defect.
pub fn spec(bytes: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return };
    let (shape, faults) = (check_shape(&value), check(&value, None));
    assert!(faults.len() <= 100 && (shape.is_empty() || !faults.is_empty()), "{faults:?}");
    for fault in &faults {
        assert!(fault.pointer.is_empty() || fault.pointer.starts_with('/'), "{fault:?}");
    }
    match Spec::read(&value) {
        Ok(spec) => {
            assert_eq!(faults, []);
            walk(&spec, bytes);
        }
        Err(error) => assert!(!faults.is_empty() || super::spec::opaque_kind(&value).is_some(), "{error}"),
    }
}

/// Until all steps have ended.
fn walk(spec: &Spec, bytes: &[u8]) {
    let mut progress = vec![Progress::Pending; spec.steps.len()];
    let mut now = DateTime::UNIX_EPOCH;
    let mut chance = bytes.iter().cycle().map(|byte| byte % 3);
    let mut next_chance = || chance.next().unwrap_or_default();
    // Each task starts at most twice here, and there are at most three for each step.
    for _ in 0..spec.steps.len() * 12 + 2 {
        let next = plan::next(spec, &progress, now);
        for (place, end) in next.ended {
            progress[place] = Progress::Ended(end);
        }
        if next.verdict.is_some() {
            assert!(progress.iter().all(|progress| matches!(progress, Progress::Ended(_))));
            return;
        }
        for place in next.begin {
            assert_eq!(progress[place], Progress::Pending);
            let count = if spec.steps[place].for_each.is_some() { next_chance() } else { 1 };
            progress[place] = Progress::Open(vec![Task::Due; usize::from(count)]);
        }
        for (place, task) in next.start {
            let Progress::Open(tasks) = &mut progress[place] else { panic!("starts without having begun") };
            tasks[task] = match (tasks[task], next_chance()) {
                (Task::Due, 0) => Task::At(now + TimeDelta::seconds(1)),
                (Task::Due | Task::At(_), 1) => Task::Failed,
                (Task::Due | Task::At(_), _) => Task::Succeeded,
                (other, _) => panic!("starts while it is {other:?}"),
            };
        }
        now = next.wake_at.unwrap_or(now);
    }
    panic!("it does not end: {progress:?}");
}
