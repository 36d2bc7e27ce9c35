//! The function's answers to the events in `events/`, on a database with the demo data.

use runplane::testing::{answer, app, execute, measured};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::FUNCTION;
use crate::handler::handle;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_failed_run_is_retried_with_other_parameters(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/retry.json");
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
        "error_code": null,
        "error_message": null,
        "finished_at": null,
        "heartbeat_at": null,
        "id": "[id]",
        "labels": {},
        "lease_expires_at": null,
        "lease_seconds": null,
        "lost": 0,
        "max_attempts": 1,
        "max_lost": 3,
        "output": null,
        "parameters": {
          "since": "2026-11-02"
        },
        "pipeline_id": "0199e0c0-0000-7000-8000-000000000012",
        "pipeline_version_id": "0199e0c0-0000-7000-8000-000000000023",
        "priority": 5,
        "queue": "default",
        "retry_of_run_id": "0199e0c0-0000-7000-8000-0000000000cc",
        "root_run_id": "0199e0c0-0000-7000-8000-0000000000cc",
        "schedule_id": null,
        "scheduled_for": null,
        "start_by": null,
        "started_at": null,
        "status": "QUEUED",
        "tenant_id": "0199e0c0-0000-7000-8000-000000000002",
        "traceparent": null,
        "trigger_type": "retry",
        "updated_at": "[time]"
      },
      "headers": {
        "content-type": "application/json",
        "location": "/api/runs/[id]"
      },
      "status": 201
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_retry_needs_no_body(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/retry.no_body.json");
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
        "error_code": null,
        "error_message": null,
        "finished_at": null,
        "heartbeat_at": null,
        "id": "[id]",
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
        "retry_of_run_id": "0199e0c0-0000-7000-8000-0000000000cc",
        "root_run_id": "0199e0c0-0000-7000-8000-0000000000cc",
        "schedule_id": null,
        "scheduled_for": null,
        "start_by": null,
        "started_at": null,
        "status": "QUEUED",
        "tenant_id": "0199e0c0-0000-7000-8000-000000000002",
        "traceparent": null,
        "trigger_type": "retry",
        "updated_at": "[time]"
      },
      "headers": {
        "content-type": "application/json",
        "location": "/api/runs/[id]"
      },
      "status": 201
    }
    "#);
    assert_eq!(measured(&app), [("RunsCreated", 1.0)].into());
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_running_run_is_not_retried(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/retry.running.json");
    insta::assert_json_snapshot!(answer(&app, &handle, event).await, @r#"
    {
      "body": {
        "code": "invalid_transition",
        "detail": "only a run that FAILED or was CANCELLED is retried, this one is RUNNING",
        "request_id": "",
        "status": 409,
        "title": "Invalid transition",
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
async fn a_retry_from_what_failed_is_a_new_run_of_the_lineage(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/retry.from_failed.json");
    let answer = answer(&app, &handle, event).await;
    assert_eq!(
        (&answer["status"], &answer["body"]["trigger_type"]),
        (&201.into(), &"retry".into()),
        "{answer}"
    );
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_retry_from_what_failed_keeps_the_parameters(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/retry.from_failed_with_parameters.json");
    insta::assert_json_snapshot!(answer(&app, &handle, event).await["body"]["errors"], @r#"
    [
      {
        "detail": "may not be given with from failed: results that are kept were made from those of the run; retry it from the start",
        "pointer": "/parameters"
      }
    ]
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn parameters_that_the_version_does_not_allow_are_refused(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options, FUNCTION).await;
    let version = r#"insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, approved_at, dag_spec)
                     select '0199e0c0-0000-7000-8000-0000000000d2', tenant_id, pipeline_id, 'with params', 'APPROVED', now(),
                            '{"params": {"properties": {"since": {"type": "integer"}}}}'
                     from pipeline_versions where id = '0199e0c0-0000-7000-8000-000000000023'"#;
    assert_eq!(execute(&app, sqlx::query(version)).await, 1);
    let run = "update pipeline_runs set pipeline_version_id = '0199e0c0-0000-7000-8000-0000000000d2'
               where id = '0199e0c0-0000-7000-8000-0000000000cc'";
    assert_eq!(execute(&app, sqlx::query(run)).await, 1);
    let event = include_str!("../../../events/retry.json");
    insta::assert_json_snapshot!(answer(&app, &handle, event).await, @r#"
    {
      "body": {
        "code": "invalid_parameters",
        "detail": "/parameters/since: must be a whole number, is a string",
        "errors": [
          {
            "detail": "must be a whole number, is a string",
            "pointer": "/parameters/since"
          }
        ],
        "request_id": "",
        "status": 422,
        "title": "Invalid parameters",
        "type": "about:blank"
      },
      "headers": {
        "content-type": "application/problem+json"
      },
      "status": 422
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_retry_has_the_traceparent_of_its_own_request(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let of_the_first =
        "update pipeline_runs set traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'";
    execute(&app, sqlx::query(of_the_first)).await;
    let mut event: serde_json::Value =
        serde_json::from_str(include_str!("../../../events/retry.json")).unwrap_or_default();
    let without = answer(&app, &handle, &event.to_string()).await;
    assert_eq!(
        (&without["status"], &without["body"]["traceparent"]),
        (&201.into(), &serde_json::Value::Null)
    );
    let own = format!("00-{}-b7ad6b7169203331-01", "1".repeat(32));
    event["headers"]["traceparent"] = own.as_str().into();
    let with = answer(&app, &handle, &event.to_string()).await;
    assert_eq!((&with["status"], &with["body"]["traceparent"]), (&201.into(), &own.into()));
}
