//! The function's answers to the events in `events/`, on a database with the demo data.

use runplane::testing::{Sqs, answer, app, arming, measured};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::FUNCTION;
use crate::handler::handle;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_running_run_is_cancelled_with_its_reason(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/cancel.json");
    insta::assert_json_snapshot!(answer(&app, &handle, event).await, @r#"
    {
      "body": {
        "attempt": 1,
        "available_at": "[time]",
        "claim_count": 1,
        "claimed_at": "[time]",
        "claimed_by": "worker-1",
        "concurrency_key": null,
        "created_at": "[time]",
        "dispatch": "pull",
        "dispatch_due_at": null,
        "error_code": "cancelled",
        "error_message": "no longer needed",
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
        "status": "CANCELLED",
        "tenant_id": "0199e0c0-0000-7000-8000-000000000002",
        "traceparent": null,
        "trigger_type": "manual",
        "updated_at": "[time]"
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 200
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_waiting_run_is_cancelled_without_a_body(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/cancel.no_body.json");
    insta::assert_json_snapshot!(answer(&app, &handle, event).await, @r#"
    {
      "body": {
        "attempt": 1,
        "available_at": "[time]",
        "claim_count": 0,
        "claimed_at": null,
        "claimed_by": null,
        "concurrency_key": null,
        "created_at": "[time]",
        "dispatch": "pull",
        "dispatch_due_at": null,
        "error_code": "cancelled",
        "error_message": null,
        "finished_at": "[time]",
        "heartbeat_at": null,
        "id": "0199e0c0-0000-7000-8000-0000000000aa",
        "labels": {},
        "lease_expires_at": null,
        "lease_seconds": null,
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
        "root_run_id": "0199e0c0-0000-7000-8000-0000000000aa",
        "schedule_id": null,
        "scheduled_for": null,
        "start_by": null,
        "started_at": null,
        "status": "CANCELLED",
        "tenant_id": "0199e0c0-0000-7000-8000-000000000002",
        "traceparent": null,
        "trigger_type": "manual",
        "updated_at": "[time]"
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 200
    }
    "#);
    assert_eq!(measured(&app), [("RunsCancelled", 1.0)].into());
    answer(&app, &handle, event).await;
    assert_eq!(measured(&app), [].into(), "it was before");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_that_has_ended_is_not_cancelled(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/cancel.finished.json");
    insta::assert_json_snapshot!(answer(&app, &handle, event).await, @r#"
    {
      "body": {
        "code": "already_finished",
        "detail": "The run has finished: there is nothing to cancel",
        "request_id": "",
        "status": 409,
        "title": "Run already finished",
        "type": "about:blank"
      },
      "headers": {
        "content-type": "application/problem+json"
      },
      "status": 409
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_empty_reason_is_refused(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/cancel.empty_reason.json");
    insta::assert_json_snapshot!(answer(&app, &handle, event).await, @r#"
    {
      "body": {
        "code": "invalid_field",
        "detail": "/reason: must have 1 to 1000 characters, has 0",
        "errors": [
          {
            "detail": "must have 1 to 1000 characters, has 0",
            "pointer": "/reason"
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
async fn a_cancelled_run_has_the_sweep_come_for_its_event_and_for_what_waits_behind_it(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let sqs = Sqs::start().await;
    let app = arming(options, FUNCTION, &sqs).await;
    let event = include_str!("../../../events/cancel.finished.json");
    assert_eq!(answer(&app, &handle, event).await["status"], 409);
    assert_eq!(sqs.requests().len(), 0, "nothing has changed");
    let event = include_str!("../../../events/cancel.json");
    assert_eq!(answer(&app, &handle, event).await["status"], 200);
    assert_eq!(sqs.requests().len(), 1);
}
