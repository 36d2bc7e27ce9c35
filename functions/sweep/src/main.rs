//! The sweep, every minute: what has become due without anybody asking.

mod retention;
mod schedules;
mod sweep;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lambda_runtime::layers::TracingLayer;
use lambda_runtime::tower::util::ThenLayer;
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use runplane::app::App;
use runplane::config::{ConfigError, RETENTION_DAYS, Setting, Settings};
use runplane::functions::{self, Function};
use runplane::metrics::SWEEP_DURATION;
use runplane::scope::Scope;
use runplane::traces;
use serde::Deserialize;
use tracing::Instrument as _;
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

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let configured = configure(&mut Settings::of(FUNCTION)).await.map(Arc::new);
    runplane::logging::init(configured.as_ref().ok().map(|configured| &configured.0.traces));
    let (configured, bookmark) = (&configured, &Bookmark::default());
    let service = service_fn(move |event: LambdaEvent<serde_json::Value>| async move {
        let (app, retention_days) = match configured {
            Ok(configured) => (&configured.0, configured.1),
            // Failing the call says so every minute; ending the process would leave its caller waiting.
            Err(error) => {
                tracing::error!(error = error.to_string(), "the sweep is not configured");
                return Err(Error::from(error.to_string()));
            }
        };
        let scope = Scope::from(read(event.payload)?.tenant_id);
        let limits = Limits { until: until(event.context.deadline), retention_days };
        let span = traces::sweep();
        let answer = answer(app, scope, limits, bookmark).instrument(span.clone()).await;
        if answer.is_err() {
            traces::failed(&span, "sweep_failed");
        }
        app.metrics.write();
        answer
    });
    let answered = ThenLayer::new(move |answered: Result<(), Error>| async move {
        if let Ok(configured) = configured {
            configured.0.traces.flush().await;
        }
        answered
    });
    Runtime::new(service).layer(TracingLayer::new()).layer(answered).run().await
}

async fn configure(settings: &mut Settings) -> Result<(App, i32), ConfigError> {
    let app = App::from_settings(settings).await?;
    Ok((app, settings.number(Setting::RetentionDays, RETENTION_DAYS)?))
}

/// The schedule may send what it likes; only an object's `tenant_id` means something.
fn read(payload: serde_json::Value) -> Result<Event, serde_json::Error> {
    if payload.is_object() { serde_json::from_value(payload) } else { Ok(Event::default()) }
}

/// When to stop, for a deadline in milliseconds since 1970. One that lies in the past is unknown: `cargo lambda watch` sends a
/// length of time instead.
fn until(deadline_ms: u64) -> Instant {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let left = Duration::from_millis(deadline_ms).checked_sub(now);
    Instant::now() + left.map_or(UNKNOWN_DEADLINE, |left| left.saturating_sub(LAST_BATCH_TAKES))
}

/// Sweeps, and says what came of it: in the answer, in one line of the log, and as metrics.
async fn answer(app: &App, scope: Scope, limits: Limits, bookmark: &Bookmark) -> Result<Swept, Error> {
    let started = Instant::now();
    let (swept, result) = sweep::sweep(app, scope, limits, bookmark).await;
    let took = started.elapsed();
    swept.note(&app.metrics);
    let duration_ms = took.as_millis() as u64;
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
                duration_ms,
                "swept"
            );
            Ok(swept)
        }
        Err(error) => {
            app.db.discard().await;
            let what = if runplane::db::is_unavailable(&error) { "is out of reach" } else { "refused" };
            tracing::error!(error = format!("{error:#}"), duration_ms, "sweep failed: Postgres {what}");
            // The cause is in the log; an answer never has it.
            Err(Error::from(format!("Postgres {what}")))
        }
    }
}
