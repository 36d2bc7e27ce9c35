//! Delivers events, every minute: to the webhooks of tenants, and to the event bus.

mod bus;
mod deliver;
#[cfg(test)]
mod tests;
mod webhook;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lambda_runtime::layers::TracingLayer;
use lambda_runtime::tower::util::ThenLayer;
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use runplane::app::App;
use runplane::config::{ConfigError, Setting, Settings};
use runplane::functions::{self, Function};
use runplane::reach::http::Http;
use runplane::reach::secrets::{self, Secrets};
use runplane::traces;
use tracing::Instrument as _;

use bus::Bus;
use deliver::Delivered;

const FUNCTION: &Function = functions::named(env!("CARGO_PKG_NAME"));

/// The time that is kept for what is under way when nothing more is taken: the longest that a listener may take, and noting what came of it.
const LAST_TAKES: Duration = Duration::from_secs(16);
/// How long it goes on where the function's deadline is not known: the next one comes after a minute.
const UNKNOWN_DEADLINE: Duration = Duration::from_secs(44);

/// What is kept between invocations.
#[derive(Debug)]
struct Deliverer {
    app: App,
    http: Http,
    secrets: Secrets,
    bus: Option<Bus>,
}

impl Deliverer {
    async fn from_settings(settings: &mut Settings) -> Result<Self, ConfigError> {
        let app = App::from_settings(settings).await?;
        let prefix = settings.optional(Setting::SecretsPrefix, secrets::PREFIX_IS, secrets::prefix)?;
        let bus = settings.optional(Setting::EventBus, bus::ARN_IS, bus::arn)?.map(Bus::new);
        Ok(Self { app, http: Http::new(), secrets: Secrets::below(prefix), bus })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let deliverer = Deliverer::from_settings(&mut Settings::of(FUNCTION)).await;
    let deliverer = &deliverer;
    runplane::logging::init(deliverer.as_ref().ok().map(|deliverer| &deliverer.app.traces));
    let service = service_fn(move |event: LambdaEvent<serde_json::Value>| async move {
        let deliverer = match deliverer {
            Ok(deliverer) => deliverer,
            // Failing the call says so every minute; ending the process would leave its caller waiting.
            Err(error) => {
                tracing::error!(
                    error = error.to_string(),
                    "events are not delivered: this is not configured"
                );
                return Err(Error::from(error.to_string()));
            }
        };
        let span = traces::deliver();
        let answer = answer(deliverer, until(event.context.deadline)).instrument(span.clone()).await;
        if answer.is_err() {
            traces::failed(&span, "deliver_failed");
        }
        deliverer.app.metrics.write();
        answer
    });
    let answered = ThenLayer::new(move |answered: Result<(), Error>| async move {
        if let Ok(deliverer) = deliverer {
            deliverer.app.traces.flush().await;
        }
        answered
    });
    Runtime::new(service).layer(TracingLayer::new()).layer(answered).run().await
}

/// When to take nothing more, for a deadline in milliseconds since 1970. One that lies in the past is unknown: `cargo lambda watch` sends a length of
/// time instead.
fn until(deadline_ms: u64) -> Instant {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let left = Duration::from_millis(deadline_ms).checked_sub(now);
    Instant::now() + left.map_or(UNKNOWN_DEADLINE, |left| left.saturating_sub(LAST_TAKES))
}

/// Delivers what is due, and says what came of it: in the answer, in one line of the log, and as metrics.
async fn answer(deliverer: &Deliverer, until: Instant) -> Result<Delivered, Error> {
    let started = Instant::now();
    let (delivered, result) = deliver::deliver(deliverer, until).await;
    let app = &deliverer.app;
    delivered.note(&app.metrics);
    let duration_ms = started.elapsed().as_millis() as u64;
    match result {
        Ok(()) => {
            tracing::info!(
                delivered = delivered.delivered,
                failed = delivered.failed,
                given_up = delivered.given_up,
                deleted = delivered.deleted,
                unfinished = delivered.unfinished,
                duration_ms,
                "delivered"
            );
            Ok(delivered)
        }
        Err(error) => {
            app.db.discard().await;
            let what = if runplane::db::is_unavailable(&error) { "is out of reach" } else { "refused" };
            tracing::error!(
                error = format!("{error:#}"),
                duration_ms,
                "events are not delivered: Postgres {what}"
            );
            // The cause is in the log; an answer never has it.
            Err(Error::from(format!("Postgres {what}")))
        }
    }
}
