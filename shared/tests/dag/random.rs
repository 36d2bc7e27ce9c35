//! Random DAGs through the planner: they end as `reference` says, in an order that docs/dag_spec.md allows.

use proptest::prelude::*;
use runplane::dag::plan::{End, Verdict};
use runplane::dag::spec::Spec;
use serde_json::{Value, json};

use crate::graph_of::{self, Node};
use crate::reference::{self, Attempt, Oracle};
use crate::simulator::{Simulator, Trace};

/// What a step does, and what becomes of it.
#[derive(Clone, Debug)]
struct Seed {
    node: Node,
    kind: &'static str,
    condition: Option<Result<bool, String>>,
    for_each: Option<Each>,
    retry: Option<(Option<usize>, Option<Vec<&'static str>>)>,
    /// Of the first item, the second, …; those after the last begin again with the first.
    attempts: Vec<Vec<Attempt>>,
}

#[derive(Clone, Debug)]
struct Each {
    count: Result<usize, String>,
    is_list: bool,
    max_parallel: Option<usize>,
    tolerated_failures: Option<usize>,
}

const ERRORS: [&str; 4] = ["unavailable", "timeout", "no_stock", "expression_failed"];

fn attempt() -> impl Strategy<Value = Attempt> {
    let error = prop::option::weighted(0.6, proptest::sample::select(&ERRORS[..]).prop_map(str::to_owned));
    (error, 0_u64..50).prop_map(|(error, takes)| Attempt { error, takes })
}

fn each() -> impl Strategy<Value = Each> {
    let count = prop_oneof![9 => (0_usize..8).prop_map(Ok), 1 => Just(Err("items_not_a_list".to_owned()))];
    let parallel = prop::option::of(prop_oneof![1_usize..4, 1_usize..=32]);
    (count, any::<bool>(), parallel, prop::option::of(0_usize..4)).prop_map(
        |(count, is_list, max_parallel, tolerated_failures)| Each {
            is_list: is_list && count.is_ok(),
            count,
            max_parallel,
            tolerated_failures,
        },
    )
}

fn seed() -> impl Strategy<Value = Seed> {
    let condition = prop_oneof![3 => Just(Ok(true)), 2 => Just(Ok(false)), 1 => Just(Err("condition_not_boolean".to_owned()))];
    let on = prop::option::of(proptest::sample::subsequence(&ERRORS[..], 1..=4));
    let retry = (prop::option::of(1_usize..5), on);
    (
        graph_of::node(),
        proptest::sample::select(&["transform", "wait", "artifact", "fail"][..]),
        prop::option::weighted(0.3, condition),
        prop::option::weighted(0.25, each()),
        prop::option::weighted(0.5, retry),
        // Half of the steps go well at once.
        prop_oneof![
            Just(vec![]),
            proptest::collection::vec(proptest::collection::vec(attempt(), 0..5), 1..4)
        ],
    )
        .prop_map(|(node, kind, condition, for_each, retry, attempts)| Seed {
            node,
            kind,
            condition,
            for_each,
            retry,
            attempts,
        })
}

/// Most are small; some are as large as they may be.
fn seeds() -> impl Strategy<Value = Vec<Seed>> {
    prop_oneof![
        6 => proptest::collection::vec(seed(), 1..20),
        3 => proptest::collection::vec(seed(), 20..60),
        1 => proptest::collection::vec(seed(), 60..=200),
    ]
}

fn spec(seeds: &[Seed], max_parallel: Option<usize>) -> (Value, Oracle) {
    let nodes: Vec<Node> = seeds.iter().map(|seed| seed.node.clone()).collect();
    let (mut steps, mut oracle) = (graph_of::steps(&nodes), Oracle::default());
    for (step, seed) in steps.iter_mut().zip(seeds).filter(|(step, _)| step.is_object()) {
        let id = step["id"].as_str().unwrap().to_owned();
        step["type"] = json!(seed.kind);
        step["with"] = match seed.kind {
            "transform" => json!({"value": 1}),
            "wait" => json!({"seconds": 1}),
            "artifact" => json!({"artifact_type": "t", "payload": {}}),
            _ => json!({"error": "no_stock", "message": "there is none"}),
        };
        if let Some(condition) = &seed.condition {
            step["if"] = json!("${ .params.x }");
            oracle.conditions.insert(id.clone(), condition.clone());
        }
        if let Some((max_attempts, on)) = &seed.retry {
            step["retry"] = json!({"delay_seconds": 0.02, "jitter": "none"});
            max_attempts.inspect(|most| step["retry"]["max_attempts"] = json!(most));
            on.iter().for_each(|on| step["retry"]["on"] = json!(on));
        }
        let items: Vec<Option<usize>> = match &seed.for_each {
            None => vec![None],
            Some(each) => {
                let count = each.count.clone().unwrap_or_default();
                let items = if each.is_list { json!(vec![0; count]) } else { json!("${ .params.list }") };
                step["for_each"] = json!({"items": items});
                each.max_parallel.inspect(|most| step["for_each"]["max_parallel"] = json!(most));
                each.tolerated_failures.inspect(|most| step["for_each"]["tolerated_failures"] = json!(most));
                oracle.items.insert(id.clone(), each.count.clone());
                (0..count).map(Some).collect()
            }
        };
        for (index, item) in items.into_iter().enumerate().filter(|_| !seed.attempts.is_empty()) {
            let attempts = seed.attempts[index % seed.attempts.len()].clone();
            oracle.attempts.insert((id.clone(), item), attempts);
        }
    }
    let mut spec = json!({ "steps": steps });
    max_parallel.inspect(|most| spec["max_parallel"] = json!(most));
    (spec, oracle)
}

fn status(end: End) -> (&'static str, Option<&'static str>) {
    match end {
        End::Succeeded => ("SUCCEEDED", None),
        End::Failed => ("FAILED", None),
        End::Skipped(reason) => ("SKIPPED", Some(reason.as_str())),
    }
}

/// Asserts that a run has ended as it has to.
fn assert_as_told(spec: &Value, oracle: &Oracle, trace: &Trace) {
    let expected = reference::outcome(spec, oracle);
    let list = spec["steps"].as_array().unwrap();
    for (place, step) in list.iter().enumerate() {
        let id = reference::id(step);
        let (end, is) = (&expected.steps[id], status(trace.ends[id]));
        assert_eq!(
            (is.0, is.1),
            (end.status, end.why.as_deref().filter(|_| is.0 == "SKIPPED")),
            "step {place}: {end:?}"
        );
        assert!(end.attempts.contains(&trace.attempts[id]), "{} attempts of {end:?}", trace.attempts[id]);
        let own = trace.works.get(&(id.to_owned(), None)).and_then(|(_, error)| error.clone());
        if is.0 == "FAILED" && step.get("for_each").is_none() {
            assert_eq!(own.or_else(|| trace.unbegun.get(id).cloned()), end.why);
        }
    }
    for (place, work) in &trace.works {
        let step = list.iter().find(|step| reference::id(step) == place.0).unwrap();
        assert_eq!(*work, reference::all_attempts(step, place, oracle), "{place:?}");
    }
    let failed: Vec<&str> = match &trace.verdict {
        Verdict::Succeeded => vec![],
        Verdict::Failed(places) => places.iter().map(|place| reference::id(&list[*place])).collect(),
    };
    assert_eq!(failed, expected.failed);
    assert_eq!(matches!(trace.verdict, Verdict::Succeeded), expected.failed.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1200))]

    #[test]
    fn any_dag_ends_as_the_reference_says_and_in_an_order_that_is_allowed(
        seeds in seeds(), max_parallel in prop::option::of(prop_oneof![1_usize..5, 1_usize..=32]),
    ) {
        let (value, oracle) = spec(&seeds, max_parallel);
        let spec = Spec::read(&value).unwrap();
        let trace = Simulator::new(&spec, &oracle).run();
        assert_as_told(&value, &oracle, &trace);
    }
}
