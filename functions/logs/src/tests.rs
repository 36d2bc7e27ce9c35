//! The function's answers to the events in `events/`, on a database with the demo data.

use runplane::testing::{answer, app};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::FUNCTION;
use crate::handler::handle;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_line_is_stored_and_shown(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/logs.add.json");
    insta::assert_json_snapshot!(answer(&app, &handle, event).await, @r#"
    {
      "body": {
        "count": 1,
        "ok": true
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 201
    }
    "#);
    let event = include_str!("../../../events/logs.json");
    insta::assert_json_snapshot!(answer(&app, &handle, event).await, @r#"
    {
      "body": {
        "count": 1,
        "items": [
          {
            "created_at": "[time]",
            "id": "[id]",
            "level": "info",
            "message": "loaded 1204 rows",
            "meta": {
              "rows": 1204
            },
            "source": "worker-1"
          }
        ],
        "limit": 10,
        "next_cursor": null
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 200
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn several_lines_are_stored_of_a_run_that_has_ended(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/logs.add.several.json");
    insta::assert_json_snapshot!(answer(&app, &handle, event).await["body"], @r#"
    {
      "count": 2,
      "ok": true
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_line_beside_a_list_of_lines_is_refused(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/logs.add.bad_fields.json");
    insta::assert_json_snapshot!(answer(&app, &handle, event).await["body"]["errors"], @r#"
    [
      {
        "detail": "may not be given beside logs: it belongs into each of them",
        "pointer": "/message"
      },
      {
        "detail": "must have 1 to 200 characters, has 0",
        "pointer": "/logs/0/source"
      }
    ]
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn every_parameter_that_is_wrong_is_named(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/logs.bad_query.json");
    insta::assert_json_snapshot!(answer(&app, &handle, event).await["body"]["errors"], @r#"
    [
      {
        "detail": "must be a time as in 2026-11-23T08:00:00Z (a + in it as %2B)",
        "pointer": "/after"
      },
      {
        "detail": "must be asc or desc",
        "pointer": "/order"
      },
      {
        "detail": "must be a whole number from 1 to 1000",
        "pointer": "/limit"
      },
      {
        "detail": "is not a parameter of this request",
        "pointer": "/level"
      }
    ]
    "#);
}
