//! Specs that mean harm: they are answered, soon, and on the small stack that a test's thread has.

use std::time::{Duration, Instant};

use runplane::dag;
use serde_json::{Value, json};

use crate::support::{assert_valid, large, with_expression};

/// Whatever is found, it is found before a caller would have given up, in a build without optimisation, on a busy machine.
fn checked(spec: &Value) -> Vec<dag::Fault> {
    let started = Instant::now();
    dag::check_shape(spec);
    let faults = dag::check(spec, None);
    assert!(started.elapsed() < Duration::from_secs(10), "took {:?}", started.elapsed());
    let bytes: usize = faults.iter().map(|fault| fault.pointer.len() + fault.detail.len()).sum();
    assert!(faults.len() <= 100 && bytes < 512 * 1024, "{} faults of {bytes} bytes", faults.len());
    faults
}

/// Lists within lists.
fn nested(depth: usize) -> Value {
    (1..depth).fold(json!([]), |inner, _| Value::Array(vec![inner]))
}

#[test]
fn what_is_nested_too_deep_is_answered_whatever_the_depth() {
    // `with`, its `value`, and the lists: 64 levels with the spec, the steps and the step.
    let spec =
        |depth: usize| json!({"steps": [{"id": "a", "type": "transform", "with": {"value": nested(depth)}}]});
    assert_valid(&spec(60), None);
    for (depth, opaque) in [(61, false), (120, false), (63, true), (120, true)] {
        let spec = if opaque { json!({"kind": "ours", "deep": nested(depth)}) } else { spec(depth) };
        let faults = checked(&spec);
        if opaque && depth == 63 {
            assert_eq!(faults, []);
            continue;
        }
        assert_eq!(faults.len(), 1);
        assert!(faults[0].detail.starts_with("lies deeper than 64 levels"), "{faults:?}");
    }
    // No request brings such a value, as JSON is read to 128 levels; whoever makes one himself gets the same answer.
    let deep = std::thread::Builder::new().stack_size(256 * 1024 * 1024);
    let thread = deep.spawn(|| checked(&json!({ "params": nested(100_000) })).len()).unwrap();
    assert_eq!(thread.join().unwrap(), 1);
}

#[test]
fn two_hundred_steps_that_read_two_hundred_others_are_valid() {
    let spec = large();
    assert!(spec.to_string().len() <= 256 * 1024);
    assert_valid(&spec, None);
}

#[test]
fn a_spec_that_is_wrong_everywhere_is_answered() {
    let many = 256 * 1024;
    // As JSON writes it.
    let text = |piece: &str| piece.repeat((many - 1024) / (json!(piece).to_string().len() - 2));
    let one = |value: Value| json!({"steps": [{"id": "a", "type": "transform", "with": {"value": value}}]});
    let list = |item: Value| Value::Array(vec![item.clone(); (many - 1024) / (item.to_string().len() + 1)]);
    let fields: serde_json::Map<_, _> =
        (0..18_000).map(|number| (format!("step_{number}"), json!(1))).collect();
    let long_key = |value: Value| Value::Object([("k".repeat(100_000), value)].into_iter().collect());
    for spec in [
        one(json!(text("${.x}"))),
        one(json!(text("${"))),
        one(json!(text("${#"))),
        one(json!(text("${\\\""))),
        one(json!(text("${[}"))),
        one(list(json!("${env}"))),
        one(list(json!("${"))),
        one(long_key(json!(vec!["\0"; 5000]))),
        one(long_key(json!(vec!["${"; 5000]))),
        json!({ "steps": list(json!(1)) }),
        json!({ "steps": list(json!({})) }),
        json!({ "steps": list(json!("a")) }),
        json!({ "steps": [{"id": "a", "type": "transform", "with": {"value": 1}, "depends_on": list(json!("nowhere"))}] }),
        json!({ "steps": [{"id": "a", "type": "transform", "with": {"value": 1}, "depends_on": list(json!("a"))}] }),
        Value::Object(fields.clone()),
        json!({ "params": { "properties": fields } }),
        json!({ "params": { "required": list(json!(1)) } }),
        json!({ "params": { "allOf": list(json!({"pattern": "("})) } }),
        json!({ "params": { "allOf": list(json!({"$ref": "#/nowhere"})) } }),
        json!({ "params": { "allOf": list(json!({"default": 1, "type": "null"})) } }),
        json!({ "params": { "pattern": text("(a*)*") } }),
        json!({ "params": { "pattern": "(".repeat(100_000) } }),
    ] {
        let bytes = spec.to_string().len();
        assert!((many / 8..=many).contains(&bytes), "{bytes}: {}", &spec.to_string()[..200]);
        assert!(!checked(&spec).is_empty(), "{}", &spec.to_string()[..200]);
    }
}

#[test]
fn every_step_in_one_cycle_and_every_step_in_every_cycle() {
    let step = |id: usize, depends_on: Vec<String>| json!({"id": format!("s{id}"), "type": "transform", "with": {"value": 0}, "depends_on": depends_on});
    let ring: Value = (0..200).map(|id| step(id, vec![format!("s{}", (id + 1) % 200)])).collect();
    let faults = checked(&json!({ "steps": ring }));
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].pointer, "/steps/199/depends_on/0");
    // The number of cycles among steps that all wait for each other has 370 digits.
    let all: Value =
        (0..150).map(|id| step(id, (0..150).map(|other| format!("s{other}")).collect())).collect();
    assert!(checked(&json!({ "steps": all })).len() > 1);
}

#[test]
fn expressions_nested_without_brackets_take_no_more_stack_than_there_is() {
    for piece in [
        "-",
        ". as $x | ",
        "try ",
        "if ",
        "reduce ",
        "label $x | ",
        ".|",
        ".=",
        ".//",
        ".+",
        ".,",
        "def f: ",
        "{a:",
        "[",
        "(",
        "\"\\(",
        "..|",
        "not|",
        "if . then ",
        "if . then . elif ",
        ". as [$a] | ",
        "foreach . as $x (",
        "@json \"\\(",
        ".[",
        ".a[",
        "select(",
        "?",
        ".?",
        ".a",
        "#",
        "::",
        "1",
    ] {
        // As many as are allowed at all, and as many as are allowed of the operators.
        for count in [4000 / piece.len(), 63, 64, 127, 128] {
            let text = piece.repeat(count);
            for tail in [".", "1", "$x", "", "end", ")", "]"] {
                checked(&with_expression(&format!("{text}{tail}")));
                let closed: String = text.chars().rev().filter_map(closing).collect();
                checked(&with_expression(&format!("{text}{tail}{closed}")));
            }
        }
    }
}

fn closing(open: char) -> Option<char> {
    match open {
        '(' => Some(')'),
        '[' => Some(']'),
        '{' => Some('}'),
        '"' => Some('"'),
        _ => None,
    }
}

#[test]
fn what_operators_and_brackets_are_allowed_is_allowed_together() {
    // A pipe within each bracket, and as many more as there may be.
    let brackets = format!("{}.{}", "(. | ".repeat(64), ")".repeat(64));
    let pipes = " | .".repeat(128 - 64);
    assert_valid(&with_expression(&format!("{brackets}{pipes}")), None);
    let one_more = checked(&with_expression(&format!("{brackets}{pipes} | .")));
    assert!(one_more[0].detail.contains("at most 128 operators and keywords, has 129"), "{one_more:?}");
    // Both at their worst: the parser goes through both for each level.
    for (open, within, close) in [
        ("(", "-", ")"),
        ("[", "try ", "]"),
        ("\"\\(", "-", ")\""),
        ("{a:", "-", "}"),
        ("(", ". as $x | ", ")"),
        ("select(", "label $x | ", ")"),
    ] {
        let deepest = format!("{}{}1{}", open.repeat(64), within.repeat(64), close.repeat(64));
        checked(&with_expression(&deepest));
        let inner = format!("{open}{within}");
        checked(&with_expression(&format!("{}{}1{}", inner.repeat(64), "-".repeat(64), close.repeat(64))));
    }
    // Commas are not counted: a list may be long.
    assert_valid(&with_expression(&format!("[{}1]", "1,".repeat(2000))), None);
}
