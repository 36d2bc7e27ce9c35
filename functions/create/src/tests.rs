//! The function's answers to the events in `events/`, on a database with the demo data.

use runplane::testing::{answer, app, execute};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::FUNCTION;
use crate::handler::handle;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_smallest_request_creates_a_run(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    insta::assert_json_snapshot!(answer(&app, &handle, include_str!("../../../events/create.json")).await, @r#"
    {
      "body": {
        "attempt": 1,
        "available_at": "[time]",
        "claim_count": 0,
        "claimed_at": null,
        "claimed_by": null,
        "concurrency_key": null,
        "created_at": "[time]",
        "dispatch": "push",
        "dispatch_due_at": "[time]",
        "error_code": null,
        "error_message": null,
        "finished_at": null,
        "heartbeat_at": null,
        "id": "[id]",
        "labels": {},
        "lease_expires_at": null,
        "lease_seconds": null,
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
        "start_by": null,
        "started_at": null,
        "status": "QUEUED",
        "tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6",
        "trigger_type": "manual",
        "updated_at": "[time]"
      },
      "headers": {
        "content-type": "application/json",
        "location": "/api/runs/[id]"
      },
      "status": 201
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn every_field_is_taken_over(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    insta::assert_json_snapshot!(answer(&app, &handle, include_str!("../../../events/create.full.json")).await, @r#"
    {
      "body": {
        "attempt": 1,
        "available_at": "[time]",
        "claim_count": 0,
        "claimed_at": null,
        "claimed_by": null,
        "concurrency_key": null,
        "created_at": "[time]",
        "dispatch": "pull",
        "dispatch_due_at": null,
        "error_code": null,
        "error_message": null,
        "finished_at": null,
        "heartbeat_at": null,
        "id": "[id]",
        "labels": {
          "team": "data"
        },
        "lease_expires_at": null,
        "lease_seconds": null,
        "lost": 0,
        "max_attempts": 3,
        "max_lost": 2,
        "output": null,
        "parameters": {
          "since": "2026-11-01"
        },
        "pipeline_id": "0199e0c0-0000-7000-8000-000000000011",
        "pipeline_version_id": "b31dbeba-3a2e-4fa9-a084-72c75f9f18a3",
        "priority": 7,
        "queue": "nightly",
        "retry_of_run_id": null,
        "root_run_id": "[id]",
        "start_by": "[time]",
        "started_at": null,
        "status": "QUEUED",
        "tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6",
        "trigger_type": "schedule",
        "updated_at": "[time]"
      },
      "headers": {
        "content-type": "application/json",
        "location": "/api/runs/[id]"
      },
      "status": 201
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_field_that_nobody_knows_is_refused(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    insta::assert_json_snapshot!(answer(&app, &handle, include_str!("../../../events/create.unknown_field.json")).await, @r#"
    {
      "body": {
        "code": "invalid_field",
        "detail": "/prioritty: is not a field of this request",
        "errors": [
          {
            "detail": "is not a field of this request",
            "pointer": "/prioritty"
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
async fn a_draft_version_does_not_run(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    insta::assert_json_snapshot!(answer(&app, &handle, include_str!("../../../events/create.draft_version.json")).await, @r#"
    {
      "body": {
        "code": "version_not_approved",
        "detail": "pipeline version must be APPROVED to run",
        "request_id": "",
        "status": 409,
        "title": "Pipeline version not approved",
        "type": "about:blank"
      },
      "headers": {
        "content-type": "application/problem+json"
      },
      "status": 409
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn another_tenants_version_does_not_exist(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    insta::assert_json_snapshot!(answer(&app, &handle, include_str!("../../../events/create.foreign_version.json")).await, @r#"
    {
      "body": {
        "code": "pipeline_version_not_found",
        "detail": "The tenant has no such pipeline version",
        "request_id": "",
        "status": 404,
        "title": "Pipeline version not found",
        "type": "about:blank"
      },
      "headers": {
        "content-type": "application/problem+json"
      },
      "status": 404
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn parameters_that_the_version_does_not_allow_are_all_named(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options, FUNCTION).await;
    let version = "insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, approved_at, dag_spec) values
      ('0199e0c0-0000-7000-8000-0000000000d1', '580115b4-a291-4917-8dbd-247cfa13e2d6',
       '0199e0c0-0000-7000-8000-000000000011', 'with params', 'APPROVED', now(),
       '{\"params\": {\"properties\": {\"since\": {\"type\": \"string\", \"format\": \"date\"}, \"min_total\": {\"type\": \"number\"}},
                    \"required\": [\"since\"], \"additionalProperties\": false}}')";
    assert_eq!(execute(&app, sqlx::query(version)).await, 1);
    insta::assert_json_snapshot!(answer(&app, &handle, include_str!("../../../events/create.bad_parameters.json")).await, @r#"
    {
      "body": {
        "code": "invalid_parameters",
        "detail": "2 fields of the request are invalid",
        "errors": [
          {
            "detail": "is not described by the schema (did you mean \"min_total\"?)",
            "pointer": "/parameters/min_totl"
          },
          {
            "detail": "must be a date such as 2026-11-24",
            "pointer": "/parameters/since"
          }
        ],
        "request_id": "",
        "status": 422,
        "title": "Invalid parameters",
        "type": "about:blank"
      },
      "headers": {
        "content-type": "application/problem+json"
      },
      "status": 422
    }
    "#);
}
