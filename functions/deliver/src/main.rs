//! Delivers events, when the sweep has found that one is due, and every hour: to the webhooks of tenants, and to the event bus.

mod bus;
mod deliver;
#[cfg(test)]
mod tests;
mod webhook;

use std::time::{Duration, Instant};

use lambda_runtime::{Error, LambdaEvent};
use runplane::app::App;
use runplane::aws;
use runplane::config::{ConfigError, Setting, Settings};
use runplane::functions::{self, Function};
use runplane::invocation::{self, Clockwork, let_down, until};
use runplane::reach::http::Http;
use runplane::reach::secrets::{self, Secrets};
use runplane::traces;
use tracing::Span;

use bus::Bus;
use deliver::Delivered;

const FUNCTION: &Function = functions::named(env!("CARGO_PKG_NAME"));

/// The time that is kept for what is taken last: five seconds to take it, ten that a listener may use, five to note what came of it, and the answer.
const LAST_TAKES: Duration = Duration::from_secs(21);
/// How long it goes on where the function's deadline is not known.
const UNKNOWN_DEADLINE: Duration = Duration::from_secs(39);

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
        Ok(Self { app, http: Http::new(), secrets: Secrets::below(prefix, aws::of_function), bus })
    }
}

impl Clockwork for Deliverer {
    type Answer = Delivered;
    const WHAT: &'static str = "delivery";

    fn app(&self) -> &App {
        &self.app
    }

    fn span() -> Span {
        traces::deliver()
    }

    async fn invoked(&self, event: LambdaEvent<serde_json::Value>) -> Result<Delivered, Error> {
        answer(self, until(event.context.deadline, LAST_TAKES, UNKNOWN_DEADLINE)).await
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    invocation::serve(Deliverer::from_settings(&mut Settings::of(FUNCTION)).await).await
}

/// Delivers what is due, and says what came of it: in the answer, in one line of the log, and as metrics.
async fn answer(deliverer: &Deliverer, until: Instant) -> Result<Delivered, Error> {
    let started = Instant::now();
    let (delivered, result) = deliver::deliver(deliverer, until).await;
    delivered.note(&deliverer.app.metrics);
    let took = started.elapsed();
    match result {
        Ok(()) => {
            tracing::info!(
                delivered = delivered.delivered,
                failed = delivered.failed,
                given_up = delivered.given_up,
                deleted = delivered.deleted,
                unfinished = delivered.unfinished,
                duration_ms = took.as_millis() as u64,
                "delivered"
            );
            Ok(delivered)
        }
        Err(error) => Err(let_down(deliverer, &error, took).await),
    }
}
