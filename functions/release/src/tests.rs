//! The function's answers to the events in `events/`, on a database with the demo data.

use runplane::testing::{answer, app};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::FUNCTION;
use crate::handler::handle;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_is_handed_back_for_later(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/release.json");
    insta::assert_json_snapshot!(answer(&app, &handle, event).await, @r#"
    {
      "body": {
        "ok": true,
        "run": {
          "attempt": 1,
          "available_at": "[time]",
          "claim_count": 1,
          "claimed_at": null,
          "claimed_by": null,
          "concurrency_key": null,
          "created_at": "[time]",
          "dispatch": "pull",
          "dispatch_due_at": null,
          "error_code": null,
          "error_message": null,
          "finished_at": null,
          "heartbeat_at": null,
          "id": "0199e0c0-0000-7000-8000-0000000000bb",
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
          "root_run_id": "0199e0c0-0000-7000-8000-0000000000bb",
          "schedule_id": null,
          "scheduled_for": null,
          "start_by": null,
          "started_at": "[time]",
          "status": "QUEUED",
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
async fn an_old_token_hands_nothing_back(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/release.old_token.json");
    insta::assert_json_snapshot!(answer(&app, &handle, event).await, @r#"
    {
      "body": {
        "code": "lease_lost",
        "detail": "the lease expired or is another worker's: stop working on this run",
        "request_id": "",
        "status": 409,
        "title": "Lease lost",
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
async fn without_a_token_nothing_is_handed_back(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/release.no_token.json");
    insta::assert_json_snapshot!(answer(&app, &handle, event).await, @r#"
    {
      "body": {
        "code": "invalid_field",
        "detail": "/lease_token: is required",
        "errors": [
          {
            "detail": "is required",
            "pointer": "/lease_token"
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
