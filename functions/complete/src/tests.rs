//! The function's answers to the events in `events/`, on a database with the demo data.

use runplane::testing::{Sqs, answer, app, arming, measured};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::FUNCTION;
use crate::handler::handle;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_original_clients_success_is_taken(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    insta::assert_json_snapshot!(answer(&app, &handle, include_str!("../../../events/complete.json")).await, @r#"
    {
      "body": {
        "ok": true,
        "run": {
          "attempt": 1,
          "available_at": "[time]",
          "claim_count": 1,
          "claimed_at": "[time]",
          "claimed_by": "worker-1",
          "concurrency_key": null,
          "created_at": "[time]",
          "dispatch": "pull",
          "dispatch_due_at": null,
          "error_code": null,
          "error_message": null,
          "finished_at": "[time]",
          "heartbeat_at": null,
          "id": "0199e0c0-0000-7000-8000-0000000000bb",
          "labels": {},
          "lease_expires_at": null,
          "lease_seconds": 43200,
          "lost": 0,
          "max_attempts": 1,
          "max_lost": 3,
          "output": null,
          "parameters": {},
          "pipeline_id": "0199e0c0-0000-7000-8000-000000000012",
          "pipeline_version_id": "0199e0c0-0000-7000-8000-000000000023",
          "priority": 5,
          "queue": "default",
          "retry_of_run_id": null,
          "root_run_id": "0199e0c0-0000-7000-8000-0000000000bb",
          "schedule_id": null,
          "scheduled_for": null,
          "start_by": null,
          "started_at": "[time]",
          "status": "SUCCEEDED",
          "tenant_id": "0199e0c0-0000-7000-8000-000000000002",
          "traceparent": null,
          "trigger_type": "manual",
          "updated_at": "[time]"
        }
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 200
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_failure_is_stored_with_its_reason(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    insta::assert_json_snapshot!(answer(&app, &handle, include_str!("../../../events/complete.failed.json")).await, @r#"
    {
      "body": {
        "ok": true,
        "run": {
          "attempt": 1,
          "available_at": "[time]",
          "claim_count": 1,
          "claimed_at": "[time]",
          "claimed_by": "worker-1",
          "concurrency_key": null,
          "created_at": "[time]",
          "dispatch": "pull",
          "dispatch_due_at": null,
          "error_code": "disk_full",
          "error_message": "disk full",
          "finished_at": "[time]",
          "heartbeat_at": null,
          "id": "0199e0c0-0000-7000-8000-0000000000bb",
          "labels": {},
          "lease_expires_at": null,
          "lease_seconds": 43200,
          "lost": 0,
          "max_attempts": 1,
          "max_lost": 3,
          "output": {
            "rows": 3
          },
          "parameters": {},
          "pipeline_id": "0199e0c0-0000-7000-8000-000000000012",
          "pipeline_version_id": "0199e0c0-0000-7000-8000-000000000023",
          "priority": 5,
          "queue": "default",
          "retry_of_run_id": null,
          "root_run_id": "0199e0c0-0000-7000-8000-0000000000bb",
          "schedule_id": null,
          "scheduled_for": null,
          "start_by": null,
          "started_at": "[time]",
          "status": "FAILED",
          "tenant_id": "0199e0c0-0000-7000-8000-000000000002",
          "traceparent": null,
          "trigger_type": "manual",
          "updated_at": "[time]"
        }
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 200
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn only_two_outcomes_exist(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    insta::assert_json_snapshot!(answer(&app, &handle, include_str!("../../../events/complete.unknown_status.json")).await, @r#"
    {
      "body": {
        "code": "invalid_field",
        "detail": "/status: unknown variant `DONE`, expected `SUCCEEDED` or `FAILED` at line 1 column 18",
        "errors": [
          {
            "detail": "unknown variant `DONE`, expected `SUCCEEDED` or `FAILED` at line 1 column 18",
            "pointer": "/status"
          }
        ],
        "request_id": "",
        "status": 400,
        "title": "Invalid field",
        "type": "about:blank"
      },
      "headers": {
        "content-type": "application/problem+json"
      },
      "status": 400
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn completing_again_without_a_token_is_a_conflict(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/complete.json");
    answer(&app, &handle, event).await;
    let again = answer(&app, &handle, event).await;
    assert_eq!(again["status"], 409);
    assert_eq!(again["body"]["detail"], "run not RUNNING or not found");
    assert_eq!(again["body"]["code"], "already_finished");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn several_completions_are_answered_one_by_one(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let answered = answer(&app, &handle, include_str!("../../../events/complete.bulk.json")).await;
    assert_eq!(answered["status"], 200);
    // One has ended now, another one long ago.
    let became = [("RunDuration", 2.0), ("RunsFailed", 1.0), ("RunsSucceeded", 1.0)];
    assert_eq!(measured(&app), became.into());
    let items = answered["body"]["items"].as_array().unwrap_or_else(|| panic!("{answered}"));
    assert_eq!(items.len(), 3);
    assert_eq!((&items[0]["status"], &items[0]["run"]["status"]), (&200.into(), &"SUCCEEDED".into()));
    // It failed under this token before: the stored run.
    assert_eq!((&items[1]["status"], &items[1]["run"]["status"]), (&200.into(), &"FAILED".into()));
    // The first item has ended the run.
    insta::assert_json_snapshot!(items[2], @r#"
    {
      "problem": {
        "code": "already_finished",
        "detail": "run not RUNNING or not found",
        "status": 409,
        "title": "Run already finished",
        "type": "about:blank"
      },
      "status": 409
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_completed_run_has_the_sweep_come_for_its_event_and_for_what_waits_behind_it(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let sqs = Sqs::start().await;
    let app = arming(options, FUNCTION, &sqs).await;
    let event = include_str!("../../../events/complete.json");
    assert_eq!(answer(&app, &handle, event).await["status"], 200);
    assert_eq!(sqs.requests().len(), 1);
}
