//! Events about a tenant that is to be deleted.

use std::sync::Arc;

use runplane::app::App;
use runplane::auth::Auth;
use runplane::db::{Db, Pooler};
use runplane::testing;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use super::answer;
use crate::FUNCTION;
use crate::handler::handle;

const EVENT: &str = include_str!("../../../../events/catalog.delete_tenant.json");

/// What the audit log has about it: action, principal, details.
async fn noted(pool: &PgPool) -> Vec<Value> {
    sqlx::query_scalar(
        "select jsonb_build_object('action', action, 'principal', principal, 'subject_is_tenant', subject_id = tenant_id,
                                   'details', details - 'started_at', 'started_at', details ? 'started_at')
         from audit_log order by at, id",
    )
    .fetch_all(pool)
    .await
    .expect("an answer")
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_tenant_is_deleted_and_what_was_done_is_noted(pool: PgPool) {
    let app = testing::app((*pool.connect_options()).clone(), FUNCTION).await;
    insta::assert_json_snapshot!(testing::answer(&app, &handle, EVENT).await, @r#"
    {
      "body": {
        "deleted": {
          "rows": 3,
          "runs": 3
        },
        "done": true
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 200
    }
    "#);
    insta::assert_json_snapshot!(noted(&pool).await, @r#"
    [
      {
        "action": "tenant.deletion_started",
        "details": {
          "name": "Second tenant"
        },
        "principal": "open",
        "started_at": false,
        "subject_is_tenant": true
      },
      {
        "action": "tenant.deleted",
        "details": {
          "name": "Second tenant",
          "rows": 3,
          "runs": 3
        },
        "principal": "open",
        "started_at": true,
        "subject_is_tenant": true
      }
    ]
    "#);
    let again = testing::answer(&app, &handle, EVENT).await;
    assert_eq!((&again["status"], &again["body"]["code"]), (&json!(404), &json!("tenant_not_found")));
    assert_eq!(noted(&pool).await.len(), 2);
}

/// What a batch sets for its transaction comes after what a connection behind a pooler sets.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn behind_a_pooler_it_is_deleted_in_the_same_way(pool: PgPool) {
    let options = (*pool.connect_options()).clone();
    testing::app(options.clone(), FUNCTION).await;
    let app = App::new(FUNCTION, Db::new(options, FUNCTION.plans, Pooler::Transaction), None);
    let answer = testing::answer(&Arc::new(app.with_auth(Auth::off())), &handle, EVENT).await;
    assert_eq!(answer["body"], json!({"done": true, "deleted": {"runs": 3, "rows": 3}}), "{answer}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_tenant_of_another_name_stays(pool: PgPool) {
    let app = testing::app((*pool.connect_options()).clone(), FUNCTION).await;
    let event = include_str!("../../../../events/catalog.delete_tenant.other_name.json");
    insta::assert_json_snapshot!(testing::answer(&app, &handle, event).await, @r#"
    {
      "body": {
        "code": "invalid_field",
        "detail": "/name: must be the tenant's name, exactly",
        "errors": [
          {
            "detail": "must be the tenant's name, exactly",
            "pointer": "/name"
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
    let paused: bool =
        sqlx::query_scalar("select bool_or(paused) from tenants").fetch_one(&pool).await.expect("an answer");
    assert_eq!((paused, noted(&pool).await), (false, vec![]));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn without_a_name_nothing_is_asked(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.delete_tenant.no_name.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "code": "invalid_field",
        "detail": "/name: is required: the tenant's name, exactly",
        "errors": [
          {
            "detail": "is required: the tenant's name, exactly",
            "pointer": "/name"
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

/// Whoever is interrupted goes on: the first call is noted, and the last one, with what all of them have deleted.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn each_call_goes_on_where_the_last_one_stopped(pool: PgPool) {
    let app = testing::app((*pool.connect_options()).clone(), FUNCTION).await;
    sqlx::query(
        "insert into run_logs (run_id, id, tenant_id, level, message)
         select r.id, gen_random_uuid(), r.tenant_id, 'info', repeat('x', 200) from pipeline_runs r, generate_series(1, 12000)",
    )
    .execute(&pool)
    .await
    .expect("an answer");
    // Somebody has to wait for each statement, so that a second is not enough for all.
    let slow = "create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.02); return null; end $$;
        create trigger slow after delete on run_logs for each statement execute function slow()";
    sqlx::raw_sql(slow).execute(&pool).await.expect("an answer");
    let (mut calls, mut rows) = (0, 0);
    loop {
        let answer = testing::answer(&app, &handle, EVENT).await;
        assert_eq!(answer["status"], 200, "{answer}");
        calls += 1;
        rows += answer["body"]["deleted"]["rows"].as_i64().expect("an answer");
        if answer["body"]["done"] == true {
            break;
        }
    }
    let noted = noted(&pool).await;
    assert!(calls > 1 && noted.len() == 2, "{calls} calls: {noted:?}");
    assert_eq!(noted[1]["details"]["rows"], rows);
    assert!(rows > 36_000, "{rows}");
}
