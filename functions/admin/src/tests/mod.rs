//! The function's answers to the events in `events/`, on a database with the demo data.

mod audit;
mod callers;
mod keys;
mod routes;

use std::sync::Arc;

use runplane::app::App;
use runplane::auth::Auth;
use runplane::testing;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use uuid::Uuid;

use crate::FUNCTION;
use crate::handler::handle;

/// The demo tenant.
const TENANT: &str = "580115b4-a291-4917-8dbd-247cfa13e2d6";
/// The key that the events name.
const KEY: &str = "0199e0c0-0000-7000-8000-000000000042";

/// The app, on a database in which the demo tenant has a key.
async fn app(options: PgConnectOptions) -> Arc<App> {
    let app = testing::app(options, FUNCTION).await;
    let id = |text: &str| Uuid::parse_str(text).expect("a UUID");
    let key = sqlx::query(
        "insert into api_keys (id, tenant_id, name, roles, secret_sha256, created_by)
         values ($1, $2, 'deploy', '{submitter,worker}', sha256('a secret'), 'a test') on conflict (id) do nothing",
    );
    testing::execute(&app, key.bind(id(KEY)).bind(id(TENANT))).await;
    app
}

/// The same, where everybody has to prove who they are.
async fn locked(options: PgConnectOptions) -> Arc<App> {
    let app = Arc::into_inner(app(options).await).expect("nobody else has it yet");
    Arc::new(app.with_auth(Auth::required(None)))
}

async fn answer(app: &Arc<App>, event: &str) -> Value {
    testing::answer(app, &handle, event).await
}

/// The event with another body.
fn with_body(event: &str, body: &Value) -> String {
    let mut event: Value = serde_json::from_str(event).expect("JSON");
    event["body"] = json!(body.to_string());
    event.to_string()
}

/// What the audit log has, oldest first, without what is new every time.
async fn log(app: &App) -> Value {
    let rows = app
        .call(async |conn| {
            sqlx::query_scalar::<_, Value>(
                "select coalesce(jsonb_agg(to_jsonb(a) - array['id', 'at', 'subject_id'] order by a.at, a.id), '[]') from audit_log a",
            )
            .fetch_one(conn)
            .await
        })
        .await;
    rows.expect("the query of a test")
}
