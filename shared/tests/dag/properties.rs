//! Random specs: what is built right is accepted, and what is then broken is told where it was broken.

use proptest::prelude::*;
use proptest::sample::Index;
use runplane::dag;
use serde_json::{Value, json};

/// A step to be.
#[derive(Clone, Debug)]
struct Seed {
    /// What it waits for, among the steps that were made before it.
    depends_on: Vec<Index>,
    /// What it reads, among all that are before it.
    reads: Index,
    kind: u8,
    for_each: bool,
    place: Index,
}

fn seed() -> impl Strategy<Value = Seed> {
    (proptest::collection::vec(any::<Index>(), 0..4), any::<Index>(), 0_u8..8, any::<bool>(), any::<Index>())
        .prop_map(|(depends_on, reads, kind, for_each, place)| Seed {
            depends_on,
            reads,
            kind,
            for_each,
            place,
        })
}

/// A spec whose steps stand in any order.
fn spec(seeds: &[Seed]) -> Value {
    let mut ancestors: Vec<Vec<usize>> = Vec::new();
    let mut steps: Vec<Value> = Vec::new();
    for (number, seed) in seeds.iter().enumerate() {
        let mut depends_on: Vec<usize> =
            if number == 0 { vec![] } else { seed.depends_on.iter().map(|on| on.index(number)).collect() };
        depends_on.sort_unstable();
        depends_on.dedup();
        let mut before: Vec<usize> =
            depends_on.iter().flat_map(|on| ancestors[*on].iter().copied().chain([*on])).collect();
        before.sort_unstable();
        before.dedup();
        let read = if before.is_empty() {
            ".params.x".to_owned()
        } else {
            format!(".steps.s{}.output", seed.reads.get(&before))
        };
        let text = format!("a ${{ {read} }} b");
        let (name, with) = match seed.kind {
            0 => (
                "http",
                json!({"url": text.replace("a ", "https://a.example/"), "query": {"q": format!("${{ {read} }}")}}),
            ),
            1 => (
                "sql",
                json!({"connection": "c", "statement": "select $1", "args": [format!("${{ {read} }}")]}),
            ),
            2 => ("lambda", json!({"connection": "c", "payload": {"deep": [text]}})),
            3 => ("sqs", json!({"connection": "c", "body": text})),
            4 => ("wait", json!({"seconds": format!("${{ {read} | length }}")})),
            5 => ("artifact", json!({"artifact_type": "t", "payload": text})),
            6 => ("fail", json!({"error": text})),
            _ => ("transform", json!({"value": format!("${{ [{read}, .steps] | {{a: \"}}\"}} }}")})),
        };
        let mut step = json!({"id": format!("s{number}"), "type": name, "with": with, "if": format!("${{ {read} != null }}"), "output": "${ .result }",
            "depends_on": depends_on.iter().map(|on| format!("s{on}")).collect::<Vec<_>>()});
        if seed.for_each {
            step["for_each"] = json!({"items": format!("${{ [{read}] }}")});
            step["output"] = json!("${ [.item, .index, .result] }");
        }
        ancestors.push(before);
        steps.insert(seed.place.index(steps.len() + 1), step);
    }
    json!({"steps": steps, "output": steps_read(seeds.len())})
}

fn steps_read(count: usize) -> Value {
    (0..count).map(|number| json!(format!("${{ .steps.s{number}.output }}"))).collect()
}

/// Breaks one rule in the step at `place`. Returns the pointer at which that has to be told, and a word of what is told.
fn broken(spec: &mut Value, rule: u8, place: usize) -> (String, &'static str) {
    let at = format!("/steps/{place}");
    let count = spec["steps"].as_array().unwrap().len();
    let own = spec["steps"][place]["id"].as_str().unwrap().to_owned();
    let step = &mut spec["steps"][place];
    let waits = step["depends_on"].as_array().unwrap().len();
    let last = format!("{at}/depends_on/{waits}");
    match rule {
        0 => {
            step["depends_on"].as_array_mut().unwrap().push(json!("nowhere"));
            (last, "there is no step")
        }
        1 => {
            step["depends_on"].as_array_mut().unwrap().push(json!(own));
            (last, "cannot wait for itself")
        }
        2 => {
            step["output"] = json!({"deep": [format!("${{ .steps | .{own}.output }}")]});
            (format!("{at}/output/deep/0"), "its own step")
        }
        3 => {
            step["if"] = json!("${ .a + }");
            (format!("{at}/if"), "does not parse")
        }
        4 => {
            step["output"] = json!("${ [range(10)] }");
            (format!("{at}/output"), "`range`, which is not allowed")
        }
        5 => {
            step.as_object_mut().unwrap().remove("with");
            (format!("{at}/with"), "is required")
        }
        6 => {
            step["dependson"] = json!([]);
            (format!("{at}/dependson"), "did you mean \"depends_on\"")
        }
        7 => {
            step["retry"] = json!({"max_attempts": 21});
            (format!("{at}/retry/max_attempts"), "from 1 to 20")
        }
        8 => {
            step["if"] = json!("${ .result }");
            (format!("{at}/if"), "only in the \"output\"")
        }
        9 => {
            step["output"] = json!("${ $x }");
            (format!("{at}/output"), "nothing before it defines")
        }
        10 => {
            let other = spec["steps"][0].clone();
            spec["steps"].as_array_mut().unwrap().push(other);
            (format!("/steps/{count}/id"), "already")
        }
        11 => {
            step["description"] = json!("\0");
            (format!("{at}/description"), "NUL")
        }
        12 => {
            spec["output"] = json!("${ .steps.nowhere }");
            ("/output".to_owned(), "there is no step")
        }
        _ => {
            // A step that stands alone is before nobody.
            step["if"] = json!("${ .steps.lonely.output }");
            spec["steps"]
                .as_array_mut()
                .unwrap()
                .push(json!({"id": "lonely", "type": "transform", "with": {"value": 1}}));
            (format!("{at}/if"), "need not have ended")
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_built_right_is_accepted_and_what_is_broken_is_told_where(
        seeds in proptest::collection::vec(seed(), 1..12), place in any::<Index>(), rule in 0_u8..14,
    ) {
        let mut spec = spec(&seeds);
        prop_assert_eq!(dag::check(&spec, None), [], "{}", spec);

        let (pointer, word) = broken(&mut spec, rule, place.index(seeds.len()));
        let faults = dag::check(&spec, None);
        prop_assert!(
            faults.iter().any(|fault| fault.pointer == pointer && fault.detail.contains(word)),
            "{} at {}: {:#?}\n{}", word, pointer, faults, spec
        );
        // A draft may stand as it is where only the meaning is wrong.
        let shape_too = [5, 6, 7, 11].contains(&rule);
        prop_assert_eq!(!dag::check_shape(&spec).is_empty(), shape_too);
        // The same again, to the letter.
        prop_assert_eq!(dag::check(&spec, None), faults);
    }

    /// An edge back from one step to another that waits for it, directly or not, makes a cycle of exactly those between.
    #[test]
    fn a_dependency_back_makes_a_cycle_that_is_told(length in 1_usize..30, place in any::<Index>()) {
        let mut steps: Vec<Value> = (0..length)
            .map(|number| json!({"id": format!("s{number}"), "type": "transform", "with": {"value": 0},
                "depends_on": if number == 0 { vec![] } else { vec![format!("s{}", number - 1)] }}))
            .collect();
        let first = place.index(length);
        steps[first]["depends_on"].as_array_mut().unwrap().push(json!(format!("s{}", length - 1)));
        let faults = dag::check(&json!({ "steps": steps }), None);
        prop_assert_eq!(faults.len(), 1);
        let path = faults[0].detail.split(": ").nth(1).unwrap().split(" (").next().unwrap().to_owned();
        let ids: Vec<_> = path.split(" → ").collect();
        prop_assert_eq!(ids.len(), length - first + 1);
        prop_assert_eq!(ids[0], ids[ids.len() - 1]);
    }
}
