//! Steps with hostile expressions: they fail, and nothing else does.

use std::time::Duration;

use runplane::dag;
use runplane::dag::execute::Ended;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::hostile::{Expect, TREE, expressions, params};
use crate::memory::Watch;
use crate::support::{app, claimed, evaluators_within, executed, run_of, stored};

/// Each of the steps that fail has a neighbour that does not.
fn spec() -> Value {
    let hostile = expressions().into_iter().filter(|(_, expect)| *expect == Expect::Fails);
    let steps: Vec<Value> = hostile
        .enumerate()
        .flat_map(|(number, (expression, _))| {
            [
                json!({"id": format!("h{number}"), "type": "transform", "continue_on_error": true,
                    "with": {"value": format!("${{ {expression} }}")}}),
                json!({"id": format!("n{number}"), "type": "transform", "depends_on": [format!("h{number}")],
                    "with": {"value": format!("${{ [.steps.h{number}.error.error, .params.x] }}")}}),
            ]
        })
        .collect();
    json!({"max_parallel": 8, "timeout_seconds": 3600, "steps": steps, "output": "${ [.steps[] | .status] | group_by(.) | map([.[0], length]) }"})
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn only_the_steps_that_evaluate_them_fail(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options).await;
    let evaluators = evaluators_within(Duration::from_secs(1));
    let watch = Watch::start();
    let hostile = spec();
    assert_eq!(dag::check(&hostile, None), []);
    let count = hostile["steps"].as_array().unwrap().len() / 2;
    let quiet: Vec<_> = (0..100)
        .map(|number| {
            json!({"id": format!("q{number}"), "type": "transform", "with": {"value": "${ .params.x + 1 }"},
            "depends_on": (number > 0).then(|| format!("q{}", number - 1)).into_iter().collect::<Vec<_>>()})
        })
        .collect();
    let quiet = json!({"steps": quiet, "output": "${ [.steps[].output] | add }"});
    let run = async |spec: &Value| {
        let claim = claimed(&app, run_of(&app, spec, params()).await).await;
        let ended = executed(&app, &claim, &evaluators, None).await.unwrap();
        (claim, ended)
    };
    let ((claim, ended), (_, quiet)) = tokio::join!(run(&hostile), run(&quiet));
    assert_eq!(quiet, Ended::Succeeded { output: Some(json!(200)) });
    let Ended::Succeeded { output: Some(output) } = ended else { panic!("{ended:?}") };
    assert_eq!(output, json!([["FAILED", count], ["SUCCEEDED", count]]));
    // What the neighbours have seen.
    let seen = stored(&app, &claim).await.into_iter().filter(|record| record.step_id.starts_with('n'));
    let mut seen: Vec<_> = seen.filter_map(|record| record.output).collect();
    // One makes a list that is merely too long.
    seen.retain(|seen| *seen != json!(["output_too_large", 1]));
    assert_eq!(seen, vec![json!(["expression_failed", 1]); count - 1]);
    let peak = watch.stop();
    println!("{peak:?}");
    assert!(peak.anonymous <= 192 * 1024 && peak.resident <= 256 * 1024, "{peak:?}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_that_evaluates_without_end_lets_others_through(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options).await;
    let evaluators = evaluators_within(Duration::from_millis(500));
    // As many evaluations at once as one step may have, each of which takes all its time.
    let busy = json!({"steps": [{"id": "a", "type": "transform", "with": {"value": format!("${{ ({TREE}) | tojson }}")},
        "for_each": {"items": vec![0; 64], "max_parallel": 32, "tolerated_failures": 64}}]});
    let steps: Vec<_> = (0..20)
        .map(|number| {
            json!({"id": format!("q{number}"), "type": "transform", "with": {"value": "${ .params.x }"},
            "depends_on": (number > 0).then(|| format!("q{}", number - 1)).into_iter().collect::<Vec<_>>()})
        })
        .collect();
    let quiet = json!({ "steps": steps });
    let busy = claimed(&app, run_of(&app, &busy, params()).await).await;
    let quiet = claimed(&app, run_of(&app, &quiet, params()).await).await;
    tokio::select! {
        biased;
        ended = executed(&app, &busy, &evaluators, None) => panic!("the other run has waited all the time for {ended:?}"),
        ended = executed(&app, &quiet, &evaluators, None) => assert_eq!(ended.unwrap(), Ended::Succeeded { output: None }),
    }
}
