//! The frame of functions that are not asked over HTTP: those that messages of their own and the clock invoke have it whole, the worker and the HTTP functions its parts.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use lambda_runtime::layers::TracingLayer;
use lambda_runtime::tower::util::ThenLayer;
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use serde::Serialize;
use tracing::{Instrument as _, Span};

use crate::app::App;
use crate::config::ConfigError;
use crate::db::is_unavailable;
use crate::traces::{self, Traces};

/// A function that messages of its own invoke, and the clock every hour.
pub trait Clockwork {
    /// What it answers, for whoever invokes it by hand.
    type Answer: Serialize + Send;
    /// What it does, as the log calls it: `sweep`.
    const WHAT: &'static str;

    /// What it shares with every other function.
    fn app(&self) -> &App;

    /// The span of an invocation.
    fn span() -> Span;

    /// One invocation.
    ///
    /// # Errors
    /// What the invocation then fails with: it shows as an error of the function, and its messages come again.
    fn invoked(
        &self,
        event: LambdaEvent<serde_json::Value>,
    ) -> impl Future<Output = Result<Self::Answer, Error>> + Send;
}

/// Runs such a function under the Lambda runtime until the environment ends. Logs go the way that its settings say, so it is called once.
///
/// # Errors
/// What the Lambda runtime fails with.
pub async fn serve<C: Clockwork + Sync>(configured: Result<C, ConfigError>) -> Result<(), Error> {
    let traces = configured.as_ref().ok().map(|function| &function.app().traces);
    crate::logging::init(traces);
    let configured = &configured;
    let service = service_fn(move |event: LambdaEvent<serde_json::Value>| async move {
        let function = match configured {
            Ok(function) => function,
            // Failing the call says so; ending the process would leave its caller waiting.
            Err(error) => {
                tracing::error!(error = error.to_string(), "{} is not configured", C::WHAT);
                return Err(Error::from(error.to_string()));
            }
        };
        let span = C::span();
        let answer = function.invoked(event).instrument(span.clone()).await;
        if answer.is_err() {
            traces::failed(&span, "invocation_failed");
        }
        function.app().metrics.write();
        answer
    });
    Runtime::new(service).layer(TracingLayer::new()).layer(flushing(traces)).run().await
}

/// What comes of an invocation: whether Lambda got its answer.
pub type Answered = Result<(), Error>;

/// Sends the spans that have ended: after the answer is out, before the environment is frozen.
pub fn flushing(
    traces: Option<&Traces>,
) -> ThenLayer<impl Fn(Answered) -> BoxFuture<'static, Answered> + Clone> {
    let traces = traces.cloned().unwrap_or_default();
    ThenLayer::new(move |answered| {
        let traces = traces.clone();
        Box::pin(async move {
            traces.flush().await;
            answered
        }) as BoxFuture<'static, _>
    })
}

/// How long an invocation has until `deadline_ms` (milliseconds since 1970, by the clock of this machine, as Lambda gives it). None: one that lies in
/// the past is unknown, since `cargo lambda watch` sends a length of time instead.
#[must_use]
pub fn left(deadline_ms: u64) -> Option<Duration> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Duration::from_millis(deadline_ms).checked_sub(now)
}

/// When to begin nothing more, for such a deadline: `last_takes` earlier. Where the deadline is not known, `unknown` from now.
#[must_use]
pub fn until(deadline_ms: u64, last_takes: Duration, unknown: Duration) -> Instant {
    Instant::now() + left(deadline_ms).map_or(unknown, |left| left.saturating_sub(last_takes))
}

/// What an invocation fails with that Postgres let down: the connection is dropped, the cause is in the log, and the answer, which never has it, says which
/// of the two it was. `took` is how long the invocation has been under way.
pub async fn let_down<C: Clockwork>(function: &C, error: &sqlx::Error, took: Duration) -> Error {
    function.app().db.discard().await;
    let how = if is_unavailable(error) { "is out of reach" } else { "refused" };
    let duration_ms = took.as_millis() as u64;
    tracing::error!(error = format!("{error:#}"), duration_ms, "{} failed: Postgres {how}", C::WHAT);
    Error::from(format!("Postgres {how}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: Duration = Duration::from_secs(5);
    const UNKNOWN: Duration = Duration::from_secs(50);

    fn in_ms(ahead: u64) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        u64::try_from(now.as_millis()).unwrap() + ahead
    }

    #[test]
    fn the_last_thing_begins_before_the_deadline_by_what_it_takes() {
        let before = Instant::now();
        let until = until(in_ms(60_000), KEPT, UNKNOWN);
        assert!(until <= Instant::now() + Duration::from_secs(55), "the rest is kept");
        assert!(until > before + Duration::from_secs(50), "and no more than that");
    }

    #[test]
    fn who_has_no_time_left_begins_nothing() {
        assert!(until(in_ms(4_000), KEPT, UNKNOWN) <= Instant::now());
    }

    #[test]
    fn a_deadline_in_the_past_is_unknown() {
        assert_eq!(left(600_000), None);
        let before = Instant::now();
        assert!(until(600_000, KEPT, UNKNOWN) >= before + UNKNOWN);
    }
}
