//! Where spans go, and what becomes of them if nobody takes them.

use tokio::net::TcpListener;
use tracing::Instrument as _;

use super::*;
use crate::functions::named;
use crate::testing::{CapturedLog, Collector, unsettled};

/// Longer than any of this takes.
const LONG: Duration = Duration::from_secs(20);

fn settings(endpoint: &'static str) -> Settings {
    Settings::with(named("create"), move |setting| {
        (setting == Setting::OtlpEndpoint).then(|| endpoint.into())
    })
}

/// Spans that go there, and the log beside them.
fn to(collector: &str) -> (Traces, CapturedLog, tracing::subscriber::DefaultGuard) {
    within(LONG, collector)
}

fn within(within: Duration, collector: &str) -> (Traces, CapturedLog, tracing::subscriber::DefaultGuard) {
    unsettled();
    let traces = Traces::to(&collector.parse().unwrap(), named("create"), within);
    let log = CapturedLog::default();
    let filter: tracing_subscriber::filter::Targets = "info".parse().unwrap();
    let subscriber = crate::logging::lines_and_spans(log.clone(), filter, &traces);
    let guard = tracing::subscriber::set_default(subscriber);
    (traces, log, guard)
}

#[test]
fn a_collector_is_named_by_a_plain_url_or_not_at_all() {
    assert!(Traces::from_settings(&mut settings("")).unwrap().0.is_none());
    for url in ["http://localhost:4318", "https://otel.example/base/"] {
        assert!(Traces::from_settings(&mut settings(url)).unwrap().0.is_some(), "{url}");
    }
    for url in [
        "localhost:4318",
        "grpc://localhost:4317",
        "http://user:secret@localhost:4318",
        "http://localhost:4318/?key=secret",
        "http://localhost:4318/#x",
    ] {
        let error = Traces::from_settings(&mut settings(url)).unwrap_err().to_string();
        assert!(
            error.starts_with("the environment variable OTEL_EXPORTER_OTLP_ENDPOINT is not an http:// or"),
            "{error}"
        );
        assert!(!error.contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn a_collector_that_is_away_is_said_once_and_its_return_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (traces, log, _guard) = to(&url);
    for _ in 0..3 {
        drop(sweep());
        traces.flush().await;
    }
    let said = log.lines_about("the collector took no spans");
    assert_eq!((said.len(), said[0]["level"].as_str()), (1, Some("WARN")), "{}", log.text());
    // What came while it was left alone waits.
    let On { outbox, .. } = traces.0.as_ref().unwrap();
    assert_eq!(outbox.waiting(), 2);
}

#[tokio::test]
async fn a_collector_that_does_not_answer_is_not_waited_for() {
    // It lets connect, and never reads.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (traces, log, _guard) = within(Duration::from_millis(50), &url);
    drop(sweep());
    traces.flush().await;
    let said = log.lines_about("the collector took no spans");
    assert_eq!(
        (said.len(), said[0]["error"].as_str()),
        (1, Some("no answer within 50 ms")),
        "{}",
        log.text()
    );
}

#[tokio::test]
async fn more_than_a_collector_takes_at_once_goes_in_several_requests_and_more_than_is_kept_is_dropped() {
    let collector = Collector::start().await;
    let (traces, _log, _guard) = to(&collector.url);
    // Not yielding: nothing is sent on the way.
    for _ in 0..3000 {
        drop(sweep());
    }
    let On { outbox, .. } = traces.0.as_ref().unwrap();
    assert_eq!(outbox.waiting(), 2048);
    traces.flush().await;
    assert_eq!(collector.take().len(), 2048);
}

#[tokio::test]
async fn nothing_but_our_own_spans_becomes_one() {
    let collector = Collector::start().await;
    let (traces, log, _guard) = to(&collector.url);
    async {
        tracing::info!("a line");
    }
    .instrument(tracing::info_span!("of the log", run.id = 7))
    .instrument(sweep())
    .await;
    traces.flush().await;
    let spans = collector.take();
    assert_eq!(
        spans.iter().map(|span| (span.name.as_str(), span.others)).collect::<Vec<_>>(),
        [("sweep", 0)]
    );
    assert_eq!((spans[0].service.as_str(), spans[0].kind), ("create", 1));
    let line = &log.lines_about("a line")[0];
    assert_eq!(line["run.id"], 7);
}

/// A level at which the log has no spans takes none from the traces.
#[tokio::test]
async fn the_level_of_the_log_is_the_logs_alone() {
    unsettled();
    let collector = Collector::start().await;
    let traces = Traces::to(&collector.url.parse().unwrap(), named("create"), LONG);
    let log = CapturedLog::default();
    let filter: tracing_subscriber::filter::Targets = "error".parse().unwrap();
    let _guard =
        tracing::subscriber::set_default(crate::logging::lines_and_spans(log.clone(), filter, &traces));
    async {
        tracing::info!("a line");
    }
    .instrument(sweep())
    .await;
    traces.flush().await;
    assert_eq!((collector.take().len(), log.text().as_str()), (1, ""));
}

/// What a function is given that has no collector: no layer, and so no span, no exporter, no line that is kept.
#[test]
fn where_no_collector_is_named_no_span_is_made() {
    let traces = Traces::default();
    assert!(traces.layer::<tracing_subscriber::Registry>().is_none());
    let log = CapturedLog::default();
    let filter: tracing_subscriber::filter::Targets = "trace".parse().unwrap();
    let _guard = tracing::subscriber::set_default(crate::logging::lines_and_spans(log, filter, &traces));
    assert!(sweep().is_disabled());
}
