//! The spans of a trace: a request of the API, a run as far as one claim goes, an attempt of a step, a sweep, a delivery of events. They have ids, words and numbers, as the
//! log has: never payloads, tokens or secrets. Names are those of OpenTelemetry's conventions where these have any.
//!
//! They are none of the log's spans, whose fields stand on each of its lines. Where nobody makes spans, all of this costs a look at whether anybody does.

use std::fmt::Display;

use lambda_http::{Request, RequestExt as _};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, KeyValue};
use tracing::field::Empty;
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::{TARGET, Traceparent};
use crate::dag::execute::{Ended, JournalError, RunContext};
use crate::dag::spec::{Step, StepKind};
use crate::functions::Route;

/// A request, which goes on from the caller's `traceparent`. `route` finds what it came by.
pub(crate) fn request(request: &Request, route: impl FnOnce() -> Option<&'static Route>) -> Span {
    let span = info_span!(
        target: TARGET,
        "request",
        otel.name = Empty,
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = request.method().as_str(),
        http.route = Empty,
        http.response.status_code = Empty,
        faas.invocation_id = request.lambda_context_ref().map(|context| context.request_id.as_str()),
    );
    if span.is_disabled() {
        return span;
    }
    if let Some(Route { method, path, .. }) = route() {
        span.record("otel.name", format!("{method} {path}"));
        span.record("http.route", path);
    }
    follow(&span, Traceparent::of(request.headers()).as_ref());
    span
}

/// How a request was answered.
pub(crate) fn responded(span: &Span, status: u16) {
    span.record("http.response.status_code", status);
    // What a caller has done wrong is no error of ours.
    if status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
}

/// A run as far as one claim goes. It goes on from what the run's row says.
pub(crate) fn run(run: &RunContext) -> Span {
    let span = info_span!(
        target: TARGET,
        "run",
        otel.kind = "consumer",
        otel.status_code = Empty,
        "error.type" = Empty,
        tenant.id = %run.tenant_id,
        run.id = %run.id,
        run.attempt = run.attempt,
        run.outcome = Empty,
        pipeline_version.id = %run.pipeline_version_id,
    );
    follow(&span, run.traceparent.as_ref());
    span
}

/// What an execution has come to.
pub(crate) fn ended(span: &Span, ended: &Result<Ended, JournalError>) {
    let outcome = match ended {
        Ok(Ended::Succeeded { .. }) => "SUCCEEDED",
        Ok(Ended::Failed { error_code, .. }) => {
            failed(span, error_code);
            "FAILED"
        }
        Ok(Ended::HandBack { .. }) => "handed_back",
        Err(error) => {
            failed(
                span,
                match error {
                    JournalError::Lost(_) => "lost",
                    JournalError::Unavailable(_) => "unavailable",
                    JournalError::Refused(_) => "results_not_stored",
                },
            );
            "given_up"
        }
    };
    span.record("run.outcome", outcome);
}

/// An attempt of a step or of one of its items, within the run's span.
pub(crate) fn step(run: &RunContext, step: &Step, item: Option<usize>, attempt: usize) -> Span {
    let kind = step.kind;
    info_span!(
        target: TARGET,
        "step",
        otel.name = format!("{} {}", kind.as_str(), step.id),
        otel.kind = match kind {
            StepKind::Http | StepKind::Sql | StepKind::Lambda => "client",
            StepKind::Sqs => "producer",
            StepKind::Noop | StepKind::Transform | StepKind::Wait | StepKind::Artifact | StepKind::Fail => "internal",
        },
        otel.status_code = Empty,
        "error.type" = Empty,
        tenant.id = %run.tenant_id,
        run.id = %run.id,
        step.id = step.id,
        "step.type" = kind.as_str(),
        step.item = item,
        step.attempt = attempt,
    )
}

/// A sweep.
pub fn sweep() -> Span {
    info_span!(target: TARGET, "sweep", otel.status_code = Empty, "error.type" = Empty)
}

/// One invocation that delivers events.
pub fn deliver() -> Span {
    info_span!(target: TARGET, "deliver", otel.status_code = Empty, "error.type" = Empty)
}

/// Says more about the span that this is part of.
pub fn note(name: &'static str, value: &impl Display) {
    Context::map_current(|context| {
        let span = context.span();
        if span.is_recording() {
            span.set_attribute(KeyValue::new(name, value.to_string()));
        }
    });
}

/// What has gone wrong, in the word for programs. The sentence for people stays where it is: it may quote what was worked on.
pub fn failed(span: &Span, error: &str) {
    span.record("error.type", error);
    span.record("otel.status_code", "ERROR");
}

/// It begins a trace of its own where there is nothing to follow.
fn follow(span: &Span, traceparent: Option<&Traceparent>) {
    let parent = traceparent.map_or_else(Context::new, Traceparent::parent);
    // Fails where no spans are made.
    span.set_parent(parent).ok();
}
