//! Steps that reach out from a worker outside: connections and secret parameters come over HTTP, secrets from its environment.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::HeaderMap;
use runplane::reach::secrets::variable;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use uuid::Uuid;

use crate::support::World;

const TOKEN: &str = "token-of-the-shop";
const PASSWORD: &str = "password-of-ann";
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_step_is_sent_with_the_secrets_and_the_trace_and_nothing_that_is_kept_has_the_secrets(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&told);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(async move |headers: HeaderMap, body: String| {
        let all = format!("{headers:?} {body}");
        hears.lock().unwrap().push(all.clone());
        all
    });
    tokio::spawn(async move { axum::serve(listener, router).await });

    let config = json!({"base_url": url, "auth": {"type": "bearer"}, "allow_private_addresses": true});
    let sql = "insert into connections (id, tenant_id, name, kind, config, secret_ref) values ($1, $2, 'shop', 'http', $3, 'shop-token')";
    let insert = sqlx::query(sql).bind(Uuid::now_v7()).bind(world.tenant).bind(config);
    insert.execute(&world.pool).await.unwrap();
    let run = world
        .run(json!({
            "params": {"properties": {"password": {"type": "string", "x-secret": true}}},
            "steps": [{"id": "call", "type": "http",
                "with": {"connection": "shop", "path": "/", "method": "POST", "body": "${ .params.password }"}}],
            "output": "${ .steps.call.output.body }",
        }))
        .await;
    let sql = "insert into run_secrets values ($1, $2, $3)";
    let keep = sqlx::query(sql).bind(run).bind(world.tenant).bind(json!({"password": PASSWORD}));
    keep.execute(&world.pool).await.unwrap();
    let trace =
        sqlx::query("update pipeline_runs set traceparent = $2 where id = $1").bind(run).bind(TRACEPARENT);
    trace.execute(&world.pool).await.unwrap();

    let worker = world.worker_with("--once", &[(variable(world.tenant, "shop-token"), TOKEN)]);
    let (status, said) = worker.ends().await;
    assert_eq!(status.code(), Some(0), "{said:#?}");
    let row = world.row(run).await;
    assert_eq!(row["status"], "SUCCEEDED", "{row}");
    let told = told.lock().unwrap().join("");
    assert!(told.contains(&format!("Bearer {TOKEN}")) && told.contains(PASSWORD), "{told}");
    assert!(told.contains(TRACEPARENT), "{told}");
    let steps: Value = sqlx::query_scalar("select jsonb_agg(s) from run_steps s where run_id = $1")
        .bind(run)
        .fetch_one(&world.pool)
        .await
        .unwrap();
    let kept = format!("{row} {steps} {said:?}");
    assert!(kept.contains("Bearer ***"), "{kept}");
    assert!(!kept.contains(TOKEN) && !kept.contains(PASSWORD), "{kept}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_worker_without_the_secret_fails_the_step_and_says_what_it_lacks(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options).await;
    let sql = "insert into connections (id, tenant_id, name, kind, config, secret_ref)
               values ($1, $2, 'shop', 'http', '{\"base_url\": \"http://127.0.0.1:1\", \"auth\": {\"type\": \"bearer\"}}', 'shop-token')";
    sqlx::query(sql).bind(Uuid::now_v7()).bind(world.tenant).execute(&world.pool).await.unwrap();
    let with = json!({"connection": "shop", "path": "/"});
    let run = world.run(json!({"steps": [{"id": "call", "type": "http", "with": with}]})).await;
    world.worker("--once").ends().await;
    let row = world.row(run).await;
    let message = row["error_message"].as_str().unwrap();
    assert!(
        message.contains("secret_not_found") && message.contains(&variable(world.tenant, "shop-token")),
        "{row}"
    );
}
