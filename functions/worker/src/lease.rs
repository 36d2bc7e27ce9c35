//! Keeping a lease while work goes on: a task of its own extends it, and tells whoever works when it is lost.

use std::sync::Arc;
use std::time::Duration;

use runplane::app::App;
use runplane::config::{ConfigError, Setting, Settings, WORKER_LEASE_SECONDS};
use runplane::runs::{self, Claim, HeartbeatError, HeartbeatRequest};
use runplane::scope::Scope;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How much longer than the lease its message stays hidden: when it comes back, the lease has expired.
const HIDDEN_LONGER_SECONDS: i32 = 5;

/// How long the worker's leases are, and how often it extends them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// The lease it asks for, in seconds.
    pub lease_seconds: i32,
    /// The pause between heartbeats: one of them may be lost, and the next one still comes in time.
    pub heartbeat_every: Duration,
    /// The pause before something that did not reach Postgres is tried again.
    pub retry_after: Duration,
}

impl Pace {
    /// Leases of so many seconds, with three heartbeats to each.
    pub fn of_seconds(lease_seconds: i32) -> Self {
        Self {
            lease_seconds,
            heartbeat_every: Duration::from_secs(lease_seconds.unsigned_abs().into()) / 3,
            retry_after: Duration::from_secs(1),
        }
    }

    /// As `WORKER_LEASE_SECONDS` says; 30 s, so that a dead worker is noticed within half a minute.
    ///
    /// # Errors
    /// [`ConfigError`] if it is not 5 to 900.
    pub fn from_settings(settings: &mut Settings) -> Result<Self, ConfigError> {
        Ok(Self::of_seconds(settings.number(Setting::WorkerLeaseSeconds, WORKER_LEASE_SECONDS)?))
    }

    fn lease(self) -> Duration {
        Duration::from_secs(self.lease_seconds.unsigned_abs().into())
    }
}

/// Why a lease is not ours any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Postgres refused to extend it: the run is somebody else's, or was cancelled.
    Refused,
    /// No heartbeat has reached Postgres for as long as it lasts: somebody else may have the run.
    Silent,
}

/// A lease that is kept until it is lost or let go.
#[derive(Debug)]
pub struct Kept {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Option<Lost>>,
}

/// Keeps the lease of `claim`, which was asked for at `claimed_at`, and with it hides the message with this receipt handle
/// from other workers. A heartbeat that does not reach Postgres is logged and tried again.
pub fn keep(app: &Arc<App>, claim: &Claim, claimed_at: Instant, pace: Pace, receipt: Option<String>) -> Kept {
    let (stop, stopped) = oneshot::channel();
    let run = &claim.run.run;
    let keeper = Keeper {
        app: Arc::clone(app),
        scope: Scope::Tenant(run.tenant_id),
        run_id: run.id,
        request: HeartbeatRequest { lease_token: Some(claim.run.lease_token), ..HeartbeatRequest::default() },
        pace,
        receipt,
    };
    let span = tracing::Span::current();
    let task = tokio::spawn(tracing::Instrument::instrument(keeper.run(claimed_at, stopped), span));
    Kept { stop, task }
}

impl Kept {
    /// Returns when the lease is lost, and why.
    pub async fn lost(&mut self) -> Lost {
        // It ends by itself only when the lease is lost. A panic in it means that nobody extends the lease any more.
        (&mut self.task).await.ok().flatten().unwrap_or(Lost::Silent)
    }

    /// Lets go: no heartbeat is under way any more when this returns.
    pub async fn let_go(self) {
        drop(self.stop);
        self.task.await.ok();
    }
}

struct Keeper {
    app: Arc<App>,
    scope: Scope,
    run_id: uuid::Uuid,
    request: HeartbeatRequest,
    pace: Pace,
    receipt: Option<String>,
}

impl Keeper {
    /// `None`: told to stop.
    async fn run(self, claimed_at: Instant, mut stopped: oneshot::Receiver<()>) -> Option<Lost> {
        let mut extended_at = claimed_at;
        let mut pause = self.pace.heartbeat_every;
        self.hide().await;
        loop {
            tokio::select! {
                _ = &mut stopped => return None,
                () = tokio::time::sleep(pause) => {}
            }
            let asked_at = Instant::now();
            let beat = async |conn: &mut sqlx::PgConnection| {
                runs::heartbeat(conn, self.scope, self.run_id, &self.request).await
            };
            match self.app.call_in_time(beat).await {
                Ok(_) => {
                    extended_at = asked_at;
                    pause = self.pace.heartbeat_every;
                    tracing::debug!("lease extended");
                    self.hide().await;
                }
                Err(HeartbeatError::Refused(refusal)) => {
                    tracing::warn!("heartbeat refused: {refusal}");
                    return Some(Lost::Refused);
                }
                Err(HeartbeatError::Db(error)) => {
                    self.app.db.discard().await;
                    tracing::warn!(error = format!("{error:#}"), "heartbeat did not reach Postgres");
                    if extended_at.elapsed() >= self.pace.lease() {
                        return Some(Lost::Silent);
                    }
                    pause = self.pace.retry_after;
                }
            }
        }
    }

    /// Hides the message until a little after the lease: should this process die, SQS itself wakes the next worker then.
    async fn hide(&self) {
        let (Some(dispatcher), Some(receipt)) = (&self.app.dispatcher, &self.receipt) else { return };
        let seconds = self.pace.lease_seconds + HIDDEN_LONGER_SECONDS;
        if let Err(error) = dispatcher.hide(receipt, seconds).await {
            // It comes back when the queue says; the sweep finds the run in any case.
            let error = format!("{:#}", anyhow::Error::new(error));
            tracing::warn!(error, "the message's visibility was not extended");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FUNCTION;

    #[test]
    fn by_default_a_lease_lasts_30_seconds_and_has_three_heartbeats() {
        let pace = Pace::of_seconds(30);
        assert_eq!((pace.lease_seconds, pace.heartbeat_every), (30, Duration::from_secs(10)));
        assert_eq!(Pace::from_settings(&mut Settings::with(FUNCTION, |_| None)).unwrap(), pace);
    }
}
