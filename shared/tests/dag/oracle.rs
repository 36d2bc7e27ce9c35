//! `check_shape` against docs/dag_spec.schema.json: one is what users read and their editors check, the other what Runplane does.

use jsonschema::Validator;
use proptest::prelude::*;
use proptest::sample::Index;
use runplane::dag;
use serde_json::{Value, json};

use crate::support::{everything, example};

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../docs/dag_spec.schema.json")).unwrap()
}

fn oracle() -> Validator {
    jsonschema::options().should_validate_formats(true).build(&schema()).unwrap()
}

/// Asserts that both say the same. What the schema cannot say (size, depth, NUL, opaque kinds) does not come here.
#[track_caller]
fn assert_agreed(oracle: &Validator, spec: &Value) {
    if spec.get("kind").and_then(Value::as_str).is_some_and(|kind| !kind.is_empty() && kind != "dag_v1") {
        return;
    }
    let (faults, errors) = (dag::check_shape(spec), oracle.iter_errors(spec).map(|error| error.to_string()));
    let errors: Vec<_> = errors.collect();
    assert_eq!(faults.is_empty(), errors.is_empty(), "{spec}\nours: {faults:#?}\nthe schema's: {errors:#?}");
}

/// What may be put somewhere: right in one place, wrong in another.
fn anything() -> impl Strategy<Value = Value> {
    let words = [
        "a",
        "s1",
        "A",
        "",
        "http",
        "sql",
        "lambda",
        "sqs",
        "transform",
        "wait",
        "artifact",
        "fail",
        "all_done",
        "full",
        "none",
        "GET",
        "event",
        "2xx",
        "${ .a }",
        "${}",
        "${ x",
        "x ${ .a } y",
        "/v1",
        "https://a.example",
        "$${",
        "2026-12-24T18:00:00Z",
        "tomorrow",
        "dag_v1",
    ];
    let numbers = [
        -1.0,
        0.0,
        0.5,
        1.0,
        1.5,
        3.0,
        10.0,
        11.0,
        20.0,
        21.0,
        32.0,
        33.0,
        99.0,
        200.0,
        840.0,
        841.0,
        900.0,
        901.0,
        1000.0,
        1001.0,
        10_000.0,
        10_001.0,
        86_400.0,
        86_401.0,
        604_800.0,
        604_801.0,
        31_536_000.0,
        31_536_001.0,
        1e300,
    ];
    prop_oneof![
        3 => proptest::sample::select(words.to_vec()).prop_map(|word| json!(word)),
        2 => proptest::sample::select(numbers.to_vec()).prop_map(|number| json!(number)),
        1 => proptest::sample::select(vec![0_i64, 1, 3, 32, 33, 200, 600, 840, 841]).prop_map(|number| json!(number)),
        2 => proptest::sample::select(vec![json!(null), json!(true), json!([]), json!({}), json!([1]), json!(["a"]), json!(["a", "a"]), json!({"seconds": 1}),
            json!({"url": "https://a.example"}), json!({"connection": "c", "path": "/"}), json!({"connection": "c", "statement": "select 1"}), json!({"items": [1]}),
            json!({"value": 1}), json!({"error": "e"}), json!({"max_attempts": 2}), json!({"id": "z", "type": "transform", "with": {"value": 1}}),
            json!("x".repeat(501)), json!("x".repeat(2001)), json!("x".repeat(101)), json!("x".repeat(201)), json!(format!("${{{}}}", "x".repeat(4098)))]),
    ]
}

/// A change somewhere in a spec.
#[derive(Clone, Debug)]
enum Change {
    Replace(Index, Value),
    Remove(Index),
    Add(Index, Index, Value),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (any::<Index>(), anything()).prop_map(|(place, value)| Change::Replace(place, value)),
        2 => any::<Index>().prop_map(Change::Remove),
        3 => (any::<Index>(), any::<Index>(), anything()).prop_map(|(place, name, value)| Change::Add(place, name, value)),
    ]
}

/// Every place in a value.
fn places(value: &Value, at: &str, places: &mut Vec<String>) {
    places.push(at.to_owned());
    match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, item)| self::places(item, &format!("{at}/{index}"), places)),
        Value::Object(fields) => {
            fields.iter().for_each(|(key, field)| self::places(field, &format!("{at}/{key}"), places))
        }
        _ => {}
    }
}

const NAMES: [&str; 24] = [
    "id",
    "type",
    "with",
    "url",
    "path",
    "connection",
    "seconds",
    "until",
    "on",
    "retry",
    "for_each",
    "items",
    "depends_on",
    "if",
    "body",
    "value",
    "output",
    "steps",
    "timeout_seconds",
    "max_parallel",
    "statement",
    "args",
    "params",
    "nothing",
];

fn apply(change: &Change, spec: &mut Value) {
    let mut all = Vec::new();
    places(spec, "", &mut all);
    let pick = |place: &Index| place.get(&all).clone();
    match change {
        Change::Replace(place, value) => *spec.pointer_mut(&pick(place)).unwrap() = value.clone(),
        Change::Remove(place) => {
            let pointer = pick(place);
            let Some((parent, last)) = pointer.rsplit_once('/') else { return };
            match spec.pointer_mut(parent).unwrap() {
                Value::Object(fields) => drop(fields.remove(last)),
                Value::Array(items) => drop(items.remove(last.parse().unwrap())),
                _ => {}
            }
        }
        Change::Add(place, name, value) => match spec.pointer_mut(&pick(place)).unwrap() {
            Value::Object(fields) => drop(fields.insert((*name.get(&NAMES)).to_owned(), value.clone())),
            Value::Array(items) => items.push(value.clone()),
            _ => {}
        },
    }
}

#[test]
fn the_schema_accepts_what_is_valid() {
    let oracle = oracle();
    assert!(oracle.is_valid(&example()));
    assert!(oracle.is_valid(&everything()));
    assert!(oracle.is_valid(&json!({"steps": ["extract", "load"]})));
}

#[test]
fn the_schema_is_a_schema() {
    assert!(jsonschema::draft202012::meta::is_valid(&schema()));
}

/// Each place of a spec that has everything, with each of these values in turn.
#[test]
fn both_say_the_same_of_every_field_with_every_kind_of_value() {
    let oracle = oracle();
    let mut all = Vec::new();
    places(&everything(), "", &mut all);
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e6),
        json!(""),
        json!("a"),
        json!("${ 1 }"),
        json!([]),
        json!([1]),
        json!({}),
        json!({"a": 1}),
    ];
    for place in &all {
        for value in &values {
            let mut spec = everything();
            *spec.pointer_mut(place).unwrap() = value.clone();
            assert_agreed(&oracle, &spec);
        }
    }
}

thread_local! {
    static ORACLE: Validator = oracle();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn both_say_the_same_of_specs_that_are_nearly_right(
        from_example in any::<bool>(),
        changes in proptest::collection::vec(change(), 1..4),
    ) {
        let mut spec = if from_example { example() } else { everything() };
        changes.iter().for_each(|change| apply(change, &mut spec));
        ORACLE.with(|oracle| assert_agreed(oracle, &spec));
    }
}
