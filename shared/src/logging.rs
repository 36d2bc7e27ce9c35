//! Logs: JSON lines on standard output, with the fields of docs/operations.md. Ids, never payloads, tokens or secrets.

use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry};

/// Starts logging for this process: `RUST_LOG`, else `AWS_LAMBDA_LOG_LEVEL`, says from which level on; `info` otherwise.
/// Does nothing the second time.
pub fn init() {
    let level = ["RUST_LOG", "AWS_LAMBDA_LOG_LEVEL"].into_iter().find_map(|name| std::env::var(name).ok());
    let filter = EnvFilter::try_new(directives(level.as_deref().unwrap_or("info")))
        .unwrap_or_else(|_| EnvFilter::new(directives("info")));
    json_lines(std::io::stdout, filter).try_init().ok();
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
pub fn json_lines<W>(writer: W, filter: EnvFilter) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let mut json = json_subscriber::JsonLayer::<Registry>::new(writer);
    json.with_timer("timestamp", tracing_subscriber::fmt::time::SystemTime);
    json.with_level("level");
    json.with_flattened_event();
    // The fields of the request's span (request.id, tenant.id, run.id …) stand on every line of that request.
    json.with_top_level_flattened_span_list();
    Registry::default().with(json).with(filter)
}
