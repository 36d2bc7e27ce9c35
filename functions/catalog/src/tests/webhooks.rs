//! Events about webhooks.

use std::sync::Arc;

use runplane::app::App;
use runplane::testing::{self, execute};
use serde_json::Value;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::answer;
use crate::FUNCTION;
use crate::handler::handle;

/// An app with the webhook that the events are about, which has one event given up.
async fn app(options: PgConnectOptions) -> Arc<App> {
    let app = testing::app(options, FUNCTION).await;
    for insert in [
        "insert into listeners (id, tenant_id, name, url, secret_ref, event_types)
         values ('0199e0c0-0000-7000-8000-0000000000e1', '580115b4-a291-4917-8dbd-247cfa13e2d6', 'pager',
           'https://hooks.example.com/runplane', 'pager', '{run.failed}')",
        "insert into deliveries (listener_id, tenant_id, run_id, event_id, event_type, data, given_up)
         values ('0199e0c0-0000-7000-8000-0000000000e1', '580115b4-a291-4917-8dbd-247cfa13e2d6', gen_random_uuid(), gen_random_uuid(), 'run.failed', '{}', true)",
    ] {
        execute(&app, sqlx::query(insert)).await;
    }
    app
}

async fn told(app: &Arc<App>, event: &str) -> Value {
    testing::answer(app, &handle, event).await
}

/// What the audit says was done, with the details.
async fn noted(app: &App) -> Vec<(String, Value)> {
    let all = sqlx::query_as("select action, details from audit_log order by at, id");
    app.call(async |conn| all.fetch_all(conn).await).await.unwrap()
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_webhook_is_created(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.create_webhook.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "created_at": "[time]",
        "event_types": [
          "run.failed",
          "run.cancelled"
        ],
        "id": "[id]",
        "name": "pager",
        "paused": false,
        "pipeline_id": null,
        "secret_ref": "pager",
        "tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6",
        "url": "https://hooks.example.com/runplane"
      },
      "headers": {
        "content-type": "application/json",
        "location": "/api/webhooks/[id]"
      },
      "status": 201
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn one_webhook_more_than_a_tenant_may_have_is_refused(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = testing::app(options, FUNCTION).await;
    let others = "insert into listeners (id, tenant_id, name, url, secret_ref)
        select uuidv7(), '580115b4-a291-4917-8dbd-247cfa13e2d6', 'n' || n, 'https://hooks.example.com/', 's' from generate_series(1, 20) n";
    execute(&app, sqlx::query(others)).await;
    let event = include_str!("../../../../events/catalog.create_webhook.json");
    insta::assert_json_snapshot!(told(&app, event).await, @r#"
    {
      "body": {
        "code": "limit_reached",
        "detail": "The tenant has 20 webhooks, and may have no more",
        "request_id": "",
        "status": 409,
        "title": "Limit reached",
        "type": "about:blank"
      },
      "headers": {
        "content-type": "application/problem+json"
      },
      "status": 409
    }
    "#);
    assert_eq!(noted(&app).await, []);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_a_webhook_cannot_be_is_told_all_at_once(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.create_webhook.bad_fields.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "code": "invalid_field",
        "detail": "6 fields of the request are invalid",
        "errors": [
          {
            "detail": "must have 1 to 100 characters, has 0",
            "pointer": "/name"
          },
          {
            "detail": "must not contain credentials: they are named by secret_ref",
            "pointer": "/url"
          },
          {
            "detail": "must not have a query or a fragment",
            "pointer": "/url"
          },
          {
            "detail": "must begin with https://",
            "pointer": "/url"
          },
          {
            "detail": "must be the name of a secret: 1 to 256 letters, digits and /_+=.@-",
            "pointer": "/secret_ref"
          },
          {
            "detail": "is there twice: run.failed",
            "pointer": "/event_types/1"
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
async fn a_webhook_is_shown_with_how_its_deliveries_go(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options).await;
    let event = include_str!("../../../../events/catalog.get_webhook.json");
    insta::assert_json_snapshot!(told(&app, event).await, @r#"
    {
      "body": {
        "created_at": "[time]",
        "event_types": [
          "run.failed"
        ],
        "failing_since": null,
        "failures": 0,
        "given_up": 1,
        "id": "0199e0c0-0000-7000-8000-0000000000e1",
        "last_delivered_at": null,
        "last_error": null,
        "last_failed_at": null,
        "name": "pager",
        "paused": false,
        "pending": 0,
        "pipeline_id": null,
        "rests_until": null,
        "secret_ref": "pager",
        "tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6",
        "url": "https://hooks.example.com/runplane",
        "waiting_since": null
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 200
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_webhook_is_paused_retried_and_deleted_and_the_audit_says_so(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options).await;
    let paused = told(&app, include_str!("../../../../events/catalog.update_webhook.json")).await;
    assert_eq!((&paused["status"], &paused["body"]["paused"]), (&200.into(), &true.into()));
    for retried in [1, 0] {
        let answer = told(&app, include_str!("../../../../events/catalog.retry_webhook.json")).await;
        assert_eq!(answer["body"], serde_json::json!({"retried": retried, "more": false}));
    }
    let deleted = include_str!("../../../../events/catalog.delete_webhook.json");
    for status in [204, 404] {
        assert_eq!(told(&app, deleted).await["status"], status);
    }
    insta::assert_json_snapshot!(noted(&app).await, @r#"
    [
      [
        "webhook.changed",
        {
          "name": "pager",
          "paused": true,
          "set": [
            "paused"
          ]
        }
      ],
      [
        "webhook.retried",
        {
          "name": "pager",
          "retried": 1
        }
      ],
      [
        "webhook.deleted",
        {
          "name": "pager"
        }
      ]
    ]
    "#);
}
