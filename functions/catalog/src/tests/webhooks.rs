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
    insta::assert_json_snapshot!(answer(options, event).await);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_a_webhook_cannot_be_is_told_all_at_once(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.create_webhook.bad_fields.json");
    insta::assert_json_snapshot!(answer(options, event).await);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_webhook_is_shown_with_how_its_deliveries_go(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options).await;
    let event = include_str!("../../../../events/catalog.get_webhook.json");
    insta::assert_json_snapshot!(told(&app, event).await);
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
    insta::assert_json_snapshot!(noted(&app).await);
}
