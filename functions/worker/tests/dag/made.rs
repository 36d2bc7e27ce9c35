//! Random specs that an executor can run. What becomes of each step is in the spec itself, so that the oracle of the reference knows it.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::graph_of::{self, Node};
use crate::reference::{Attempt, Oracle};

/// So many failures are more than any step has attempts.
const ALWAYS: u64 = 9;
const MOST_ATTEMPTS: u64 = 4;

/// One step to be.
#[derive(Clone, Debug)]
pub struct Seed {
    node: Node,
    kind: Kind,
    condition: Option<(&'static str, Result<bool, &'static str>)>,
    items: Option<Items>,
    retry: Option<(Option<u64>, Option<Vec<&'static str>>)>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Shows how the steps before it have ended.
    Sees,
    /// An expression that fails; with items: for those above 1.
    Error,
    /// With items: the name of the error has the item in it.
    Fail,
    Wait,
    /// The journal refuses it so many times first; with items: as many times as the item says.
    Artifact(u64),
}

#[derive(Clone, Debug)]
struct Items {
    given: Result<Vec<u64>, (&'static str, &'static str)>,
    is_list: bool,
    max_parallel: Option<u64>,
    tolerated_failures: Option<u64>,
}

const ERRORS: [&str; 5] = ["unavailable", "expression_failed", "e", "e0", "e2"];
const FAILS: [u64; 4] = [0, 1, 2, ALWAYS];

fn items() -> impl Strategy<Value = Items> {
    let values = proptest::collection::vec(proptest::sample::select(&FAILS[..]), 0..6);
    let wrong = proptest::sample::select(
        &[
            ("${ {} }", "items_not_a_list"),
            ("${ empty }", "expression_failed"),
            ("${ 1, 2 }", "expression_failed"),
        ][..],
    );
    let given = prop_oneof![8 => values.prop_map(Ok), 1 => wrong.prop_map(Err)];
    (given, any::<bool>(), prop::option::of(1_u64..5), prop::option::of(0_u64..4)).prop_map(
        |(given, is_list, max_parallel, tolerated_failures)| Items {
            given,
            is_list,
            max_parallel,
            tolerated_failures,
        },
    )
}

fn seed() -> impl Strategy<Value = Seed> {
    let kind = prop_oneof![
        3 => Just(Kind::Sees),
        1 => Just(Kind::Error),
        1 => Just(Kind::Fail),
        1 => Just(Kind::Wait),
        2 => proptest::sample::select(&FAILS[..]).prop_map(Kind::Artifact),
    ];
    let condition = proptest::sample::select(
        &[
            ("${ .run.attempt == 1 }", Ok(true)),
            ("${ .params.nothing != null }", Ok(false)),
            ("${ 1 }", Err("condition_not_boolean")),
            ("${ error(\"no\") }", Err("expression_failed")),
        ][..],
    );
    let on = prop::option::weighted(0.7, proptest::sample::subsequence(&ERRORS[..], 1..=4));
    let retry = (prop::option::of(1..=MOST_ATTEMPTS), on);
    (
        graph_of::node(),
        kind,
        prop::option::weighted(0.25, condition),
        prop::option::weighted(0.3, items()),
        prop::option::weighted(0.5, retry),
    )
        .prop_map(|(node, kind, condition, items, retry)| Seed { node, kind, condition, items, retry })
}

/// Steps of a spec, up to 40.
pub fn seeds() -> impl Strategy<Value = Vec<Seed>> {
    proptest::collection::vec(seed(), 1..=40)
}

/// The spec, and what becomes of its steps.
pub fn spec(seeds: &[Seed], max_parallel: u64) -> (Value, Oracle) {
    let nodes: Vec<Node> = seeds.iter().map(|seed| seed.node.clone()).collect();
    let (mut steps, mut oracle) = (graph_of::steps(&nodes), Oracle::default());
    for (step, seed) in steps.iter_mut().zip(seeds).filter(|(step, _)| step.is_object()) {
        let id = step["id"].as_str().unwrap().to_owned();
        let (name, with) = seed.kind.with(seed.items.is_some());
        (step["type"], step["with"]) = (json!(name), with);
        if let Some((condition, given)) = &seed.condition {
            step["if"] = json!(condition);
            oracle.conditions.insert(id.clone(), given.map_err(str::to_owned));
        }
        if let Some((max_attempts, on)) = &seed.retry {
            step["retry"] = json!({"delay_seconds": 0.001, "jitter": "none"});
            max_attempts.inspect(|most| step["retry"]["max_attempts"] = json!(most));
            on.iter().for_each(|on| step["retry"]["on"] = json!(on));
        }
        let Some(items) = &seed.items else {
            oracle.attempts.insert((id, None), seed.kind.attempts(None));
            continue;
        };
        step["for_each"] = match &items.given {
            Ok(list) if items.is_list => json!({ "items": list }),
            Ok(list) => json!({"items": format!("${{ {} }}", json!(list))}),
            Err((expression, _)) => json!({ "items": expression }),
        };
        items.max_parallel.inspect(|most| step["for_each"]["max_parallel"] = json!(most));
        items.tolerated_failures.inspect(|most| step["for_each"]["tolerated_failures"] = json!(most));
        let given = items.given.as_ref().map(Vec::len).map_err(|(_, error)| (*error).to_owned());
        oracle.items.insert(id.clone(), given);
        for (index, item) in items.given.iter().flatten().enumerate() {
            oracle.attempts.insert((id.clone(), Some(index)), seed.kind.attempts(Some(*item)));
        }
    }
    (json!({"steps": steps, "max_parallel": max_parallel}), oracle)
}

impl Kind {
    fn with(self, each: bool) -> (&'static str, Value) {
        match self {
            Self::Sees => ("transform", json!({"value": "${ .steps | map_values(.status) }"})),
            Self::Error if each => {
                ("transform", json!({"value": "${ if .item > 1 then error(\"no\") else .item end }"}))
            }
            Self::Error => ("transform", json!({"value": {"deep": ["x ${ error(\"no\") }"]}})),
            Self::Fail if each => ("fail", json!({"error": "e${ .item }", "message": "item ${ .index }"})),
            Self::Fail => ("fail", json!({"error": "e", "message": "as it says"})),
            Self::Wait if each => ("wait", json!({"seconds": "${ .item * 0 }"})),
            Self::Wait => ("wait", json!({"seconds": 0})),
            Self::Artifact(_) if each => artifact(json!("${ .item }"), json!("${ .index }")),
            Self::Artifact(fails) => artifact(json!(fails), Value::Null),
        }
    }

    /// How its attempts go.
    fn attempts(self, item: Option<u64>) -> Vec<Attempt> {
        let (error, fails) = match (self, item) {
            (Self::Sees | Self::Wait, _) => return vec![],
            (Self::Error, Some(0 | 1)) => return vec![],
            (Self::Error, _) => ("expression_failed".to_owned(), ALWAYS),
            (Self::Fail, None) => ("e".to_owned(), ALWAYS),
            (Self::Fail, Some(item)) => (format!("e{item}"), ALWAYS),
            (Self::Artifact(fails), item) => ("unavailable".to_owned(), item.unwrap_or(fails)),
        };
        (0..fails).map(|_| Attempt { error: Some(error.clone()), takes: 0 }).collect()
    }
}

fn artifact(fails: Value, item: Value) -> (&'static str, Value) {
    ("artifact", json!({"artifact_type": "t", "payload": {"fails": fails, "item": item}}))
}
