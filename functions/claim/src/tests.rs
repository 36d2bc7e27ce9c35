//! The function's answers to the events in `events/`, on a database with the demo data.

use std::sync::Arc;

use runplane::app::App;
use runplane::testing::{Sqs, answer, app, arming, execute, measured};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::FUNCTION;
use crate::handler::handle;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn nothing_waits(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    insta::assert_json_snapshot!(answer(&app, &handle, include_str!("../../../events/claim.json")).await, @r#"
    {
      "body": {
        "claimed": false
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 200
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn every_field_that_is_out_of_bounds_is_named(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    insta::assert_json_snapshot!(answer(&app, &handle, include_str!("../../../events/claim.bad_fields.json")).await, @r#"
    {
      "body": {
        "code": "invalid_field",
        "detail": "3 fields of the request are invalid",
        "errors": [
          {
            "detail": "must have 1 to 200 characters, has 0",
            "pointer": "/worker_id"
          },
          {
            "detail": "must be 5 to 43200, is 4",
            "pointer": "/lease_seconds"
          },
          {
            "detail": "must be 1 to 10 queues, are 0",
            "pointer": "/queues"
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
async fn a_run_comes_with_its_token_and_its_version(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let insert = sqlx::query(
        "insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch)
         select uuidv7(), uuidv7(), tenant_id, pipeline_id, id, 'pull' from pipeline_versions
         where id = 'b31dbeba-3a2e-4fa9-a084-72c75f9f18a3'",
    );
    execute(&app, insert).await;
    let full = include_str!("../../../events/claim.full.json");
    measured(&app);
    let first = answer(&app, &handle, full).await;
    assert_eq!(measured(&app), [("QueueWait", 1.0)].into());
    insta::assert_json_snapshot!(first, @r#"
    {
      "body": {
        "claimed": true,
        "pipeline_version": {
          "dag_spec": {
            "steps": []
          },
          "id": "b31dbeba-3a2e-4fa9-a084-72c75f9f18a3",
          "status": "APPROVED"
        },
        "run": {
          "attempt": 1,
          "available_at": "[time]",
          "claim_count": 1,
          "claimed_at": "[time]",
          "claimed_by": "worker-1",
          "concurrency_key": null,
          "created_at": "[time]",
          "dispatch": "pull",
          "dispatch_due_at": null,
          "error_code": null,
          "error_message": null,
          "finished_at": null,
          "heartbeat_at": null,
          "id": "[id]",
          "labels": {},
          "lease_expires_at": "[time]",
          "lease_seconds": 60,
          "lease_token": "[id]",
          "lost": 0,
          "max_attempts": 1,
          "max_lost": 3,
          "output": null,
          "parameters": {},
          "pipeline_id": "0199e0c0-0000-7000-8000-000000000011",
          "pipeline_version_id": "b31dbeba-3a2e-4fa9-a084-72c75f9f18a3",
          "priority": 5,
          "queue": "default",
          "retry_of_run_id": null,
          "root_run_id": "[id]",
          "schedule_id": null,
          "scheduled_for": null,
          "start_by": null,
          "started_at": "[time]",
          "status": "RUNNING",
          "tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6",
          "traceparent": null,
          "trigger_type": "manual",
          "updated_at": "[time]"
        }
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 200
    }
    "#);
    let again = answer(&app, &handle, full).await;
    assert_eq!(again, first, "the same claim_id returns the same claim");
    let next = answer(&app, &handle, include_str!("../../../events/claim.json")).await;
    assert_eq!(next["body"], serde_json::json!({"claimed": false}));
}

/// Whether a claim has found a run.
async fn claims(app: &Arc<App>) -> bool {
    let answer = answer(app, &handle, include_str!("../../../events/claim.json")).await;
    assert_eq!(answer["status"], 200, "{answer}");
    answer["body"]["claimed"].as_bool().unwrap()
}

async fn waiting(app: &App, runs: i32) {
    let insert = sqlx::query(
        "insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch)
         select ids.id, ids.id, v.tenant_id, v.pipeline_id, v.id, 'pull'
         from (select uuidv7() as id from generate_series(1, $1)) ids, pipeline_versions v
         where v.id = 'b31dbeba-3a2e-4fa9-a084-72c75f9f18a3'",
    );
    execute(app, insert.bind(runs)).await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_claim_that_finds_a_run_has_the_sweep_come_and_one_that_finds_none_sends_nothing(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let sqs = Sqs::start().await;
    let app = arming(options, FUNCTION, &sqs).await;
    assert!(!claims(&app).await);
    assert_eq!(sqs.requests().len(), 0);
    waiting(&app, 1).await;
    assert!(claims(&app).await);
    let requests = sqs.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0]["MessageBody"], "{}");
    assert!(!claims(&app).await);
    assert_eq!(sqs.requests().len(), 0);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn claims_go_on_while_sqs_is_down(_pool: PgPoolOptions, options: PgConnectOptions) {
    let sqs = Sqs::start().await;
    let app = arming(options, FUNCTION, &sqs).await;
    sqs.set_down(true);
    waiting(&app, 3).await;
    assert!(claims(&app).await);
    assert_eq!(sqs.requests().len(), 1);
    // How long nobody asks it after that is tested where the time can be given (shared/src/arm).
    for _ in 0..2 {
        assert!(claims(&app).await);
    }
}
