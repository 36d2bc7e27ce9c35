//! The function's answers to the events in `events/`, on a database with the demo data.

mod connections;
mod deletions;
mod pipelines;
mod routes;
mod schedules;
mod statuses;
mod tenants;
mod versions;
mod webhooks;

use runplane::testing::{self, Sqs};
use serde_json::Value;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::FUNCTION;
use crate::handler::handle;

async fn answer(options: PgConnectOptions, event: &str) -> Value {
    testing::answer(&testing::app(options, FUNCTION).await, &handle, event).await
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_change_after_which_something_may_be_due_has_the_sweep_come(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    for (event, comes) in [
        (include_str!("../../../../events/catalog.create_schedule.json"), 1),
        (include_str!("../../../../events/catalog.create_schedule.never_due.json"), 0),
        (include_str!("../../../../events/catalog.update_schedule.json"), 1),
        (include_str!("../../../../events/catalog.list_schedules.json"), 0),
        (include_str!("../../../../events/catalog.update_tenant.json"), 1),
        (include_str!("../../../../events/catalog.get_tenant.json"), 0),
        (include_str!("../../../../events/catalog.update_pipeline.json"), 1),
        (include_str!("../../../../events/catalog.create_pipeline.json"), 0),
        (include_str!("../../../../events/catalog.update_webhook.json"), 1),
        (include_str!("../../../../events/catalog.retry_webhook.json"), 1),
        (include_str!("../../../../events/catalog.delete_tenant.json"), 1),
    ] {
        let sqs = Sqs::start().await;
        let app = testing::arming(options.clone(), FUNCTION, &sqs).await;
        let webhook = "insert into listeners (id, tenant_id, name, url, secret_ref)
            values ('0199e0c0-0000-7000-8000-0000000000e1', '580115b4-a291-4917-8dbd-247cfa13e2d6', 'w', 'https://x', 's')
            on conflict do nothing";
        testing::execute(&app, sqlx::query(webhook)).await;
        let answer = testing::answer(&app, &handle, event).await;
        assert_eq!(sqs.requests().len(), comes, "{event}\n{answer}");
    }
}
