//! The sweep, every minute: what has become due without anybody asking.

mod retention;
mod schedules;
mod sweep;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use lambda_runtime::{Error, LambdaEvent};
use runplane::app::App;
use runplane::config::{ConfigError, RETENTION_DAYS, Setting, Settings};
use runplane::functions::{self, Function};
use runplane::invocation::{self, Clockwork, let_down, until};
use runplane::metrics::SWEEP_DURATION;
use runplane::scope::Scope;
use runplane::traces;
use serde::Deserialize;
use tracing::Span;
use uuid::Uuid;

use retention::Bookmark;
use sweep::{Limits, Swept};

const FUNCTION: &Function = functions::named(env!("CARGO_PKG_NAME"));

/// What the schedule, or an operator, says.
#[derive(Debug, Default, Deserialize)]
struct Event {
    /// Only this tenant's runs; everybody's if left out.
    tenant_id: Option<Uuid>,
}

/// The time that is kept for the last batch and the answer.
const LAST_BATCH_TAKES: Duration = Duration::from_secs(5);
/// How long a sweep goes on where the function's deadline is not known: the next one comes after a minute.
const UNKNOWN_DEADLINE: Duration = Duration::from_secs(50);

/// What is kept between invocations.
#[derive(Debug)]
struct Sweeper {
    app: App,
    retention_days: i32,
    bookmark: Bookmark,
}

impl Sweeper {
    async fn from_settings(settings: &mut Settings) -> Result<Self, ConfigError> {
        let app = App::from_settings(settings).await?;
        let retention_days = settings.number(Setting::RetentionDays, RETENTION_DAYS)?;
        Ok(Self { app, retention_days, bookmark: Bookmark::default() })
    }
}

impl Clockwork for Sweeper {
    type Answer = Swept;
    const WHAT: &'static str = "sweep";

    fn app(&self) -> &App {
        &self.app
    }

    fn span() -> Span {
        traces::sweep()
    }

    async fn invoked(&self, event: LambdaEvent<serde_json::Value>) -> Result<Swept, Error> {
        let scope = Scope::from(read(event.payload)?.tenant_id);
        let until = until(event.context.deadline, LAST_BATCH_TAKES, UNKNOWN_DEADLINE);
        answer(self, scope, Limits { until, retention_days: self.retention_days }).await
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    invocation::serve(Sweeper::from_settings(&mut Settings::of(FUNCTION)).await).await
}

/// The schedule may send what it likes; only an object's `tenant_id` means something.
fn read(payload: serde_json::Value) -> Result<Event, serde_json::Error> {
    if payload.is_object() { serde_json::from_value(payload) } else { Ok(Event::default()) }
}

/// Sweeps, and says what came of it: in the answer, in one line of the log, and as metrics.
async fn answer(sweeper: &Sweeper, scope: Scope, limits: Limits) -> Result<Swept, Error> {
    let (app, started) = (&sweeper.app, Instant::now());
    let (swept, result) = sweep::sweep(app, scope, limits, &sweeper.bookmark).await;
    let took = started.elapsed();
    swept.note(&app.metrics);
    match result {
        Ok(()) => {
            // Nothing of the kind for minutes is an alarm; a sweep of one tenant is not what is missed then.
            if scope == Scope::All {
                app.metrics.time(SWEEP_DURATION, took);
            }
            tracing::info!(
                requeued = swept.requeued,
                failed = swept.failed,
                expired = swept.expired,
                scheduled = swept.scheduled,
                schedule_errors = swept.schedule_errors,
                dispatched = swept.dispatched,
                redispatched = swept.redispatched,
                undispatched = swept.undispatched,
                deleted = swept.deleted,
                forgotten = swept.forgotten,
                unfinished = swept.unfinished,
                duration_ms = took.as_millis() as u64,
                "swept"
            );
            Ok(swept)
        }
        Err(error) => Err(let_down(sweeper, &error, took).await),
    }
}
