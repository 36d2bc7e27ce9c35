//! Steps with hostile expressions: they fail, and nothing else does.

use std::time::Duration;

use runplane::dag;
use runplane::dag::execute::Ended;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::hostile::{Expect, expressions, params};
use crate::memory::Watch;
use crate::support::{app, claimed, evaluators_within, executed, run_of, stored};

/// A hundred steps at most: each of those that fail has a neighbour that does not.
fn spec() -> Value {
    let hostile = expressions().into_iter().filter(|(expression, expect)| {
        // One of them fails with the name of the error that the step itself gives; others have no list to go through.
        *expect == Expect::Fails && !expression.contains(".params.x.y")
    });
    let steps: Vec<Value> = hostile
        .take(60)
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
    let seen: Vec<_> = seen.filter_map(|record| record.output).collect();
    assert_eq!(seen, vec![json!(["expression_failed", 1]); count]);
    let peak = watch.stop();
    println!("{peak:?}");
    assert!(peak.anonymous <= 192 * 1024 && peak.resident <= 256 * 1024, "{peak:?}");
}
