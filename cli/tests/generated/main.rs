//! `runplane keys generate`: its SQL on a real Postgres, and whom the key lets in then.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

use std::process::Command;

use axum::http::{HeaderMap, HeaderValue};
use runplane::auth::{Auth, Principal, Role, Roles};
use runplane::db::{Db, Plans, Pooler};
use runplane::problem::{Code, Problem};
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPool};
use uuid::Uuid;

/// What the program makes of these arguments.
fn generate(args: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runplane"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("RUNPLANE_") {
            command.env_remove(name);
        }
    }
    let output = command.args(["keys", "generate", "--json"]).args(args).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs the SQL as psql would.
async fn run(pool: &PgPool, made: &Value) {
    let sql = made["sql"].as_str().unwrap().to_owned();
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(pool).await.unwrap();
}

async fn principal(options: &PgConnectOptions, made: &Value) -> Result<Principal, Problem> {
    let key = made["key"].as_str().unwrap();
    let headers: HeaderMap =
        [("authorization".parse().unwrap(), HeaderValue::try_from(format!("Bearer {key}")).unwrap())]
            .into_iter()
            .collect();
    let db = Db::new(options.clone(), Plans::Generic, Pooler::None);
    Auth::required(None).principal(&headers, &db).await.map(|principal| (*principal).clone())
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_first_operator_gets_in_once_the_sql_has_been_run(pool: PgPool) {
    let options = &*pool.connect_options();
    let made = generate(&["--role", "operator", "--name", "ann's \\ \"key\"\n--"]);
    assert_eq!(principal(options, &made).await.unwrap_err().code, Code::Unauthenticated);
    run(&pool, &made).await;
    let id = made["id"].as_str().unwrap();
    let operator = principal(options, &made).await.unwrap();
    assert_eq!((operator.tenant, operator.roles), (None, Roles::of(&[Role::Operator])));
    assert_eq!(operator.id, format!("key:{id} ann's \\ \"key\"\n--"));
    let entry: Value = sqlx::query_scalar("select to_jsonb(a) - array['id', 'at'] from audit_log a")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(
        entry,
        json!({
            "tenant_id": null, "principal": "runplane keys generate", "request_id": "", "action": "key.created",
            "subject_id": id, "details": {"name": "ann's \\ \"key\"\n--", "roles": ["operator"]}
        })
    );
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_key_of_a_tenant_is_that_of_the_tenant(pool: PgPool) {
    let tenant = Uuid::now_v7();
    sqlx::query("insert into tenants (id, name) values ($1, 'T')").bind(tenant).execute(&pool).await.unwrap();
    let made = generate(&[
        "--tenant",
        &tenant.to_string(),
        "--role",
        "worker",
        "--role",
        "viewer",
        "--name",
        "w",
        "--expires-in",
        "1d",
    ]);
    run(&pool, &made).await;
    let worker = principal(&pool.connect_options(), &made).await.unwrap();
    assert_eq!((worker.tenant, worker.roles), (Some(tenant), Roles::of(&[Role::Viewer, Role::Worker])));
    let expires: bool = sqlx::query_scalar(
        "select expires_at between now() + interval '23 hours' and now() + interval '25 hours' from api_keys",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert!(expires);
}
