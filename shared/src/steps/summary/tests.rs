use serde_json::{Value, json};

use super::*;

/// Each step as `id status run_attempt`, with its items if it has any.
fn shown(spec: &Value, rows: Value, items: Value, attempt: i32, has_ended: bool) -> Vec<String> {
    let mut rows: Vec<Value> = serde_json::from_value(rows).unwrap();
    for row in &mut rows {
        row["attempts"] = json!(1);
    }
    let rows = serde_json::from_value(json!(rows)).unwrap();
    let items: Vec<ItemGroup> = serde_json::from_value(items).unwrap();
    let steps = summaries(spec, rows, &items, attempt, has_ended);
    let text = |step: StepSummary| {
        let of = step.run_attempt.map_or("-".to_owned(), |attempt| attempt.to_string());
        let items = step.items.map_or(String::new(), |items| {
            format!(" {}/{}/{}/{}", items.total_known, items.succeeded, items.failed, items.running)
        });
        format!("{} {} {of}{items}", step.step_id, step.status.as_str())
    };
    steps.into_iter().map(text).collect()
}

fn row(step_id: &str, run_attempt: i32, status: &str) -> Value {
    json!({ "step_id": step_id, "run_attempt": run_attempt, "status": status })
}

fn group(step_id: &str, run_attempt: i32, status: &str, count: i32) -> Value {
    json!({ "step_id": step_id, "run_attempt": run_attempt, "status": status, "count": count })
}

#[test]
fn steps_stand_in_the_order_of_the_spec_and_others_after_them() {
    let spec = json!({ "steps": ["c", "a", { "id": "b", "type": "wait" }] });
    let rows = json!([
        row("a", 1, "RUNNING"),
        row("c", 1, "SUCCEEDED"),
        row("z", 1, "FAILED"),
        row("x", 1, "SUCCEEDED")
    ]);
    let now = shown(&spec, rows.clone(), json!([]), 1, false);
    assert_eq!(now, ["c SUCCEEDED 1", "a RUNNING 1", "b PENDING -", "x SUCCEEDED 1", "z FAILED 1"]);
    let ended = shown(&spec, rows, json!([]), 1, true);
    assert_eq!(ended, ["c SUCCEEDED 1", "a CANCELLED 1", "b CANCELLED -", "x SUCCEEDED 1", "z FAILED 1"]);
}

#[test]
fn what_does_not_count_any_more_is_pending_until_the_run_has_ended() {
    let spec = json!({ "steps": ["a", "b", "c"] });
    let rows = json!([
        row("a", 1, "SUCCEEDED"),
        row("b", 1, "FAILED"),
        row("c", 1, "SKIPPED"),
        row("z", 1, "FAILED")
    ]);
    assert_eq!(
        shown(&spec, rows.clone(), json!([]), 2, false),
        ["a SUCCEEDED 1", "b PENDING -", "c PENDING -", "z PENDING -"]
    );
    assert_eq!(
        shown(&spec, rows, json!([]), 2, true),
        ["a SUCCEEDED 1", "b FAILED 1", "c SKIPPED 1", "z FAILED 1"]
    );
}

#[test]
fn items_are_counted_that_count() {
    let spec = json!({ "steps": [
        { "id": "a", "type": "transform" }, { "id": "b", "type": "http", "depends_on": ["a"], "for_each": { "items": [1, 2] } },
    ] });
    assert_eq!(shown(&spec, json!([]), json!([]), 1, false), ["a PENDING -", "b PENDING - 0/0/0/0"]);
    let items =
        json!([group("b", 1, "SUCCEEDED", 5), group("b", 1, "FAILED", 2), group("b", 2, "RUNNING", 1)]);
    // Again after a failure: what had SUCCEEDED stays.
    let rows = json!([row("a", 1, "SUCCEEDED"), row("b", 2, "RUNNING")]);
    assert_eq!(shown(&spec, rows, items.clone(), 2, false)[1], "b RUNNING 2 6/5/0/1");
    let rows = json!([row("a", 1, "SUCCEEDED"), row("b", 1, "FAILED")]);
    assert_eq!(shown(&spec, rows, items.clone(), 2, false)[1], "b PENDING - 6/5/0/1");
    // What they were made from has changed.
    let rows = json!([row("a", 2, "SUCCEEDED"), row("b", 2, "RUNNING")]);
    assert_eq!(shown(&spec, rows, items.clone(), 2, false)[1], "b RUNNING 2 1/0/0/1");
    // Tolerated failures of a step that SUCCEEDED before.
    let rows = json!([row("a", 1, "SUCCEEDED"), row("b", 1, "SUCCEEDED")]);
    let items = json!([group("b", 1, "SUCCEEDED", 5), group("b", 1, "FAILED", 2)]);
    assert_eq!(shown(&spec, rows, items, 3, false)[1], "b SUCCEEDED 1 7/5/2/0");
    // Of no spec.
    let items = json!([group("x", 1, "RUNNING", 3)]);
    assert_eq!(shown(&json!({}), json!([]), items, 1, false), ["x PENDING - 3/0/0/3"]);
}
