//! The trace of a run goes on from its row: through its span to its steps, and from there to whom they call.

use runplane::dag::ParamsCache;
use runplane::dag::execute::Ended;
use runplane::runs;
use runplane::testing::{Collector, SpanSeen, captured_log, traced};
use runplane::traces::Traceparent;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use uuid::Uuid;

use crate::outside::{SECRET, Server, TENANT, connect, run};
use crate::support::{app, run_of};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

/// A QUEUED run of a spec, whose row has this `traceparent`.
async fn run_from(app: &runplane::app::App, dag_spec: &Value, traceparent: Option<&str>) -> Uuid {
    // Its version.
    let other = run_of(app, dag_spec, json!({})).await;
    let created = app.call(async |conn| {
        let version =
            runs::get(conn, runplane::scope::Scope::All, other).await.unwrap().run.pipeline_version_id;
        let request = json!({"tenant_id": TENANT, "pipeline_version_id": version});
        let mut request: runs::CreateRequest = serde_json::from_value(request).unwrap();
        request.traceparent = traceparent.map(|text| Traceparent::read(text).unwrap());
        runs::create(conn, &ParamsCache::default(), &request, None).await
    });
    let run = created.await.unwrap().run;
    assert_eq!(run.traceparent.as_deref(), traceparent);
    run.id
}

fn call(more: Value) -> Value {
    let mut with = json!({"connection": "shop", "path": "/echo"});
    with.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"id": "call", "type": "http", "with": with})
}

fn named<'a>(spans: &'a [SpanSeen], name: &str) -> &'a SpanSeen {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name} is not in {spans:?}"))
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_trace_goes_from_the_row_through_the_run_and_its_steps_to_whom_they_call(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let collector = Collector::start().await;
    let (app, log, _guard) = traced(app(options).await, &collector.url);
    let server = Server::default();
    connect(&app, &server.start().await).await;
    let spec = json!({"steps": [
        call(json!({})),
        {"id": "lines", "type": "transform", "depends_on": ["call"], "for_each": {"items": [1, 2]}, "with": {"value": "${ .item }"}},
        {"id": "stop", "type": "fail", "depends_on": ["lines"], "with": {"error": "no_rates", "message": "correct-horse"}},
    ]});
    let id = run_from(&app, &spec, Some(&format!("00-{TRACE}-{SPAN}-01"))).await;
    assert!(matches!(run(&app, id).await, Ended::Failed { .. }));
    app.traces.flush().await;

    let spans = collector.take();
    let mut names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["fail stop", "http call", "run", "transform lines", "transform lines"]);
    assert!(spans.iter().all(|span| span.trace_id == TRACE && span.service == "worker" && span.others == 0));
    let of_run = named(&spans, "run");
    assert_eq!((of_run.parent_id.as_str(), of_run.kind), (SPAN, 5));
    assert!(spans.iter().all(|span| span.name == "run" || span.parent_id == of_run.span_id), "{spans:?}");
    let (called, failed) = (named(&spans, "http call"), named(&spans, "fail stop"));
    assert_eq!(server.told("traceparent"), [called.traceparent()]);
    assert_eq!((called.kind, called.is_error, failed.is_error, of_run.is_error), (3, false, true, true));

    let id = id.to_string();
    let said = |span: &SpanSeen, name: &str| span.attributes.get(name).cloned().unwrap_or_default();
    for span in &spans {
        assert_eq!((said(span, "run.id"), said(span, "tenant.id")), (id.clone(), TENANT.to_string()));
    }
    assert_eq!((said(of_run, "run.attempt"), said(of_run, "run.outcome")), ("1".into(), "FAILED".into()));
    assert_eq!(
        (said(failed, "error.type"), said(of_run, "error.type")),
        ("no_rates".into(), "step_failed".into())
    );
    let mut items: Vec<_> =
        spans.iter().map(|span| said(span, "step.item")).filter(|item| !item.is_empty()).collect();
    items.sort_unstable();
    assert_eq!(items, ["0", "1"]);
    // Ids and words: nothing of what was worked on, and nothing of the log's.
    let all = format!("{spans:?}");
    assert!(!all.contains(SECRET) && !all.contains("correct-horse") && !all.contains("/echo"), "{all}");
    assert!(!log.text().contains("otel."), "{}", log.text());
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_is_not_sampled_is_passed_on_and_not_exported(_pool: PgPoolOptions, options: PgConnectOptions) {
    let collector = Collector::start().await;
    let (app, _log, _guard) = traced(app(options).await, &collector.url);
    let server = Server::default();
    connect(&app, &server.start().await).await;
    let spec = json!({"steps": [call(json!({}))]});
    let id = run_from(&app, &spec, Some(&format!("00-{TRACE}-{SPAN}-00"))).await;
    run(&app, id).await;
    app.traces.flush().await;
    assert_eq!(collector.take(), []);
    let told = server.told("traceparent").pop().unwrap();
    assert!(told.starts_with(&format!("00-{TRACE}-")) && told.ends_with("-00"), "{told}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_that_nobody_traced_begins_a_trace(_pool: PgPoolOptions, options: PgConnectOptions) {
    let collector = Collector::start().await;
    let (app, _log, _guard) = traced(app(options).await, &collector.url);
    let spec = json!({"steps": [{"id": "a", "type": "transform", "with": {"value": 1}}]});
    let id = run_from(&app, &spec, None).await;
    run(&app, id).await;
    app.traces.flush().await;
    let spans = collector.take();
    assert_eq!(named(&spans, "run").parent_id, "");
    assert_eq!(named(&spans, "transform a").parent_id, named(&spans, "run").span_id);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn where_no_spans_are_made_steps_send_on_what_the_row_has(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options).await;
    let (log, _guard) = captured_log();
    let server = Server::default();
    connect(&app, &server.start().await).await;
    let of_row = format!("00-{TRACE}-{SPAN}-01");
    let own = format!("00-{}-{SPAN}-00", "1".repeat(32));
    for (more, expected) in [
        (json!({}), &of_row),
        // A step may know better.
        (json!({"headers": {"Traceparent": own}}), &own),
        (json!({"headers": {"traceparent": null}}), &of_row),
    ] {
        let id = run_from(&app, &json!({"steps": [call(more)]}), Some(&of_row)).await;
        run(&app, id).await;
        assert_eq!(server.told("traceparent").last(), Some(expected));
    }
    server.asked.lock().unwrap().clear();
    let id = run_from(&app, &json!({"steps": [call(json!({}))]}), None).await;
    run(&app, id).await;
    assert!(!server.asked.lock().unwrap()[0].contains_key("traceparent"));
    assert!(!log.text().contains("otel."), "{}", log.text());
}
