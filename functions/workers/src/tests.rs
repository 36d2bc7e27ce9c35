//! The function's answers to the events in `events/`, on a database with the demo data.

use runplane::testing::{answer, app, execute};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::FUNCTION;
use crate::handler::handle;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_page_shows_who_is_alive_on_a_queue(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    for (worker, queue) in [("w1", "default"), ("w2", "gpu")] {
        let see =
            sqlx::query("select see_worker($1, '580115b4-a291-4917-8dbd-247cfa13e2d6', array[$2, 'z'])");
        execute(&app, see.bind(worker).bind(queue)).await;
    }
    let answer = answer(&app, &handle, include_str!("../../../events/workers.json")).await;
    insta::assert_json_snapshot!(answer, @r#"
    {
      "body": {
        "count": 1,
        "items": [
          {
            "alive": true,
            "last_seen_at": "[time]",
            "queues": [
              "default",
              "z"
            ],
            "running": 0,
            "since": "[time]",
            "tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6",
            "worker_id": "w1"
          }
        ],
        "limit": 5,
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
async fn every_parameter_that_is_wrong_is_named(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let answer = answer(&app, &handle, include_str!("../../../events/workers.bad_query.json")).await;
    insta::assert_json_snapshot!(answer["body"]["errors"], @r#"
    [
      {
        "detail": "must be a UUID",
        "pointer": "/tenant_id"
      },
      {
        "detail": "must be true or false",
        "pointer": "/alive"
      },
      {
        "detail": "must be a whole number from 1 to 100",
        "pointer": "/limit"
      },
      {
        "detail": "is not a parameter of this request",
        "pointer": "/status"
      }
    ]
    "#);
}
