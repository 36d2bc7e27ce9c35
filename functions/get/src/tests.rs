//! The function's answers to the events in `events/`, on a database with the demo data.

use runplane::testing::{answer, app};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::FUNCTION;
use crate::handler::handle;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_is_shown_with_its_version(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    insta::assert_json_snapshot!(answer(&app, &handle, include_str!("../../../events/get.json")).await, @r#"
    {
      "body": {
        "attempts": [],
        "pipeline_version": {
          "dag_spec": {},
          "id": "0199e0c0-0000-7000-8000-000000000023",
          "status": "APPROVED",
          "version": "1"
        },
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
          "finished_at": null,
          "heartbeat_at": null,
          "id": "0199e0c0-0000-7000-8000-0000000000bb",
          "labels": {},
          "lease_expires_at": "[time]",
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
          "status": "RUNNING",
          "tenant_id": "0199e0c0-0000-7000-8000-000000000002",
          "traceparent": null,
          "trigger_type": "manual",
          "updated_at": "[time]"
        },
        "steps": [],
        "waiting_for": null
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 200
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_id_that_is_none_is_refused(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    insta::assert_json_snapshot!(answer(&app, &handle, include_str!("../../../events/get.bad_id.json")).await, @r#"
    {
      "body": {
        "code": "invalid_field",
        "detail": "/run_id: must be a UUID",
        "errors": [
          {
            "detail": "must be a UUID",
            "pointer": "/run_id"
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
async fn who_waits_for_the_end_is_answered_when_the_run_has_ended(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options, FUNCTION).await;
    let running = include_str!("../../../events/get.wait.json");
    let patient = running.replace("\"wait_seconds\": \"1\"", "\"wait_seconds\": \"20\"").replace("=1", "=20");
    let cancel = runplane::runs::CancelRequest::default();
    let run_id = "0199e0c0-0000-7000-8000-0000000000bb".parse().unwrap();
    let asked = tokio::time::Instant::now();
    let (answer, ()) = tokio::join!(answer(&app, &handle, &patient), async {
        let scope = runplane::scope::Scope::All;
        app.call(async |conn| runplane::runs::cancel(conn, scope, run_id, &cancel).await).await.unwrap();
    });
    assert_eq!(answer["body"]["run"]["status"], "CANCELLED");
    assert!(asked.elapsed() < std::time::Duration::from_secs(20));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn who_waits_too_short_sees_the_run_as_it_is(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let answer = answer(&app, &handle, include_str!("../../../events/get.wait.json")).await;
    assert_eq!((&answer["status"], &answer["body"]["run"]["status"]), (&200.into(), &"RUNNING".into()));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn nobody_waits_longer_than_20_seconds(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    insta::assert_json_snapshot!(answer(&app, &handle, include_str!("../../../events/get.bad_wait.json")).await, @r#"
    {
      "body": {
        "code": "invalid_field",
        "detail": "/wait_seconds: must be a whole number from 0 to 20",
        "errors": [
          {
            "detail": "must be a whole number from 0 to 20",
            "pointer": "/wait_seconds"
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
