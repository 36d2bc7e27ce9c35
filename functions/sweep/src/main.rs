//! The sweep: what has become due without anybody asking. It comes while something is in flight, when something is due, and every hour.

mod asked;
mod next;
mod retention;
mod schedules;
mod sweep;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use lambda_runtime::{Error, LambdaEvent};
use runplane::app::App;
use runplane::arm::{self, Bell};
use runplane::config::{ConfigError, RETENTION_DAYS, Setting, Settings};
use runplane::functions::{self, Function};
use runplane::invocation::{self, Clockwork, let_down, until};
use runplane::metrics::SWEEP_DURATION;
use runplane::scope::Scope;
use runplane::traces;
use tracing::Span;

use asked::Asked;
use next::NextError;
use retention::Bookmark;
use sweep::{Limits, Swept};

const FUNCTION: &Function = functions::named(env!("CARGO_PKG_NAME"));

/// The time that is kept for the last batch, for seeing to the next sweep, and the answer.
const LAST_BATCH_TAKES: Duration = Duration::from_secs(8);
/// How long a sweep goes on where the function's deadline is not known.
const UNKNOWN_DEADLINE: Duration = Duration::from_secs(47);

/// What is kept between invocations.
#[derive(Debug)]
struct Sweeper {
    app: App,
    /// What delivers events. None, as of the app's arm: a test has no queues.
    deliver: Option<Bell>,
    retention_days: i32,
    bookmark: Bookmark,
}

impl Sweeper {
    async fn from_settings(settings: &mut Settings) -> Result<Self, ConfigError> {
        let app = App::from_settings(settings).await?;
        let deliver = settings.required(Setting::DeliverQueueUrl)?;
        let deliver = app.arm.as_ref().map(|arm| arm.bell(deliver));
        let retention_days = settings.number(Setting::RetentionDays, RETENTION_DAYS)?;
        Ok(Self { app, deliver, retention_days, bookmark: Bookmark::default() })
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
        let asked = Asked::of(event.payload, arm::since_1970())?;
        let until = until(event.context.deadline, LAST_BATCH_TAKES, UNKNOWN_DEADLINE);
        answer(self, asked, Limits { until, retention_days: self.retention_days }).await
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    invocation::serve(Sweeper::from_settings(&mut Settings::of(FUNCTION)).await).await
}

/// Sweeps, says what came of it (in the answer, in one line of the log, and as metrics), and sees to the next one. A message that has to wait is sent on.
async fn answer(sweeper: &Sweeper, asked: Asked, limits: Limits) -> Result<Swept, Error> {
    let (scope, comes_again) = match asked {
        Asked::Sweep(scope) => (scope, false),
        Asked::Armed => (Scope::All, true),
        Asked::SendOn(at) => {
            if let Some(arm) = &sweeper.app.arm {
                arm.relay(at).await?;
            }
            return Ok(Swept::default());
        }
    };
    let (app, started) = (&sweeper.app, Instant::now());
    let (swept, result) = sweep::sweep(app, scope, limits, &sweeper.bookmark).await;
    let took = started.elapsed();
    swept.note(&app.metrics);
    let busy = match result {
        Ok(waiting) => waiting || swept.unfinished,
        Err(error) => {
            // A message comes again by itself; whatever else has asked for this sweep does not.
            if scope == Scope::All && !comes_again {
                app.arm().await;
            }
            return Err(let_down(sweeper, &error, took).await);
        }
    };
    // Nothing of the kind for hours is an alarm; a sweep of one tenant is not what is missed then.
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
    // Over one tenant it says nothing about the others.
    if let (Scope::All, Some(arm), Some(deliver)) = (scope, &app.arm, &sweeper.deliver) {
        match next::see_to(app, arm, deliver, busy).await {
            Ok(then) => tracing::debug!("the next sweep: {then:?}"),
            Err(NextError::Db(error)) => return Err(let_down(sweeper, &error, started.elapsed()).await),
            Err(error) => return Err(unseen(error)),
        }
    }
    Ok(swept)
}

/// The invocation fails, so that a message comes again, and so that it shows.
fn unseen(error: NextError) -> Error {
    let error = anyhow::Error::new(error);
    tracing::error!(error = format!("{error:#}"), "swept, but nobody was told when to come again");
    Error::from(format!("{error:#}"))
}
