//! Keeping leases while work goes on: one task extends all those of a batch, and tells whoever works when one is lost.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use runplane::app::App;
use runplane::config::{ConfigError, Setting, Settings, WORKER_LEASE_SECONDS};
use runplane::runs::{self, Beat, Claim, HeartbeatRequest};
use runplane::scope::Scope;
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Span;
use uuid::Uuid;

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

/// The leases that are kept, by run. Whoever extends them holds the lock until the answer is there.
type Leases = Arc<Mutex<HashMap<Uuid, Lease>>>;

#[derive(Debug)]
struct Lease {
    scope: Scope,
    request: HeartbeatRequest,
    /// Of the message that led to the claim.
    receipt: Option<String>,
    /// Closed when nobody works under this lease any more.
    lost: oneshot::Sender<Lost>,
    /// What the log says about it belongs there.
    span: Span,
}

/// Extends the leases of a batch until it is told to end.
#[derive(Debug)]
pub struct Keeper {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// A lease that is kept until it is lost or let go.
#[derive(Debug)]
pub struct Kept {
    run_id: Uuid,
    leases: Leases,
    lost: oneshot::Receiver<Lost>,
}

/// A claim whose lease is to be kept, with the receipt handle of its message and the span of what is logged about it.
#[derive(Debug)]
pub struct ToKeep<'a> {
    /// What was claimed.
    pub claim: &'a Claim,
    /// Hidden from other workers as long as the lease lives.
    pub receipt: Option<String>,
    /// Where the log belongs.
    pub span: Span,
}

/// Keeps the leases of claims that were asked for at `claimed_at`, together, and with them hides their messages from other workers. The leases
/// come back in the order of the claims. Heartbeats that do not reach Postgres are logged and tried again.
pub fn keep(app: &Arc<App>, claims: Vec<ToKeep<'_>>, claimed_at: Instant, pace: Pace) -> (Keeper, Vec<Kept>) {
    let (mut by_run, mut told) = (HashMap::new(), Vec::new());
    for ToKeep { claim, receipt, span } in claims {
        let (lost, hears) = oneshot::channel();
        let request =
            HeartbeatRequest { lease_token: Some(claim.run.lease_token), ..HeartbeatRequest::default() };
        let run = &claim.run.run;
        by_run.insert(run.id, Lease { scope: Scope::Tenant(run.tenant_id), request, receipt, lost, span });
        told.push((run.id, hears));
    }
    let leases = Arc::new(Mutex::new(by_run));
    let kept = told.into_iter().map(|(run_id, lost)| Kept { run_id, leases: Arc::clone(&leases), lost });
    let kept = kept.collect();
    let stop = CancellationToken::new();
    let rounds = Rounds { app: Arc::clone(app), leases, pace };
    let task = tokio::spawn(rounds.run(claimed_at, stop.clone()));
    (Keeper { stop, task }, kept)
}

impl Keeper {
    /// Returns when no heartbeat is under way any more; there will be none.
    pub async fn end(self) {
        self.stop.cancel();
        self.task.await.ok();
    }
}

impl Kept {
    /// Returns when the lease is lost, and why.
    pub async fn lost(&mut self) -> Lost {
        // Without an answer there was a panic: nobody extends the lease any more.
        (&mut self.lost).await.unwrap_or(Lost::Silent)
    }

    /// Lets go: no heartbeat of this lease is under way any more when this returns.
    pub async fn let_go(self) {
        self.leases.lock().await.remove(&self.run_id);
    }
}

struct Rounds {
    app: Arc<App>,
    leases: Leases,
    pace: Pace,
}

impl Rounds {
    async fn run(self, claimed_at: Instant, stop: CancellationToken) {
        let mut extended_at = claimed_at;
        let mut pause = self.pace.heartbeat_every;
        self.hide(&*self.leases.lock().await).await;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            let mut leases = self.leases.lock().await;
            leases.retain(|_, lease| !lease.lost.is_closed());
            if leases.is_empty() {
                continue;
            }
            let asked_at = Instant::now();
            match self.extend(&mut leases).await {
                Ok(()) => {
                    extended_at = asked_at;
                    pause = self.pace.heartbeat_every;
                    self.hide(&leases).await;
                }
                Err(error) => {
                    self.app.db.discard().await;
                    tracing::warn!(
                        error = format!("{error:#}"),
                        leases = leases.len(),
                        "heartbeat did not reach Postgres"
                    );
                    if extended_at.elapsed() >= self.pace.lease() {
                        leases.drain().for_each(|(_, lease)| lease.tell(Lost::Silent));
                    }
                    pause = self.pace.retry_after;
                }
            }
        }
    }

    /// One heartbeat for all of them. Those that were refused are lost, and kept no longer.
    async fn extend(&self, leases: &mut HashMap<Uuid, Lease>) -> Result<(), sqlx::Error> {
        let beats: Vec<_> = leases
            .iter()
            .map(|(&run_id, lease)| Beat { scope: lease.scope, run_id, request: &lease.request })
            .collect();
        let answers = self.app.call_in_time(async |conn| runs::heartbeat_all(conn, &beats).await).await?;
        let runs: Vec<_> = beats.iter().map(|beat| beat.run_id).collect();
        tracing::debug!(leases = runs.len(), "leases extended");
        for (run_id, answer) in runs.into_iter().zip(answers) {
            let Err(refusal) = answer else { continue };
            if let Some(lease) = leases.remove(&run_id) {
                lease.span.in_scope(|| tracing::warn!("heartbeat refused: {refusal}"));
                lease.tell(Lost::Refused);
            }
        }
        Ok(())
    }

    /// Hides the messages until a little after their leases: should this process die, SQS itself wakes the next worker then.
    async fn hide(&self, leases: &HashMap<Uuid, Lease>) {
        let Some(dispatcher) = &self.app.dispatcher else { return };
        let receipts: Vec<_> = leases.values().filter_map(|lease| lease.receipt.as_deref()).collect();
        let seconds = self.pace.lease_seconds + HIDDEN_LONGER_SECONDS;
        if let Err(error) = dispatcher.hide_all(&receipts, seconds).await {
            // They come back when the queue says; the sweep finds the runs in any case.
            let error = format!("{:#}", anyhow::Error::new(error));
            tracing::warn!(error, "the messages' visibility was not extended");
        }
    }
}

impl Lease {
    /// Whoever has stopped listening has stopped working.
    fn tell(self, why: Lost) {
        self.lost.send(why).ok();
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
