//! The edge of the HTTP functions: a request comes in as a [`Call`], a handler answers with a [`Reply`] or a
//! [`Problem`], and one line in the log says how it went. Whatever happens inside (an error, a panic, a Postgres that does
//! not answer), the caller gets an answer in time.

mod bodies;
mod call;
mod items;
pub mod lists;
mod parse;
mod query;
mod reply;
mod tenant;

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use lambda_http::lambda_runtime::Runtime;
use lambda_http::lambda_runtime::layers::TracingLayer;
use lambda_http::{Adapter, Request, RequestExt as _, Response};
use tracing::Instrument as _;

use crate::app::App;
use crate::auth::{IssuerAway, Role};
use crate::config::{ConfigError, Settings};
use crate::functions::Function;
use crate::invocation::flushing;
use crate::problem::{Code, Problem};
use crate::traces;

pub use bodies::Body;
pub use call::Call;
pub use items::{HeartbeatItem, HeartbeatItems, Key, MAX_ITEMS, RunId, RunItem, RunItems, answers};
pub use query::Query;
pub use reply::Reply;

/// What a caller waits at most, unless it asked to wait longer. API Gateway would wait 30 seconds; a client that retries is served better.
pub const TIME_LIMIT: Duration = Duration::from_secs(5);
/// So long a caller of `get` may ask to wait for the end of a run. API Gateway gives up after 30 seconds.
pub const MAX_WAIT_SECONDS: u16 = 20;

/// Runs a function under the Lambda runtime until the environment ends.
///
/// A bad configuration does not end the process: callers of a function that dies while it starts may wait for ever, so
/// every call is answered `internal` and the log names the variable.
///
/// # Errors
/// What the Lambda runtime fails with.
pub async fn serve<H, F>(function: &'static Function, handler: H) -> Result<(), lambda_http::Error>
where
    H: Fn(Arc<App>, Call) -> F + Send + Sync,
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    let app = App::from_settings(&mut Settings::of(function)).await.map(Arc::new);
    crate::logging::init(app.as_ref().ok().map(|app| &app.traces));
    let (app, handler) = (&app, &handler);
    let service = lambda_http::service_fn(move |request| async move {
        let response = answer(app, handler, request).await;
        if let Ok(app) = app {
            app.metrics.write();
        }
        Ok::<_, std::convert::Infallible>(response)
    });
    let traces = app.as_ref().ok().map(|app| &app.traces);
    let runtime = Runtime::new(Adapter::from(service)).layer(TracingLayer::new());
    runtime.layer(flushing(traces)).run().await
}

/// Answers one request. [`serve`] only writes what was measured, beside that; the handlers' tests call it with events from files.
pub async fn answer<H, F>(
    app: &Result<Arc<App>, ConfigError>,
    handler: &H,
    request: Request,
) -> Response<lambda_http::Body>
where
    H: Fn(Arc<App>, Call) -> F + Send + Sync,
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    let started = Instant::now();
    let request_id =
        request.lambda_context_ref().map(|context| context.request_id.clone()).unwrap_or_default();
    let span = tracing::info_span!(
        "request",
        request.id = request_id,
        tenant.id = tracing::field::Empty,
        principal.id = tracing::field::Empty,
        run.id = tracing::field::Empty,
        run.attempt = tracing::field::Empty,
    );
    let route = || app.as_ref().ok().and_then(|app| call::route(&request, app.function));
    let traced = traces::request(&request, route);
    let what = format!("{} {}", request.method(), request.raw_http_path());
    // The log's span within the other: handlers say what it is about.
    let result = outcome(app, handler, request).instrument(span.clone()).instrument(traced.clone()).await;

    let _entered = span.enter();
    let reply = match result {
        Ok(reply) => reply,
        Err(problem) => {
            if let Some(cause) = &problem.cause {
                tracing::error!(error = format!("{cause:#}"), "{what} failed");
            }
            Reply::problem(problem, &request_id)
        }
    };
    let status = reply.status();
    traces::responded(&traced, status);
    tracing::info!(status, duration_ms = started.elapsed().as_millis() as u64, "{what} answered {status}");
    reply.into_response()
}

/// The handler's answer, or the problem that kept it from answering.
async fn outcome<H, F>(
    app: &Result<Arc<App>, ConfigError>,
    handler: &H,
    request: Request,
) -> Result<Reply, Problem>
where
    H: Fn(Arc<App>, Call) -> F + Send + Sync,
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    let app = app.as_ref().map_err(|error| Problem::internal(anyhow::anyhow!("{error}")))?;
    let time_limit = app.function.time_limit;
    let handled = async {
        let call = admit(app, request).await?;
        handler(Arc::clone(app), call).await
    };
    let handled = AssertUnwindSafe(handled).catch_unwind();
    let result = match tokio::time::timeout(time_limit, handled).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => Err(Problem::internal(anyhow::anyhow!("panic: {}", panic_message(&*panic)))),
        Err(_) => Err(Problem::unavailable(anyhow::anyhow!("no answer within {time_limit:?}"))),
    };
    let failed = |problem: &Problem| {
        let elsewhere = problem.cause.as_ref().is_some_and(|cause| cause.is::<IssuerAway>());
        problem.status() >= 500 && !elsewhere
    };
    if result.as_ref().is_err_and(failed) {
        // The connection may be why we failed.
        app.db.discard().await;
    }
    result
}

/// Who makes the request, if they may. The one place that decides it.
async fn admit(app: &App, request: Request) -> Result<Call, Problem> {
    let principal = app.auth.principal(request.headers(), &app.db).await?;
    let span = tracing::Span::current();
    span.record("principal.id", &principal.id);
    if let Some(tenant) = principal.tenant {
        span.record("tenant.id", tenant.to_string());
        traces::note("tenant.id", &tenant);
    }
    let Some(route) = call::route(&request, app.function) else {
        return Err(Problem::internal(anyhow::anyhow!("this request came by no route of the function")));
    };
    if !principal.roles.meet(route.roles) {
        let roles: Vec<_> = route.roles.iter().map(Role::as_str).collect();
        let detail = format!("This needs one of the roles {}", roles.join(", "));
        return Err(Problem::new(Code::Forbidden, detail));
    }
    Ok(Call::new(request, principal))
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or(panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("?")
}
