//! Steps with hostile expressions: they fail, and nothing else does.

use std::sync::Arc;
use std::time::Duration;

use runplane::dag;
use runplane::dag::execute::{Ended, RunContext, Work, execute};
use runplane::scope::Scope;
use runplane::steps::{PgJournal, load_all};
use runplane::testing::app;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::hostile::{Expect, expressions, params};
use crate::memory::Watch;
use crate::stage::{self, WORKER};

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
    let app = app(options, WORKER).await;
    let evaluators = stage::evaluators(Duration::from_secs(1));
    let watch = Watch::start();
    let hostile = spec();
    assert_eq!(dag::check(&hostile, None), []);
    let count = hostile["steps"].as_array().unwrap().len() / 2;
    let quiet: Vec<_> = (0..100)
        .map(|number| json!({"id": format!("q{number}"), "type": "transform", "with": {"value": "${ .params.x + 1 }"},
            "depends_on": (number > 0).then(|| format!("q{}", number - 1)).into_iter().collect::<Vec<_>>()}))
        .collect();
    let quiet = json!({"steps": quiet, "output": "${ [.steps[].output] | add }"});
    let run = async |spec: &Value| {
        let id = stage::run_of(&app, spec).await;
        let claim = stage::claim(&app, id).await;
        let journal = Arc::new(PgJournal::new(Arc::clone(&app), Scope::All, id, claim.run.lease_token));
        let work = Work {
            run: RunContext { params: params(), ..RunContext::of(&claim.run) },
            dag_spec: claim.pipeline_version.dag_spec.clone(),
            journal,
            leave: CancellationToken::new(),
            ends_at: None,
            untouched: true,
            spill: None,
        };
        (id, execute(work, &evaluators).await.unwrap())
    };
    let ((id, ended), (_, quiet)) = tokio::join!(run(&hostile), run(&quiet));
    assert_eq!(quiet, Ended::Succeeded { output: Some(json!(200)) });
    let Ended::Succeeded { output: Some(output) } = ended else { panic!("{ended:?}") };
    assert_eq!(output, json!([["FAILED", count], ["SUCCEEDED", count]]));
    assert_eq!(errors(&app, id).await, vec![json!(["expression_failed", 1]); count]);
    let peak = watch.stop();
    println!("{peak:?}");
    assert!(peak.anonymous <= 192 * 1024 && peak.resident <= 256 * 1024, "{peak:?}");
}

/// What the neighbours have seen, as it was stored.
async fn errors(app: &runplane::app::App, id: Uuid) -> Vec<Value> {
    let stored = app.call(async |conn| load_all(conn, Scope::All, id).await).await.unwrap();
    let seen = stored.records.into_iter().filter(|record| record.step_id.starts_with('n'));
    seen.filter_map(|record| record.output).collect()
}
