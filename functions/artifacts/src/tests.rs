//! The function's answers to the events in `events/`, on a database with the demo data.

use runplane::testing::{answer, app};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::FUNCTION;
use crate::handler::handle;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_artifact_is_stored_and_shown(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/artifacts.add.json");
    let added = answer(&app, &handle, event).await;
    assert_eq!(
        (&added["status"], &added["body"]["run_id"]),
        (&201.into(), &"0199e0c0-0000-7000-8000-0000000000bb".into())
    );
    let event = include_str!("../../../events/artifacts.json");
    insta::assert_json_snapshot!(answer(&app, &handle, event).await, @r#"
    {
      "body": {
        "count": 1,
        "items": [
          {
            "artifact_type": "report",
            "created_at": "[time]",
            "id": "[id]",
            "meta": null,
            "payload": {
              "rows": 1204,
              "url": "https://example.com/report/1"
            },
            "run_id": "0199e0c0-0000-7000-8000-0000000000bb",
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
async fn the_same_id_again_is_the_same_artifact(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/artifacts.add.with_id.json");
    assert_eq!(answer(&app, &handle, event).await["status"], 201);
    let event = include_str!("../../../events/artifacts.add.with_id.json");
    insta::assert_json_snapshot!(answer(&app, &handle, event).await, @r#"
    {
      "body": {
        "artifact_type": "table",
        "created_at": "[time]",
        "id": "0199e0c0-0000-7000-8000-0000000000d1",
        "meta": {
          "columns": [
            "day",
            "amount"
          ]
        },
        "payload": {
          "name": "sales"
        },
        "run_id": "0199e0c0-0000-7000-8000-0000000000cc",
        "source": null
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 200
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn every_field_that_is_wrong_is_named(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/artifacts.add.bad_fields.json");
    insta::assert_json_snapshot!(answer(&app, &handle, event).await["body"]["errors"], @r#"
    [
      {
        "detail": "must have 1 to 100 characters, has 0",
        "pointer": "/artifact_type"
      },
      {
        "detail": "must not contain the character NUL (\\u0000)",
        "pointer": "/payload/a"
      },
      {
        "detail": "must have 1 to 200 characters, has 0",
        "pointer": "/source"
      }
    ]
    "#);
}
