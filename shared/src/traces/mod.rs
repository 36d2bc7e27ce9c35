//! Traces: a run's way from the request that makes it to its steps, as OpenTelemetry has it. A run's row has the `traceparent` of that request, and
//! whoever executes the run goes on from there (docs/decisions/0033). Spans are made and sent only where a collector is named.
//!
//! | file | what is in it |
//! |---|---|
//! | `traceparent` | the header, read strictly |
//! | `spans` | the spans there are, and what they say |
//! | `outbox` | spans that have ended, until the collector has them |

mod outbox;
mod spans;
mod traceparent;

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;
use url::Url;

use crate::config::{ConfigError, Setting, Settings};
use crate::functions::Function;
use outbox::{Outbox, WITHIN};

pub use spans::{deliver, failed, note, sweep};
pub(crate) use spans::{ended, request, responded, run, step};
pub use traceparent::{NAME as TRACEPARENT, Traceparent, current};

/// What spans have as their target. No log has lines of it, and nothing else becomes a span: whatever libraries and our own log lines are about
/// stays out of traces.
pub const TARGET: &str = "runplane_traces";

/// Where spans go. By default nowhere: then none is made.
#[derive(Clone, Debug, Default)]
pub struct Traces(Option<On>);

#[derive(Clone, Debug)]
struct On {
    provider: SdkTracerProvider,
    outbox: Arc<Outbox>,
}

impl Traces {
    /// As the settings of a function say.
    ///
    /// # Errors
    /// [`ConfigError`] if the collector's address cannot be used.
    pub fn from_settings(settings: &mut Settings) -> Result<Self, ConfigError> {
        let expected = "an http:// or https:// URL without credentials, a query or a fragment";
        let collector = settings.optional(Setting::OtlpEndpoint, expected, |text| {
            let url = Url::parse(text).ok()?;
            let is_http = ["http", "https"].contains(&url.scheme()) && url.has_host();
            let is_plain = url.username().is_empty() && url.password().is_none();
            (is_http && is_plain && url.query().is_none() && url.fragment().is_none()).then_some(url)
        })?;
        Ok(collector
            .map_or_else(Self::default, |collector| Self::to(&collector, settings.function(), WITHIN)))
    }

    /// To the collector at this URL, as those of a function; a flush takes no longer than `within`. Opens no line: the first spans do.
    pub(crate) fn to(collector: &Url, function: &'static Function, within: Duration) -> Self {
        // Beside that what OTEL_RESOURCE_ATTRIBUTES says, as everywhere.
        let resource = Resource::builder()
            .with_service_name(function.name)
            .with_attribute(opentelemetry::KeyValue::new("service.namespace", "runplane"))
            .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let Some(outbox) = Outbox::to(collector, &resource, within).map(Arc::new) else {
            return Self::default();
        };
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_span_processor(outbox::Ended(Arc::clone(&outbox)))
            .build();
        Self(Some(On { provider, outbox }))
    }

    /// What makes spans of those with [`TARGET`]. None: none are made.
    pub(crate) fn layer<S>(&self) -> Option<impl Layer<S> + Send + Sync + use<S>>
    where
        S: tracing::Subscriber + for<'l> LookupSpan<'l> + Send + Sync,
    {
        let On { provider, .. } = self.0.as_ref()?;
        let layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("runplane"))
            // Nothing but what the span says itself.
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false);
        Some(layer.with_filter(Targets::new().with_target(TARGET, LevelFilter::INFO)))
    }

    /// Sends what has ended, before the environment is frozen. Takes half a second at most, and no time at all while the collector is away.
    pub async fn flush(&self) {
        if let Some(On { outbox, .. }) = &self.0 {
            outbox.flush().await;
        }
    }
}

#[cfg(test)]
mod tests;
