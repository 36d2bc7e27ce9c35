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

use runplane::testing;
use serde_json::Value;
use sqlx::postgres::PgConnectOptions;

use crate::FUNCTION;
use crate::handler::handle;

async fn answer(options: PgConnectOptions, event: &str) -> Value {
    testing::answer(&testing::app(options, FUNCTION).await, &handle, event).await
}
