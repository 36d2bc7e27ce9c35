//! The function's answers to the events in `events/`, on a database with the demo data.

use runplane::testing::{answer, app};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::FUNCTION;
use crate::handler::handle;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_page_says_where_it_stands(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    insta::assert_json_snapshot!(answer(&app, &handle, include_str!("../../../events/list.json")).await, @r#"
    {
      "body": {
        "count": 0,
        "items": [],
        "limit": 5,
        "next_cursor": null,
        "offset": 0
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 200
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn every_parameter_that_is_wrong_is_named(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    insta::assert_json_snapshot!(answer(&app, &handle, include_str!("../../../events/list.bad_query.json")).await, @r#"
    {
      "body": {
        "code": "invalid_field",
        "detail": "5 fields of the request are invalid",
        "errors": [
          {
            "detail": "must be a UUID",
            "pointer": "/tenant_id"
          },
          {
            "detail": "must be QUEUED, RUNNING, SUCCEEDED, FAILED or CANCELLED",
            "pointer": "/status"
          },
          {
            "detail": "must be a whole number from 1 to 100",
            "pointer": "/limit"
          },
          {
            "detail": "must be a whole number from 0 to 10000",
            "pointer": "/offset"
          },
          {
            "detail": "is not a parameter of this request",
            "pointer": "/colour"
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
