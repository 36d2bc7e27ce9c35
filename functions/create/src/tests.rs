//! The function's answers to the events in `events/`, on a database with the demo data.

use runplane::app::App;
use runplane::testing::{Collector, Sqs, answer, app, arming, execute, measured, traced};
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
        "traceparent": null,
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
        "traceparent": null,
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

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

/// An event whose request has these headers as well.
fn with_headers(event: &str, more: &[(&str, &str)]) -> String {
    let mut event: serde_json::Value = serde_json::from_str(event).unwrap_or_default();
    for (name, value) in more {
        event["headers"][*name] = (*value).into();
    }
    event.to_string()
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_has_the_traceparent_of_its_request_as_it_came(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/create.json");
    for flags in ["00", "01"] {
        let sent = format!("00-{TRACE}-{SPAN}-{flags}");
        let answered = answer(&app, &handle, &with_headers(event, &[("traceparent", &sent)])).await;
        assert_eq!((&answered["status"], &answered["body"]["traceparent"]), (&201.into(), &sent.into()));
    }
    for wrong in ["", "nonsense", "00-0-0-01", &format!("00-{}-{SPAN}-01", TRACE.to_uppercase())] {
        let answered = answer(&app, &handle, &with_headers(event, &[("traceparent", wrong)])).await;
        let expected = (&201.into(), &serde_json::Value::Null);
        assert_eq!((&answered["status"], &answered["body"]["traceparent"]), expected, "{wrong}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_key_that_came_before_leads_to_its_run_whatever_trace_it_is_of(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/create.json");
    let first = format!("00-{TRACE}-{SPAN}-01");
    let second = format!("00-{}-{SPAN}-01", "1".repeat(32));
    for (status, sent) in [(201, Some(&first)), (200, Some(&second)), (200, None)] {
        let mut headers = vec![("idempotency-key", "k")];
        headers.extend(sent.map(|sent| ("traceparent", sent.as_str())));
        let answered = answer(&app, &handle, &with_headers(event, &headers)).await;
        let expected = (&status.into(), &first.as_str().into());
        assert_eq!((&answered["status"], &answered["body"]["traceparent"]), expected);
    }
}

/// The traceparent of each run there is, in the order in which they were made.
async fn stored(app: &App) -> Vec<Option<String>> {
    let sql = "select traceparent from pipeline_runs where id::text not like '0199e0c0-%' order by id";
    app.call(async |conn| sqlx::query_scalar(sql).fetch_all(conn).await).await.unwrap_or_default()
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn all_runs_of_a_batch_have_the_traceparent_of_their_request(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options, FUNCTION).await;
    let sent = format!("00-{TRACE}-{SPAN}-01");
    let event = with_headers(include_str!("../../../events/create.bulk.json"), &[("traceparent", &sent)]);
    answer(&app, &handle, &event).await;
    assert_eq!(stored(&app).await, [Some(sent.clone()), Some(sent)]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_request_is_a_span_of_its_callers_trace_and_its_run_goes_on_from_it(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let collector = Collector::start().await;
    let (app, log, _guard) = traced(app(options, FUNCTION).await, &collector.url);
    let sent = format!("00-{TRACE}-{SPAN}-01");
    let secret = [("traceparent", sent.as_str()), ("authorization", "Bearer rp_of_nobody")];
    let created =
        answer(&app, &handle, &with_headers(include_str!("../../../events/create.json"), &secret)).await;
    let refused = answer(&app, &handle, include_str!("../../../events/create.unknown_field.json")).await;
    assert_eq!((&created["status"], &refused["status"]), (&201.into(), &400.into()));
    app.traces.flush().await;
    let spans = collector.take();
    let [span, other] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!((span.trace_id.as_str(), span.parent_id.as_str()), (TRACE, SPAN));
    assert_eq!((span.name.as_str(), span.kind, span.is_error), ("POST /api/runs", 2, false));
    assert_eq!(stored(&app).await, [Some(span.traceparent())]);
    let said = |name: &str| span.attributes.get(name).map(String::as_str);
    assert_eq!(said("http.response.status_code"), Some("201"));
    assert_eq!((said("http.request.method"), said("http.route")), (Some("POST"), Some("/api/runs")));
    assert!(said("run.id").is_some(), "{span:?}");
    // What a caller has done wrong is no error of ours, and who brings no trace begins one.
    assert_eq!((other.parent_id.as_str(), other.is_error), ("", false));
    assert_ne!(other.trace_id, TRACE);
    assert!(!format!("{spans:?}").contains("rp_of_nobody"));
    // The log says what it always says.
    let line = &log.lines_about("POST /api/runs answered 201")[0];
    assert!(line["run.id"].is_string() && line["http.route"].is_null(), "{line}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_is_created_while_the_collector_is_away(_pool: PgPoolOptions, options: PgConnectOptions) {
    // Nobody listens on port 1.
    let (app, log, _guard) = traced(app(options, FUNCTION).await, "http://127.0.0.1:1");
    for _ in 0..2 {
        let created = answer(&app, &handle, include_str!("../../../events/create.json")).await;
        assert_eq!(created["status"], 201);
        app.traces.flush().await;
    }
    assert_eq!(log.lines_about("the collector took no spans").len(), 1);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn whoever_creates_runs_has_the_sweep_come(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../events/create.json");
    let several = include_str!("../../../events/create.bulk.json");
    for event in [event, several] {
        let sqs = Sqs::start().await;
        let app = arming(options.clone(), FUNCTION, &sqs).await;
        assert!(answer(&app, &handle, event).await["status"].as_u64().unwrap() < 300);
        let requests = sqs.requests();
        // Once beside the verb, and once more only if a period has ended meanwhile.
        assert!((1..=2).contains(&requests.len()), "{requests:?}");
        assert_eq!(requests[0]["MessageBody"], "{}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_is_created_while_sqs_is_down(_pool: PgPoolOptions, options: PgConnectOptions) {
    let sqs = Sqs::start().await;
    sqs.set_down(true);
    let app = arming(options, FUNCTION, &sqs).await;
    let created = answer(&app, &handle, include_str!("../../../events/create.json")).await;
    assert_eq!(created["status"], 201, "{created}");
    assert!(!sqs.requests().is_empty());
}
