//! Time: waits that nobody pays for, workers with little of it, clocks, and runs that take too long.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use runplane::dag::execute::{Ended, Journal};
use runplane::steps::StepStatus;
use runplane::testing;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::time::Instant;

use crate::support::{app, claimed, evaluators, executed, journal, run_of, stored};

/// What a worker has whose function may run for a minute.
const A_MINUTE: Option<Duration> = Some(Duration::from_secs(55));

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn half_an_hour_of_waits_on_a_worker_that_has_a_minute(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let (app, evaluators) = (app(options).await, evaluators());
    let mut steps = vec![json!({"id": "s0", "type": "transform", "with": {"value": "${ 1 }"}})];
    for number in 1..=6 {
        let before = format!("s{}", number - 1);
        steps.push(json!({"id": format!("w{number}"), "type": "wait", "depends_on": [before], "with": {"seconds": 300}}));
        let value = format!("${{ .steps.{before}.output + 1 }}");
        steps.push(json!({"id": format!("s{number}"), "type": "transform", "depends_on": [format!("w{number}")], "with": {"value": value}}));
    }
    let spec = json!({"steps": steps, "output": "${ .steps.s6.output }", "timeout_seconds": 60});
    let run_id = run_of(&app, &spec, json!({})).await;
    let began = Instant::now();
    for wait in 1..=6 {
        let claim = claimed(&app, run_id).await;
        let ended = executed(&app, &claim, &evaluators, A_MINUTE).await.unwrap();
        let Ended::HandBack { until: Some(until) } = ended else { panic!("{ended:?}") };
        let ahead = until - Utc::now();
        assert!((TimeDelta::seconds(290)..=TimeDelta::seconds(301)).contains(&ahead), "wait {wait}: {ahead}");
        journal(&app, &claim).hand_back(Some(until)).await.unwrap();
        for pass in [
            "update run_steps set resume_at = resume_at - interval '5 min' where run_id = $1 and resume_at is not null",
            "update pipeline_runs set available_at = now() where id = $1 and status = 'QUEUED' and attempt = 1",
        ] {
            assert!(testing::execute(&app, sqlx::query(pass).bind(run_id)).await > 0, "wait {wait}: {pass}");
        }
    }
    let last = claimed(&app, run_id).await;
    assert_eq!(last.run.run.claim_count, 7);
    let ended = executed(&app, &last, &evaluators, A_MINUTE).await.unwrap();
    assert_eq!(ended, Ended::Succeeded { output: Some(json!(7)) });
    let records = stored(&app, &last).await;
    assert_eq!(records.len(), 13);
    for record in records {
        assert_eq!((record.status, record.attempts), (StepStatus::Succeeded, 1), "{record:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(300), "nobody has waited");
}

/// Times are those of Postgres, whatever the clock of the worker says: it has no other here.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_short_wait_is_waited_out_and_a_past_one_is_over(_pool: PgPoolOptions, options: PgConnectOptions) {
    let (app, evaluators) = (app(options).await, evaluators());
    let spec = json!({"steps": [
        {"id": "past", "type": "wait", "with": {"until": "2020-01-01T00:00:00Z"}},
        {"id": "soon", "type": "wait", "with": {"seconds": 0.05}, "output": "${ .result.until | type }"}
    ], "output": "${ .steps | map_values(.output) }"});
    let claim = claimed(&app, run_of(&app, &spec, json!({})).await).await;
    let ended = executed(&app, &claim, &evaluators, A_MINUTE).await.unwrap();
    let output = json!({"past": {"until": "2020-01-01T00:00:00.000Z"}, "soon": "string"});
    assert_eq!(ended, Ended::Succeeded { output: Some(output) });
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_backoff_is_handed_back_and_its_attempts_count_on(_pool: PgPoolOptions, options: PgConnectOptions) {
    let (app, evaluators) = (app(options).await, evaluators());
    let spec = json!({"steps": [{"id": "a", "type": "fail", "with": {"error": "x", "message": "y"},
        "retry": {"max_attempts": 3, "delay_seconds": 600, "backoff_rate": 2, "max_delay_seconds": 900, "jitter": "none", "on": ["x"]}}]});
    let run_id = run_of(&app, &spec, json!({})).await;
    for delay in [600, 900] {
        let claim = claimed(&app, run_id).await;
        let ended = executed(&app, &claim, &evaluators, None).await.unwrap();
        let Ended::HandBack { until: Some(until) } = ended else { panic!("{ended:?}") };
        let seconds = (until - Utc::now()).num_seconds();
        assert!((delay - 10..=delay).contains(&seconds), "{seconds}");
        journal(&app, &claim).hand_back(Some(until)).await.unwrap();
        for pass in [
            "update run_steps set resume_at = now() where run_id = $1",
            "update pipeline_runs set available_at = now() where id = $1",
        ] {
            testing::execute(&app, sqlx::query(pass).bind(run_id)).await;
        }
    }
    let claim = claimed(&app, run_id).await;
    let ended = executed(&app, &claim, &evaluators, None).await.unwrap();
    let Ended::Failed { error_code, error_message, retryable } = ended else { panic!("{ended:?}") };
    assert_eq!((error_code.as_str(), retryable), ("step_failed", true));
    assert_eq!(error_message, "step a failed after 3 attempts: x: y");
}

/// The time that a run may work is counted over its claims, and ends what is under way.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_that_has_worked_too_long_ends(_pool: PgPoolOptions, options: PgConnectOptions) {
    let (app, evaluators) = (app(options).await, evaluators());
    // Thirty-two expressions that take their time: more than a second together.
    let slow = "${ reduce .params.items[] as $x (0; . + ($x | tojson | fromjson)) }";
    let steps: Vec<Value> = (0..40)
        .map(|number| json!({"id": format!("s{number}"), "type": "transform", "with": {"value": slow}}))
        .collect();
    let spec = json!({"timeout_seconds": 1, "max_parallel": 2, "steps": steps});
    let items: Vec<u32> = (0..30_000).collect();
    let run_id = run_of(&app, &spec, json!({ "items": items })).await;
    let claim = claimed(&app, run_id).await;
    let ended = executed(&app, &claim, &evaluators, None).await.unwrap();
    let Ended::Failed { error_code, retryable, .. } = ended else { panic!("{ended:?}") };
    assert_eq!((error_code.as_str(), retryable), ("run_timeout", true));
    let records = stored(&app, &claim).await;
    let cancelled = records.iter().filter(|record| record.status == StepStatus::Cancelled).count();
    assert!((1..=2).contains(&cancelled), "{cancelled} were under way");
    assert!(records.iter().filter(|record| record.status == StepStatus::Succeeded).count() < 40);
}
