//! The function's answers to the events in `events/`, on a database with the demo data.

use runplane::testing::{answer, app, execute, measured};
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
        "schedule_id": null,
        "scheduled_for": null,
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
        "concurrency_key": "orders",
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
        "schedule_id": null,
        "scheduled_for": null,
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

/// The items of a bulk answer, each as status and what it says.
fn items(answered: &serde_json::Value) -> Vec<(u64, String)> {
    assert_eq!(answered["status"], 200, "{answered}");
    let said = |item: &serde_json::Value| {
        let status = item["status"].as_u64().unwrap_or_default();
        let problem = &item["problem"];
        assert_eq!(problem.is_null(), status < 300, "{item}");
        assert!(problem["request_id"].is_null() && item["run"]["parameters"].is_null(), "{item}");
        let said = if problem.is_null() { &item["run"]["status"] } else { &problem["detail"] };
        (status, said.as_str().unwrap_or_default().to_owned())
    };
    answered["body"]["items"].as_array().map(|items| items.iter().map(said).collect()).unwrap_or_default()
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn several_runs_are_created_at_once(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let answered = answer(&app, &handle, include_str!("../../../events/create.bulk.json")).await;
    insta::assert_json_snapshot!(answered["body"]["items"][1], @r#"
    {
      "run": {
        "attempt": 1,
        "available_at": "[time]",
        "created_at": "[time]",
        "dispatch_due_at": null,
        "finished_at": null,
        "id": "[id]",
        "max_attempts": 1,
        "pipeline_version_id": "b31dbeba-3a2e-4fa9-a084-72c75f9f18a3",
        "started_at": null,
        "status": "QUEUED",
        "tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6",
        "updated_at": "[time]"
      },
      "status": 201
    }
    "#);
    let queued = |status| (status, "QUEUED".to_owned());
    assert_eq!(items(&answered), [queued(201), queued(201)]);
    assert_eq!(measured(&app), [("RunsCreated", 2.0)].into());
    let again = answer(&app, &handle, include_str!("../../../events/create.bulk.json")).await;
    assert_eq!(items(&again), [queued(200), queued(201)]);
    assert_eq!(measured(&app), [("RunsCreated", 1.0)].into());
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn one_bad_item_does_not_fail_the_others(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let answered = answer(&app, &handle, include_str!("../../../events/create.bulk_mixed.json")).await;
    let said = |status, text: &str| (status, text.to_owned());
    assert_eq!(
        items(&answered),
        [
            said(201, "QUEUED"),
            said(400, "/items/1/prioritty: is not a field of this request"),
            said(409, "pipeline version must be APPROVED to run"),
            said(200, "QUEUED"),
            said(
                422,
                "This Idempotency-Key has created a run from another body: use a new key for a new run"
            ),
            said(400, "/items/5: must be a JSON object"),
        ]
    );
    let runs = sqlx::query("select from pipeline_runs where idempotency_key = 'k'");
    assert_eq!(execute(&app, runs).await, 1);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_is_no_batch_is_refused_whole(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let mut event: serde_json::Value =
        serde_json::from_str(include_str!("../../../events/create.bulk.json")).unwrap_or_default();
    let good: serde_json::Value =
        serde_json::from_str(event["body"].as_str().unwrap_or_default()).unwrap_or_default();
    let too_many = serde_json::json!({"items": vec![good["items"][0].clone(); 101]}).to_string();
    let key_too = good.to_string();
    let cases = [
        ("", "malformed_json", ""),
        ("[]", "invalid_field", ""),
        ("{}", "invalid_field", "/items"),
        (r#"{"items": {}}"#, "invalid_field", "/items"),
        (r#"{"items": []}"#, "invalid_field", "/items"),
        (r#"{"items": [{}], "more": 1}"#, "invalid_field", "/more"),
        (too_many.as_str(), "invalid_field", "/items"),
        (key_too.as_str(), "invalid_field", "/Idempotency-Key"),
    ];
    for (number, (body, code, pointer)) in cases.into_iter().enumerate() {
        event["body"] = body.into();
        if number == 7 {
            event["headers"]["idempotency-key"] = "k".into();
        }
        let answered = answer(&app, &handle, &event.to_string()).await;
        let body = &answered["body"];
        assert_eq!((&body["status"], &body["code"]), (&400.into(), &code.into()), "{answered}");
        assert_eq!(body["errors"][0]["pointer"].as_str().unwrap_or_default(), pointer, "{answered}");
    }
    assert_eq!(
        execute(&app, sqlx::query("select from pipeline_runs where parameters ? 'day'")).await,
        0,
        "nothing was created"
    );
}
