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

/// What may be put somewhere: right in one place, wrong in another, and on both sides of every bound.
#[rustfmt::skip]
fn values() -> Vec<Value> {
    let words = [
        "", "a", "s1", "A", "http", "sql", "lambda", "sqs", "transform", "wait", "artifact", "fail", "all_done", "full", "none", "GET",
        "event", "2xx", "${ .a }", "${}", "${ x", "x ${ .a } y", "/v1", "https://a.example", "$${", "2026-12-24T18:00:00Z", "tomorrow", "dag_v1",
    ];
    let numbers = [
        -1.0, 0.0, 0.5, 1.0, 1.5, 3.0, 10.0, 10.5, 11.0, 20.0, 21.0, 32.0, 33.0, 99.0, 100.0, 599.0, 600.0, 840.0, 841.0, 900.0, 901.0, 1000.0, 1001.0,
        10_000.0, 10_001.0, 86_400.0, 86_401.0, 604_800.0, 604_801.0, 31_536_000.0, 31_536_001.0, 1e300,
    ];
    let long = [500, 501, 2000, 2001, 100, 101, 200, 201, 63, 64].map(|chars| json!("x".repeat(chars)));
    let expressions = [4097, 4098].map(|chars| json!(format!("${{{}}}", "x".repeat(chars))));
    let others = json!([
        null, true, 0, 1, 3, 33, 840, 841, [], {}, [1], ["a"], ["a", "a"], {"a": 1}, {"seconds": 1}, {"seconds": 1, "until": "${ 1 }"},
        {"url": "https://a.example"}, {"url": "https://a.example", "path": "/"}, {"connection": "c", "path": "/"}, {"connection": "c"},
        {"connection": "c", "statement": "select 1"}, {"connection": "c", "body": 1}, {"items": [1]}, {"value": 1}, {"error": "e"}, {"max_attempts": 2},
        {"on": ["x"]}, {"id": "z", "type": "transform", "with": {"value": 1}},
    ]);
    let words = words.map(|word| json!(word)).into_iter().chain(numbers.map(|number| json!(number)));
    words.chain(long).chain(expressions).chain(others.as_array().unwrap().iter().cloned()).collect()
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
        4 => (any::<Index>(), proptest::sample::select(values())).prop_map(|(place, value)| Change::Replace(place, value)),
        2 => any::<Index>().prop_map(Change::Remove),
        3 => (any::<Index>(), any::<Index>(), proptest::sample::select(values())).prop_map(|(place, name, value)| Change::Add(place, name, value)),
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

/// Removes what stands at a place, unless that is the whole spec.
fn remove(spec: &mut Value, place: &str) {
    let Some((parent, last)) = place.rsplit_once('/') else { return };
    match spec.pointer_mut(parent).unwrap() {
        Value::Object(fields) => drop(fields.remove(last)),
        Value::Array(items) => drop(items.remove(last.parse().unwrap())),
        _ => {}
    }
}

fn apply(change: &Change, spec: &mut Value) {
    let mut all = Vec::new();
    places(spec, "", &mut all);
    let pick = |place: &Index| place.get(&all).clone();
    match change {
        Change::Replace(place, value) => *spec.pointer_mut(&pick(place)).unwrap() = value.clone(),
        Change::Remove(place) => remove(spec, &pick(place)),
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

/// A spec of each step that there can be, and one without.
fn small_specs() -> Vec<Value> {
    let everything = everything();
    let mut frame = everything.clone();
    frame["steps"] = json!([]);
    let steps = everything["steps"].as_array().unwrap().iter();
    steps.map(|step| json!({ "steps": [step] })).chain([frame]).collect()
}

#[test]
fn both_say_the_same_of_every_field_with_every_value() {
    let (oracle, values) = (oracle(), values());
    for small in small_specs() {
        let mut all = Vec::new();
        places(&small, "", &mut all);
        for (place, value) in all.iter().flat_map(|place| values.iter().map(move |value| (place, value))) {
            let mut spec = small.clone();
            *spec.pointer_mut(place).unwrap() = value.clone();
            assert_agreed(&oracle, &spec);
        }
    }
}

#[test]
fn both_say_the_same_of_every_field_left_out_and_every_field_too_many() {
    let oracle = oracle();
    for small in small_specs() {
        let mut all = Vec::new();
        places(&small, "", &mut all);
        for place in &all {
            let mut spec = small.clone();
            remove(&mut spec, place);
            assert_agreed(&oracle, &spec);
            for (name, value) in
                NAMES.iter().flat_map(|name| ["/v1", "https://a.example"].map(|value| (*name, value)))
            {
                let mut spec = small.clone();
                if let Value::Object(fields) = spec.pointer_mut(place).unwrap() {
                    fields.entry(name).or_insert_with(|| json!(value));
                    assert_agreed(&oracle, &spec);
                }
            }
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
