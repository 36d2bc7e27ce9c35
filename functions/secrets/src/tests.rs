//! The function's answers to the events in `events/`, on a database with the demo data.

use runplane::testing::{answer, app, execute};
use serde_json::json;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::FUNCTION;
use crate::handler::handle;

const EVENT: &str = include_str!("../../../events/secrets.json");

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn who_holds_the_lease_is_told_the_secrets_of_the_run(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let told = answer(&app, &handle, EVENT).await;
    assert_eq!((&told["status"], &told["body"]), (&json!(200), &json!({"parameters": {}})));
    let keep = sqlx::query(
        r#"insert into run_secrets select r.id, r.tenant_id, '{"db": {"password": "a long password"}}'
           from pipeline_runs r where r.id = '0199e0c0-0000-7000-8000-0000000000bb'"#,
    );
    execute(&app, keep).await;
    let told = answer(&app, &handle, EVENT).await;
    assert_eq!(told["body"], json!({"parameters": {"db": {"password": "a long password"}}}));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn nobody_else_is(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let other = EVENT.replace("4000-8000-0000000000bb", "4000-8000-0000000000bc");
    let refused = answer(&app, &handle, &other).await;
    assert_eq!(
        (&refused["status"], &refused["body"]["code"]),
        (&json!(409), &json!("lease_lost")),
        "another token"
    );
    let refused = answer(&app, &handle, &EVENT.replace("lease_token", "token")).await;
    assert_eq!(
        (&refused["status"], &refused["body"]["code"]),
        (&json!(400), &json!("invalid_field")),
        "no token"
    );
    let expire = sqlx::query(
        "update pipeline_runs set lease_expires_at = now() - interval '1 s' where lease_expires_at is not null",
    );
    execute(&app, expire).await;
    let refused = answer(&app, &handle, EVENT).await;
    assert_eq!(
        (&refused["status"], &refused["body"]["code"]),
        (&json!(409), &json!("lease_lost")),
        "expired"
    );
}
