//! A collector, as OpenTelemetry's would take spans: OTLP over HTTP.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode as SpanStatus;
use prost::Message as _;
use tokio::net::TcpListener;

/// A span that has arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanSeen {
    /// What has made it.
    pub service: String,
    /// What it is called.
    pub name: String,
    /// As the protocol numbers them: 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    pub kind: i32,
    /// In hex.
    pub trace_id: String,
    /// In hex.
    pub span_id: String,
    /// In hex; empty: it begins a trace.
    pub parent_id: String,
    /// As text.
    pub attributes: BTreeMap<String, String>,
    /// Whether something has gone wrong.
    pub is_error: bool,
    /// How many events and links it has.
    pub others: usize,
}

impl SpanSeen {
    /// What goes on from it has this.
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-01", self.trace_id, self.span_id)
    }
}

/// A collector on this machine. It ends with the test.
#[derive(Clone, Debug)]
pub struct Collector {
    /// Where it is.
    pub url: String,
    seen: Arc<Mutex<Vec<SpanSeen>>>,
}

impl Collector {
    /// Starts one.
    ///
    /// # Panics
    /// If there is no port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let seen = Arc::default();
        let router =
            Router::new().route("/v1/traces", axum::routing::post(take)).with_state(Arc::clone(&seen));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, seen }
    }

    /// What has arrived since it was last asked, in the order in which it ended.
    ///
    /// # Panics
    /// If the server has.
    pub fn take(&self) -> Vec<SpanSeen> {
        std::mem::take(&mut *self.seen.lock().expect("no request panicked"))
    }
}

async fn take(State(seen): State<Arc<Mutex<Vec<SpanSeen>>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if headers.get("content-type").is_none_or(|value| value != "application/x-protobuf") {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE;
    }
    let Ok(request) = ExportTraceServiceRequest::decode(body) else { return StatusCode::BAD_REQUEST };
    let mut seen = seen.lock().expect("no request panicked");
    for of_resource in request.resource_spans {
        let resource =
            attributes(of_resource.resource.map(|resource| resource.attributes).unwrap_or_default());
        let spans = of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        seen.extend(spans.map(|span| SpanSeen {
            service: resource.get("service.name").cloned().unwrap_or_default(),
            name: span.name,
            kind: span.kind,
            trace_id: hex::encode(span.trace_id),
            span_id: hex::encode(span.span_id),
            parent_id: hex::encode(span.parent_span_id),
            attributes: attributes(span.attributes),
            is_error: span.status.is_some_and(|status| status.code() == SpanStatus::Error),
            others: span.events.len() + span.links.len(),
        }));
    }
    StatusCode::OK
}

fn attributes(all: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<Value>| match value {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    all.into_iter().map(|one| (one.key, text(one.value.and_then(|value| value.value)))).collect()
}
