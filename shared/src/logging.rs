//! Logs: JSON lines on standard output, with the fields of docs/operations.md. Ids, never payloads, tokens or secrets.

use json_subscriber::JsonLayer;
use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry};

use crate::traces::{TARGET, Traces};

/// Starts logging for this process: `RUST_LOG`, else `AWS_LAMBDA_LOG_LEVEL`, says from which level on; `info` otherwise. And spans, if these go anywhere.
/// Does nothing the second time.
pub fn init(traces: Option<&Traces>) {
    let level = ["RUST_LOG", "AWS_LAMBDA_LOG_LEVEL"].into_iter().find_map(|name| std::env::var(name).ok());
    let filter = targets(level.as_deref().unwrap_or("info"));
    lines_and_spans(std::io::stdout, filter, traces.unwrap_or(&Traces::default())).try_init().ok();
}

/// What `directives` say; `info` where they cannot be read. Not an `EnvFilter`: for what it can do with the fields of spans it has an engine for regular
/// expressions, a tenth of a function.
fn targets(level: &str) -> Targets {
    directives(level).parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO))
}

/// The level, but never below `info` for the libraries that would log whole requests, tokens and credentials; and nothing of what databases of
/// tenants have to say.
fn directives(level: &str) -> String {
    let libraries = [
        "lambda_runtime",
        "lambda_http",
        "hyper",
        "hyper_util",
        "reqwest",
        "rustls",
        "aws_smithy_runtime",
        "aws_config",
        "sqlx",
    ];
    let all = libraries.iter().fold(level.to_lowercase(), |all, library| format!("{all},{library}=info"));
    format!("{all},sqlx::postgres::notice=off")
}

/// What writes JSON lines to `writer`, of the events that `filter` lets pass.
pub fn json_lines<W>(writer: W, filter: Targets) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    Registry::default().with(json(writer)).with(without_spans(filter))
}

/// The same, and what makes spans. If these go nowhere, it is the same and nothing else.
pub(crate) fn lines_and_spans<W>(
    writer: W,
    filter: Targets,
    traces: &Traces,
) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    match traces.layer() {
        None => Box::new(json_lines(writer, filter)),
        // The level is the log's alone.
        Some(spans) => {
            Box::new(Registry::default().with(json(writer).with_filter(without_spans(filter))).with(spans))
        }
    }
}

/// What traces are made of is not what is logged.
fn without_spans(filter: Targets) -> Targets {
    filter.with_target(TARGET, LevelFilter::OFF)
}

fn json<S, W>(writer: W) -> JsonLayer<S, W>
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let mut json = JsonLayer::<S>::new(writer);
    json.with_timer("timestamp", tracing_subscriber::fmt::time::SystemTime);
    json.with_level("level");
    json.with_flattened_event();
    // The fields of the request's span (request.id, tenant.id, run.id …) stand on every line of that request.
    json.with_top_level_flattened_span_list();
    json
}
