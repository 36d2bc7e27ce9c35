//! The function's answers to the events in `events/`, on a database with the demo data.

use runplane::testing::{answer, app, captured_log};
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::FUNCTION;
use crate::handler::handle;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_lease_goes_on(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    insta::assert_json_snapshot!(answer(&app, &handle, include_str!("../../../events/heartbeat.json")).await, @r#"
    {
      "body": {
        "heartbeat_at": "[time]",
        "lease_expires_at": "[time]",
        "ok": true,
        "run_id": "0199e0c0-0000-7000-8000-0000000000bb"
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 200
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_request_is_one_line_in_the_log_with_ids_and_no_payload(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options, FUNCTION).await;
    let (log, _guard) = captured_log();
    let event = include_str!("../../../events/heartbeat.json");
    let with_token = event.replace(
        r#"\"worker_id\": \"worker-1\""#,
        r#"\"lease_token\": \"0199e0c0-0000-4000-8000-0000000000bb\""#,
    );
    assert_ne!(with_token, event);
    assert_eq!(answer(&app, &handle, &with_token).await["status"], 200);

    let lines = log.lines_about("answered");
    assert_eq!(lines.len(), 1, "{}", log.text());
    let line = &lines[0];
    assert_eq!(line["message"], "POST /api/runs/0199e0c0-0000-7000-8000-0000000000bb/heartbeat answered 200");
    assert_eq!((&line["status"], &line["level"]), (&200.into(), &"INFO".into()));
    assert!(line["duration_ms"].is_u64() && line["timestamp"].is_string() && line["request.id"].is_string());
    assert_eq!(line["run.id"], "0199e0c0-0000-7000-8000-0000000000bb");
    assert_eq!(line["tenant.id"], "0199e0c0-0000-7000-8000-000000000002");
    assert_eq!(line["run.attempt"], 1);
    assert!(
        !log.text().contains("0199e0c0-0000-4000-8000-0000000000bb"),
        "a token is in the log: {}",
        log.text()
    );
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_fails_on_our_side_is_logged_with_its_cause_and_answered_without(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options.clone(), FUNCTION).await;
    let kill = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()";
    answer(&app, &handle, include_str!("../../../events/heartbeat.json")).await;
    let mut other = options.connect().await.unwrap();
    sqlx::query(kill).execute(&mut other).await.unwrap();
    let (log, _guard) = captured_log();
    let answered = answer(&app, &handle, include_str!("../../../events/heartbeat.json")).await;
    assert_eq!(answered["status"], 503);
    assert_eq!(answered["headers"]["retry-after"], "2");
    assert_eq!(answered["body"]["detail"], "The service cannot be reached at the moment; try again");
    let causes = log.lines_about("failed");
    assert!(
        causes.len() == 1 && causes[0]["error"].as_str().is_some_and(|cause| cause.len() > 10),
        "{}",
        log.text()
    );
    // The connection that failed is not used again.
    assert_eq!(answer(&app, &handle, include_str!("../../../events/heartbeat.json")).await["status"], 200);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn several_leases_go_on_at_once(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    insta::assert_json_snapshot!(answer(&app, &handle, include_str!("../../../events/heartbeat.bulk.json")).await["body"], @r#"
    {
      "items": [
        {
          "heartbeat": {
            "heartbeat_at": "[time]",
            "lease_expires_at": "[time]",
            "ok": true,
            "run_id": "0199e0c0-0000-7000-8000-0000000000bb"
          },
          "status": 200
        },
        {
          "problem": {
            "code": "already_finished",
            "detail": "the run has already finished",
            "status": 409,
            "title": "Run already finished",
            "type": "about:blank"
          },
          "status": 409
        }
      ]
    }
    "#);
}
