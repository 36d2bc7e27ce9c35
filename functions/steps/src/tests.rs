//! The function's answers to the events in `events/`, on a database with the demo data.

use runplane::testing::{answer, app};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::FUNCTION;
use crate::handler::handle;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn results_of_steps_are_stored_and_shown(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/steps.store.json");
    insta::assert_json_snapshot!(answer(&app, &handle, event).await["body"], @r#"
    {
      "changed": 4,
      "ok": true
    }
    "#);
    let event = include_str!("../../../events/steps.json");
    insta::assert_json_snapshot!(answer(&app, &handle, event).await, @r#"
    {
      "body": {
        "count": 4,
        "items": [
          {
            "attempts": 1,
            "error": null,
            "finished_at": "[time]",
            "item": null,
            "output": {
              "rows": 1204
            },
            "output_bytes": 13,
            "output_ref": null,
            "reason": null,
            "resume_at": null,
            "run_attempt": 1,
            "started_at": "[time]",
            "status": "SUCCEEDED",
            "step_id": "extract"
          },
          {
            "attempts": 1,
            "error": null,
            "finished_at": null,
            "item": null,
            "output": null,
            "output_bytes": null,
            "output_ref": null,
            "reason": null,
            "resume_at": null,
            "run_attempt": 1,
            "started_at": "[time]",
            "status": "RUNNING",
            "step_id": "load"
          },
          {
            "attempts": 3,
            "error": {
              "error": "http_status",
              "message": "503 Service Unavailable"
            },
            "finished_at": "[time]",
            "item": 0,
            "output": null,
            "output_bytes": null,
            "output_ref": null,
            "reason": null,
            "resume_at": null,
            "run_attempt": 1,
            "started_at": "[time]",
            "status": "FAILED",
            "step_id": "load"
          },
          {
            "attempts": 0,
            "error": null,
            "finished_at": "[time]",
            "item": null,
            "output": null,
            "output_bytes": null,
            "output_ref": null,
            "reason": "condition",
            "resume_at": null,
            "run_attempt": 1,
            "started_at": null,
            "status": "SKIPPED",
            "step_id": "report"
          }
        ],
        "limit": 1000,
        "next_cursor": null,
        "worked_ms": 9000
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 200
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_old_token_stores_nothing(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/steps.store.old_token.json");
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
async fn every_field_that_is_wrong_is_named(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/steps.store.bad_fields.json");
    insta::assert_json_snapshot!(answer(&app, &handle, event).await["body"]["errors"], @r#"
    [
      {
        "detail": "must not be negative, is -1",
        "pointer": "/worked_ms"
      },
      {
        "detail": "must have 1 to 63 characters, has 0",
        "pointer": "/steps/0/step_id"
      },
      {
        "detail": "is required with FAILED",
        "pointer": "/steps/0/error"
      },
      {
        "detail": "may be given with SUCCEEDED only",
        "pointer": "/steps/1/output"
      }
    ]
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn every_parameter_that_is_wrong_is_named(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/steps.bad_query.json");
    insta::assert_json_snapshot!(answer(&app, &handle, event).await["body"]["errors"], @r#"
    [
      {
        "detail": "must be a UUID",
        "pointer": "/tenant_id"
      },
      {
        "detail": "must be a whole number from 1 to 1000",
        "pointer": "/limit"
      },
      {
        "detail": "is not a parameter of this request",
        "pointer": "/status"
      }
    ]
    "#);
}
