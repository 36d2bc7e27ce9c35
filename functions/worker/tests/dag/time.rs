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

/// Whoever has begun nothing makes one attempt, however little time there is: `if` and items are none.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_worker_with_hardly_any_time_makes_one_attempt_each_time(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let (app, evaluators) = (app(options).await, evaluators());
    let step = |id: &str, before: Value| {
        json!({"id": id, "type": "transform", "depends_on": before, "if": "${ true }",
            "for_each": {"items": "${ [1] }"}, "with": {"value": "${ .item }"}})
    };
    let spec =
        json!({"steps": [step("a", json!([])), step("b", json!(["a"]))], "output": "${ .steps.b.output }"});
    let run_id = run_of(&app, &spec, json!({})).await;
    let first = claimed(&app, run_id).await;
    let ended = executed(&app, &first, &evaluators, Some(Duration::from_secs(8))).await.unwrap();
    assert_eq!(ended, Ended::HandBack { until: None });
    assert_eq!(stored(&app, &first).await.iter().filter(|record| record.item.is_none()).count(), 1);
    journal(&app, &first).hand_back(None).await.unwrap();
    let second = claimed(&app, run_id).await;
    let ended = executed(&app, &second, &evaluators, Some(Duration::from_secs(8))).await.unwrap();
    assert_eq!(ended, Ended::Succeeded { output: Some(json!([1])) });
}

/// As when its worker died before it could report that.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_that_has_had_its_time_starts_nothing_more(_pool: PgPoolOptions, options: PgConnectOptions) {
    let (app, evaluators) = (app(options).await, evaluators());
    let step = |id: &str| json!({"id": id, "type": "transform", "with": {"value": 1}});
    let wait = json!({"id": "w", "type": "wait", "with": {"seconds": 3600}});
    let spec = json!({"timeout_seconds": 30, "steps": [step("a"), wait, {"id": "b", "type": "transform", "depends_on": ["w"], "with": {"value": 1}}]});
    let run_id = run_of(&app, &spec, json!({})).await;
    let first = claimed(&app, run_id).await;
    let ended = executed(&app, &first, &evaluators, None).await.unwrap();
    assert!(matches!(ended, Ended::HandBack { until: Some(_) }), "{ended:?}");
    journal(&app, &first).hand_back(None).await.unwrap();
    let worked = "update run_steps set worked_ms = 30000 where run_id = $1 and step_id = 'a'";
    assert_eq!(testing::execute(&app, sqlx::query(worked).bind(run_id)).await, 1);
    let second = claimed(&app, run_id).await;
    let ended = executed(&app, &second, &evaluators, None).await.unwrap();
    let Ended::Failed { error_code, .. } = ended else { panic!("{ended:?}") };
    assert_eq!(error_code, "run_timeout");
    assert!(stored(&app, &second).await.iter().all(|record| record.step_id != "b"));
}

/// What its worker has spent on it counts, whether or not anything has come of it.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn time_that_was_worked_counts_although_nothing_has_ended(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let (app, evaluators) = (app(options).await, evaluators());
    // Sixty lists within each other, whose text would have no end: it takes as long as it may.
    let endless = "${ reduce .params.items[] as $x (0; [., .]) | tojson }";
    let spec = json!({"steps": [{"id": "a", "type": "transform", "with": {"value": endless}}]});
    let items: Vec<u32> = (0..60).collect();
    let claim = claimed(&app, run_of(&app, &spec, json!({ "items": items })).await).await;
    let work = crate::support::work(&claim, std::sync::Arc::new(journal(&app, &claim)));
    let leave = work.leave.clone();
    let known = async {
        // Seen after a second, as what takes long is.
        while stored(&app, &claim).await.is_empty() {
            tokio::task::yield_now().await;
        }
        leave.cancel();
    };
    let (ended, ()) = tokio::join!(runplane::dag::execute::execute(work, &evaluators), known);
    assert_eq!(ended.unwrap(), Ended::HandBack { until: None });
    let left = journal(&app, &claim).load().await.unwrap();
    assert!(left.worked_ms >= 1_000, "{left:?}");
    assert_eq!((left.records[0].status, left.records[0].attempts), (StepStatus::Running, 1));
}
