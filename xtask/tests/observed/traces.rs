//! A trace, from a client through create, SQS and the worker to whom a step calls: the headers that arrive there, and the spans that arrive at a collector.

use serde_json::{Value, json};

use crate::collector::{Collector, SpanSeen};
use crate::shop::Shop;
use crate::stage::{Aws, Stage, TENANT, eventually};

const FUNCTIONS: [&str; 4] = ["create", "worker", "sweep", "deliver"];
/// The client's.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

fn of_client() -> String {
    format!("00-{TRACE}-{SPAN}-01")
}

/// Calls the shop, and works on its answer.
fn spec() -> Value {
    json!({ "steps": [
        { "id": "fetch", "type": "http", "with": { "connection": "shop", "path": "/prices" } },
        { "id": "sum", "type": "transform", "depends_on": ["fetch"], "with": { "value": 1 } },
    ] })
}

/// A stage with a shop and the body of a request that creates a run which calls it.
async fn stage(name: &str, aws: &Aws, env: &[(&str, &str)]) -> (Stage, Shop, Value) {
    let (shop, url) = Shop::start().await;
    let mut stage = Stage::start(name, aws, &FUNCTIONS, env).await;
    stage.connection("shop", &url).await;
    let version = stage.version(spec()).await;
    (stage, shop, json!({ "tenant_id": TENANT, "pipeline_version_id": version }))
}

fn said<'a>(span: &'a SpanSeen, name: &str) -> &'a str {
    span.attributes.get(name).map_or("", String::as_str)
}

/// What is said of each span whatever trace it is of, parents before children.
fn shape(span: &SpanSeen) -> (&str, &str, i32, bool) {
    (&span.service, &span.name, span.kind, span.is_error)
}

/// The spans of a run that was asked for by `parent`, in the order of its life, once all of them have arrived: of whoever made it, the worker's, and of its steps.
async fn of_run(collector: &Collector, seen: &mut Vec<SpanSeen>, run: &Value) -> [SpanSeen; 4] {
    let id = run["id"].as_str().unwrap();
    eventually("the spans of the run have arrived", async || {
        seen.extend(collector.take());
        let mut of_run: Vec<_> = seen.iter().filter(|span| said(span, "run.id") == id).cloned().collect();
        let place = |span: &SpanSeen| {
            ["POST /api/runs", "run", "http fetch", "transform sum"]
                .iter()
                .position(|name| *name == span.name)
        };
        of_run.sort_by_key(place);
        of_run.try_into().ok()
    })
    .await
}

/// Asserts that these are one chain, as the document says; `parent` has asked for the run.
fn assert_chain([request, run, fetch, sum]: &[SpanSeen; 4], trace: &str, parent: &str) {
    assert_eq!(
        [shape(request), shape(run), shape(fetch), shape(sum)],
        [
            ("create", "POST /api/runs", 2, false),
            ("worker", "run", 5, false),
            ("worker", "http fetch", 3, false),
            ("worker", "transform sum", 1, false),
        ]
    );
    assert_eq!([request, run, fetch, sum].map(|span| span.trace_id.as_str()), [trace; 4]);
    assert_eq!(
        [request, run, fetch, sum].map(|span| span.parent_id.as_str()),
        [parent, &request.span_id, &run.span_id, &run.span_id]
    );
    assert_eq!([said(request, "http.route"), said(run, "run.outcome")], ["/api/runs", "SUCCEEDED"]);
}

#[tokio::test]
async fn a_trace_goes_from_a_client_through_sqs_and_the_worker_to_whom_a_step_calls() {
    let aws = Aws::get("traces").await;
    let collector = Collector::start().await;
    let (mut stage, shop, body) =
        stage("traces", &aws, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)]).await;
    let mut seen = Vec::new();

    let run = stage.post("/api/runs", &body, Some(&of_client())).await;
    stage.succeeds(&run).await;
    let spans = of_run(&collector, &mut seen, &run).await;
    assert_chain(&spans, TRACE, SPAN);
    // Whoever claims the run, and whoever is called, is told of the span that asks him to.
    assert_eq!(run["traceparent"], spans[0].traceparent());
    assert_eq!(shop.take(), [Some(spans[2].traceparent())]);

    // The message has no trace, and is not needed: a run that SQS was not told of is sent by the sweep.
    let mut forgotten = body.clone();
    forgotten["dispatch"] = json!("pull");
    let run = stage.post("/api/runs", &forgotten, Some(&of_client())).await;
    let due = "update pipeline_runs set dispatch = 'push', dispatch_due_at = now() where id = $1::uuid";
    sqlx::query(due).bind(run["id"].as_str().unwrap()).execute(&mut stage.db).await.unwrap();
    assert_eq!(stage.invoke("sweep").await["dispatched"], 1);
    stage.succeeds(&run).await;
    let spans = of_run(&collector, &mut seen, &run).await;
    assert_chain(&spans, TRACE, SPAN);
    assert_eq!(shop.take(), [Some(spans[2].traceparent())]);

    // Who sends no trace begins one.
    let run = stage.post("/api/runs", &body, None).await;
    stage.succeeds(&run).await;
    let spans = of_run(&collector, &mut seen, &run).await;
    assert_ne!(spans[0].trace_id, TRACE);
    assert_chain(&spans, &spans[0].trace_id, "");
    assert_eq!(shop.take(), [Some(spans[2].traceparent())]);

    // What the clock starts is of no run's trace.
    stage.invoke("deliver").await;
    for function in ["sweep", "deliver"] {
        let of_clock = eventually("the spans of what the clock starts have arrived", async || {
            seen.extend(collector.take());
            seen.iter().find(|span| span.service == function).cloned()
        });
        let of_clock = of_clock.await;
        assert_eq!(shape(&of_clock), (function, function, 1, false));
        assert_eq!(of_clock.parent_id, "");
        assert!(seen.iter().all(|span| span == &of_clock || span.trace_id != of_clock.trace_id));
    }
}

/// Steps pass on what the client has sent, letter by letter: there is no span in between.
#[tokio::test]
async fn where_no_collector_is_named_a_trace_goes_through_and_no_span_is_made() {
    let aws = Aws::get("untraced").await;
    let (mut stage, shop, body) = stage("untraced", &aws, &[]).await;
    for traceparent in [Some(of_client()), None] {
        let run = stage.post("/api/runs", &body, traceparent.as_deref()).await;
        assert_eq!(run["traceparent"], json!(traceparent));
        stage.succeeds(&run).await;
        assert_eq!(shop.take(), [traceparent]);
    }
}
