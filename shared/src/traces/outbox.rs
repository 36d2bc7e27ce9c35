//! Spans that have ended, until the collector has them.
//!
//! The batch processor of the SDK sends from a thread of its own, by a clock. A function is frozen between invocations, thread and clock with it, so
//! this one sends when the invocation ends, and on the way when there are many: no thread, no clock, nothing under way while frozen.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter as _, SpanProcessor};
use reqwest::Client;
use reqwest::redirect::Policy;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};
use url::Url;

/// More that wait are dropped.
const MOST: usize = 2048;
/// So many go at once.
const AT_ONCE: usize = 512;
/// How long a flush may take. The answer is out by then, but the environment takes no other request, and its time is paid for.
pub(super) const WITHIN: Duration = Duration::from_millis(500);
/// How long nothing is sent to a collector that did not take something.
const AWAY: Duration = Duration::from_secs(30);
/// How long a line that is not in use is kept. Servers close theirs after some time, and a function that sleeps does not notice.
const KEPT: Duration = Duration::from_secs(15);

/// What has ended, and the way to the collector.
#[derive(Debug)]
pub(super) struct Outbox {
    exporter: SpanExporter,
    within: Duration,
    ended: Mutex<Vec<SpanData>>,
    /// Held by whoever sends.
    health: tokio::sync::Mutex<Health>,
}

impl Outbox {
    /// To the collector at this URL; a flush takes no longer than `within`. None, with a line in the log, if no client can be made.
    pub(super) fn to(collector: &Url, resource: &Resource, within: Duration) -> Option<Self> {
        match exporter(collector) {
            Ok(mut exporter) => {
                exporter.set_resource(resource);
                let (ended, health) = Default::default();
                Some(Self { exporter, within, ended, health })
            }
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "no spans can be sent from here");
                None
            }
        }
    }

    /// True: it is time to send some.
    fn add(&self, span: SpanData) -> bool {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.len() >= MOST {
            return false;
        }
        ended.push(span);
        ended.len().is_multiple_of(AT_ONCE)
    }

    fn take(&self) -> Vec<SpanData> {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let many = ended.len().min(AT_ONCE);
        ended.drain(..many).collect()
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Sends what has ended, oldest first. What the collector does not take is gone; what has not been tried by then waits for the next time.
    pub(super) async fn flush(&self) {
        let until = Instant::now() + self.within;
        // Another one may be under way.
        let Ok(mut health) = timeout_at(until, self.health.lock()).await else { return };
        if health.is_away(Instant::now()) {
            return;
        }
        loop {
            let batch = self.take();
            if batch.is_empty() {
                return;
            }
            let why = match timeout_at(until, self.exporter.export(batch)).await {
                Ok(Ok(())) => {
                    health.went_well();
                    continue;
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer within {} ms", self.within.as_millis()),
            };
            return health.went_badly(Instant::now(), &why);
        }
    }
}

fn exporter(collector: &Url) -> anyhow::Result<SpanExporter> {
    let client = Client::builder()
        // Functions read no variables but those that are listed for them.
        .no_proxy()
        .redirect(Policy::none())
        .referer(false)
        .http1_only()
        .user_agent(concat!("runplane/", env!("CARGO_PKG_VERSION")))
        .pool_idle_timeout(KEPT)
        .build()?;
    let url = format!("{}/v1/traces", collector.as_str().trim_end_matches('/'));
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(url);
    Ok(exporter.build()?)
}

/// What the SDK hands ended spans to.
#[derive(Debug)]
pub(super) struct Ended(pub(super) Arc<Outbox>);

impl SpanProcessor for Ended {
    fn on_start(&self, _span: &mut Span, _context: &opentelemetry::Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled()
            && self.0.add(span)
            && let Ok(runtime) = Handle::try_current()
        {
            let outbox = Arc::clone(&self.0);
            runtime.spawn(async move { outbox.flush().await });
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        // Sending takes a runtime: see `Outbox::flush`.
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Whether the collector takes what it is sent.
#[derive(Debug, Default)]
struct Health {
    away_until: Option<Instant>,
}

impl Health {
    fn is_away(&self, now: Instant) -> bool {
        self.away_until.is_some_and(|until| now < until)
    }

    fn went_well(&mut self) {
        if self.away_until.take().is_some() {
            tracing::info!("the collector takes spans again");
        }
    }

    /// One line for as long as it goes on.
    fn went_badly(&mut self, now: Instant, why: &str) {
        if self.away_until.replace(now + AWAY).is_none() {
            let seconds = AWAY.as_secs();
            tracing::warn!(error = why, "the collector took no spans: it is tried again every {seconds} s");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_that_took_nothing_is_left_alone_for_a_while() {
        let mut health = Health::default();
        let now = Instant::now();
        assert!(!health.is_away(now));
        health.went_badly(now, "refused");
        assert!(health.is_away(now) && health.is_away(now + AWAY / 2) && !health.is_away(now + AWAY));
        health.went_badly(now + AWAY, "refused");
        assert!(health.is_away(now + AWAY));
        health.went_well();
        assert!(!health.is_away(now));
    }
}
