//! Secrets of connections and secret parameters: steps have them, and nothing that is kept or told does.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use runplane::app::App;
use runplane::dag::ParamsCache;
use runplane::dag::execute::Ended;
use runplane::runs::{self, CompleteRequest, Creation, Outcome, RetryRequest};
use runplane::scope::Scope;
use runplane::testing::captured_log;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use uuid::Uuid;

use crate::outside::{SECRET, Server, TENANT, connect, run};
use crate::support::{app, run_of};

const PASSWORD: &str = "pa\"ss/wörd 42";

/// Every row of every table but the one that keeps secret parameters, as text.
async fn rows(pool: &PgPool) -> String {
    let tables: Vec<String> = sqlx::query_scalar(
        "select format('%I', relname) from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace and relname <> 'run_secrets'",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert!(tables.iter().any(|table| table == "run_steps"), "{tables:?}");
    let mut all = String::new();
    for table in tables {
        let sql = format!("select coalesce(string_agg(to_jsonb(t)::text, ' '), '') from {table} t");
        all += &sqlx::query_scalar::<_, String>(sqlx::AssertSqlSafe(sql)).fetch_one(pool).await.unwrap();
    }
    all
}

/// That a text has no secret in it, however it may be written.
fn assert_clear(what: &str, text: &str) {
    for secret in [SECRET, PASSWORD] {
        let json = Value::from(secret).to_string();
        for form in [secret.to_owned(), json[1..json.len() - 1].to_owned(), BASE64_STANDARD.encode(secret)] {
            assert!(!text.contains(&form), "{what} has {form}");
        }
    }
}

fn params() -> Value {
    json!({"properties": {"db": {"properties": {"password": {"type": "string", "x-secret": true}, "user": {"type": "string"}}}}})
}

/// Tells its secrets in each way that a step has.
fn telling() -> Value {
    json!({
        "params": params(),
        "steps": [
            {"id": "call", "type": "http", "with": {"connection": "shop", "path": "/echo", "method": "POST",
                "body": {"password": "${ .params.db.password }", "encoded": "${ .params.db.password | @base64 }"}}},
            {"id": "sly", "type": "http", "with": {"connection": "shop", "path": "/echo"}, "output": "${ .result.body | explode }"},
            {"id": "value", "type": "transform", "with": {"value": {"p": "${ .params.db.password }", "all": "${ [.params] | tojson }"}}},
            {"id": "item", "type": "transform", "for_each": {"items": "${ [.params.db.password] }"}, "with": {"value": "it is ${ .item }"}},
            {"id": "shown", "type": "artifact", "with": {"artifact_type": "report", "payload": {"p": "${ .params.db.password }"}}},
            {"id": "fails", "type": "fail", "continue_on_error": true, "with": {"error": "no", "message": "with ${ .params.db.password }"}},
            {"id": "wrong", "type": "transform", "continue_on_error": true, "with": {"value": "${ .params.db.password | tonumber }"}},
            {"id": "asked", "type": "transform", "if": "${ .params.db.password | error }", "continue_on_error": true, "with": {"value": 1}},
            {"id": "later", "type": "transform", "depends_on": ["value", "call"], "with": {"value": "${ .steps }"}},
        ],
        "output": {"all": "${ .steps }", "password": "${ .params.db.password }"},
    })
}

/// Executes a run and reports that it has succeeded; its output.
async fn completed(app: &Arc<App>, id: Uuid) -> Value {
    let output = match run(app, id).await {
        Ended::Succeeded { output } => output.unwrap_or_default(),
        other => panic!("{other:?}"),
    };
    let report: CompleteRequest =
        serde_json::from_value(json!({"status": Outcome::Succeeded, "output": output})).unwrap();
    let row = sqlx::query_scalar::<_, Uuid>("select lease_token from pipeline_runs where id = $1").bind(id);
    let token = app.call(async |conn| row.fetch_one(conn).await).await.unwrap();
    let report = CompleteRequest { lease_token: Some(token), ..report };
    app.call(async |conn| runs::complete(conn, Scope::All, id, &report).await).await.unwrap();
    output
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn steps_have_the_secrets_and_nothing_that_is_kept_has(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let (log, _guard) = captured_log();
    let pool = PgPoolOptions::new().max_connections(1).connect_with(options.clone()).await.unwrap();
    let app = app(options).await;
    let server = Server::default();
    connect(&app, &server.start().await).await;
    let id = run_of(&app, &telling(), json!({"db": {"user": "ann", "password": PASSWORD}})).await;

    let shown = app.call(async |conn| runs::get(conn, Scope::All, id).await).await.unwrap();
    assert_eq!(shown.run.parameters, json!({"db": {"user": "ann", "password": "***"}}));
    let output = completed(&app, id).await;

    assert_eq!(server.told("authorization"), vec![format!("Bearer {SECRET}"); 2], "the server was told");
    let steps = &output["all"];
    assert_eq!(output["password"], "***");
    assert_eq!(steps["value"]["output"]["p"], "***");
    assert_eq!(steps["item"]["output"], json!(["it is ***"]));
    assert_eq!(steps["fails"]["error"]["message"], "with ***");
    let sly: Vec<u32> = serde_json::from_value(steps["sly"]["output"].clone()).unwrap();
    let sly: String = sly.into_iter().filter_map(char::from_u32).collect();
    assert!(sly.contains("Bearer ***"), "expressions see what is kept: {sly}");
    let echoed = steps["call"]["output"]["body"].as_str().unwrap();
    assert!(echoed.contains("Bearer ***"), "{echoed}");
    let kept = rows(&pool).await;
    assert!(kept.contains("Bearer ***"), "the rows are there");
    assert_clear("a row", &kept);
    assert_clear("the output", &output.to_string());
    assert_clear("the log", &log.text());
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_retry_has_the_secrets_of_the_run_or_its_own(_pool: PgPoolOptions, options: PgConnectOptions) {
    let pool = PgPoolOptions::new().max_connections(1).connect_with(options.clone()).await.unwrap();
    let app = app(options).await;
    let spec = json!({"params": params(), "steps": ["a"]});
    let id = run_of(&app, &spec, json!({"db": {"user": "ann", "password": PASSWORD}})).await;
    let cancel = "update pipeline_runs set status = 'CANCELLED', finished_at = now(), error_code = 'cancelled', dispatch_due_at = null where id = $1";
    sqlx::query(cancel).bind(id).execute(&pool).await.unwrap();
    let secret_of = async |id: Uuid| {
        let sql = "select parameters from run_secrets where run_id = $1";
        sqlx::query_scalar::<_, Value>(sql).bind(id).fetch_optional(&pool).await.unwrap()
    };
    let version: Uuid = sqlx::query_scalar("select pipeline_version_id from pipeline_runs where id = $1")
        .bind(id)
        .fetch_one(&pool)
        .await
        .unwrap();
    let other = "other-password";
    for (request, expected) in [
        (json!({}), Some(PASSWORD)),
        (json!({"from": "failed"}), Some(PASSWORD)),
        (json!({"pipeline_version_id": version}), Some(PASSWORD)),
        (json!({"parameters": {"db": {"password": other}}}), Some(other)),
        (json!({"parameters": {}}), None),
    ] {
        let asked: RetryRequest = serde_json::from_value(request.clone()).unwrap();
        let cache = ParamsCache::default();
        let retried =
            app.call(async |conn| runs::retry(conn, &cache, Scope::All, id, &asked, None).await).await;
        let run = retried.unwrap().run;
        let expected = expected.map(|password| json!({"db": {"password": password}}));
        assert_eq!(secret_of(run.id).await, expected, "{request}");
        assert_clear("the run", &run.parameters.to_string());
    }
    // A version in which it is no secret would show it.
    let open = "update pipeline_versions set status = 'DRAFT', approved_at = null where id = $1";
    assert!(sqlx::query(open).bind(version).execute(&pool).await.is_err(), "what was approved stays");
    let plain = run_of(
        &app,
        &json!({"params": {"properties": {"db": {"type": "object"}}}, "steps": ["a"]}),
        json!({}),
    )
    .await;
    let plain: Uuid = sqlx::query_scalar("select pipeline_version_id from pipeline_runs where id = $1")
        .bind(plain)
        .fetch_one(&pool)
        .await
        .unwrap();
    let asked: RetryRequest = serde_json::from_value(json!({"pipeline_version_id": plain})).unwrap();
    let cache = ParamsCache::default();
    let refused = app.call(async |conn| runs::retry(conn, &cache, Scope::All, id, &asked, None).await).await;
    let runs::RetryError::InvalidParameters(faults) = refused.unwrap_err() else {
        panic!("it would be shown")
    };
    assert_eq!(faults[0].pointer, "/parameters");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn runs_that_are_created_together_have_their_own_secrets(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let pool = PgPoolOptions::new().max_connections(1).connect_with(options.clone()).await.unwrap();
    let app = app(options).await;
    let id = run_of(&app, &json!({"params": params()}), json!({})).await;
    let version: Uuid = sqlx::query_scalar("select pipeline_version_id from pipeline_runs where id = $1")
        .bind(id)
        .fetch_one(&pool)
        .await
        .unwrap();
    let request = |parameters: Value| {
        serde_json::from_value(
            json!({"tenant_id": TENANT, "pipeline_version_id": version, "parameters": parameters}),
        )
        .unwrap()
    };
    let requests = [
        request(json!({"db": {"password": "first-password"}})),
        request(json!({})),
        request(json!({"db": {"password": "short"}})),
        request(json!({"db": {"password": "other-password"}})),
    ];
    let items: Vec<_> =
        requests.iter().map(|request| Creation { request, idempotency_key: None, scheduled: None }).collect();
    let cache = ParamsCache::default();
    let answers = app.call(async |conn| runs::create_all(conn, &cache, &items).await).await.unwrap();
    let mut kept = Vec::new();
    for answer in &answers {
        let Ok(created) = answer else {
            kept.push(None);
            continue;
        };
        let sql = "select parameters #>> '{db,password}' from run_secrets where run_id = $1";
        let secret = sqlx::query_scalar::<_, Option<String>>(sql)
            .bind(created.run.id)
            .fetch_optional(&pool)
            .await
            .unwrap();
        kept.push(secret.flatten());
    }
    let expected = [Some("first-password"), None, None, Some("other-password")];
    assert_eq!(kept, expected.map(|secret| secret.map(str::to_owned)));
    let runs::CreateError::InvalidParameters(faults) = answers[2].as_ref().unwrap_err() else {
        panic!("too short")
    };
    assert_eq!(faults[0].pointer, "/parameters/db/password");
    assert!(!faults[0].detail.contains("short\""), "{faults:?}");
}
