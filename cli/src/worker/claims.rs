//! Asking for runs: as many as there are free slots, at once while there are more, and less often the longer there are none.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::api::{self, Claimant, Claimed, Trouble};
use super::{Worker, pace, work};
use crate::exit::Exit;
use crate::failure::Failure;

/// With `--once`: for so long an API that is away is asked again.
const ONCE_PATIENCE: Duration = Duration::from_secs(60);

/// How a worker claims.
#[derive(Clone, Copy, Debug)]
pub struct How {
    /// How many runs it works on at a time.
    pub concurrency: usize,
    /// How often it asks while there is something to do.
    pub poll: Duration,
    /// Whether it ends when there is nothing to do.
    pub once: bool,
}

/// Claims and works until `stop` is cancelled and what runs has ended.
///
/// # Errors
/// With `once`: [`Failure`] of a claim that was refused, or not answered for a minute. What runs has ended then.
pub async fn run(
    worker: &Arc<Worker>,
    claimant: &Claimant,
    how: How,
    stop: &CancellationToken,
) -> Result<Exit, Failure> {
    let mut running = JoinSet::new();
    let mut asking = Asking::new(how.poll);
    let ended = loop {
        while running.try_join_next().is_some() {}
        let free = how.concurrency - running.len().min(how.concurrency);
        tokio::select! {
            biased;
            () = stop.cancelled() => break Ok(Exit::Done),
            Some(_) = running.join_next(), if !running.is_empty() => continue,
            () = tokio::time::sleep_until(asking.next), if free > 0 => {}
        }
        // Not dropped half way: what it has led to would not be known.
        let (claim_id, since) = asking.claim();
        match api::claim(&worker.client, claimant, claim_id, free).await {
            Ok(claimed) => {
                asking.answered(&claimed, free);
                let nothing = claimed.claims.is_empty() && !claimed.more;
                for claim in claimed.claims {
                    let more = [("pipeline_version_id", json!(claim.run.pipeline_version_id))];
                    let sentence =
                        format!("attempt {} of version {}", claim.run.attempt, claim.run.pipeline_version_id);
                    worker.log.run("claimed", &claim.run, &more, &sentence);
                    running.spawn(work::run(Arc::clone(worker), claim, since));
                }
                if how.once && nothing && running.is_empty() {
                    break Ok(Exit::Done);
                }
            }
            Err(trouble) => {
                let pause = asking.failed(&trouble);
                if let Some(failure) = asking.gives_up(how.once, &trouble) {
                    break Err(failure);
                }
                let sentence = format!("{trouble}; again in {:.1} s", pause.as_secs_f32());
                worker.log.worker("no claim", &sentence);
            }
        }
    };
    while running.join_next().await.is_some() {}
    ended
}

/// When to ask next, and how.
#[derive(Debug)]
struct Asking {
    poll: Duration,
    next: Instant,
    /// The claim whose answer has not come, and since when it has been asked for: its leases run from then on.
    open: Option<(Uuid, Instant)>,
    /// How many claims in a row came to nothing.
    failures: u32,
    /// When the first of them was made.
    failing_since: Instant,
    /// When there was something to claim.
    last_found: Instant,
}

impl Asking {
    fn new(poll: Duration) -> Self {
        let now = Instant::now();
        Self { poll, next: now, open: None, failures: 0, failing_since: now, last_found: now }
    }

    /// The id of the claim to make: that of the one before, if that was not answered. And since when it is asked for.
    fn claim(&mut self) -> (Uuid, Instant) {
        *self.open.get_or_insert_with(|| (Uuid::new_v4(), Instant::now()))
    }

    fn answered(&mut self, claimed: &Claimed, asked_for: usize) {
        let now = Instant::now();
        (self.open, self.failures) = (None, 0);
        // Where as many were claimed as asked for there may be more: nobody waits, but for a free slot.
        let maybe_more = claimed.more || claimed.claims.len() >= asked_for;
        if !claimed.claims.is_empty() || claimed.more {
            self.last_found = now;
        }
        let pause = if maybe_more { Duration::ZERO } else { pace::idle(self.poll, now - self.last_found) };
        self.next = now + pause;
    }

    /// How long it will be until the next claim.
    fn failed(&mut self, trouble: &Trouble) -> Duration {
        let now = Instant::now();
        if self.failures == 0 {
            self.failing_since = now;
        }
        self.failures += 1;
        // Refused, nothing was claimed.
        if !matches!(trouble, Trouble::Away { .. }) {
            self.open = None;
        }
        let pause = pace::after(self.failures, trouble).max(self.poll.min(Duration::from_secs(1)));
        self.next = now + pause;
        pause
    }

    fn gives_up(&self, once: bool, trouble: &Trouble) -> Option<Failure> {
        match trouble {
            _ if !once => None,
            Trouble::Away { why, .. } => {
                (self.failing_since.elapsed() >= ONCE_PATIENCE).then(|| Failure::Unreachable(why.clone()))
            }
            Trouble::Conflict { detail, .. } | Trouble::Refused { detail } => {
                Some(Failure::NoClaim(detail.clone()))
            }
        }
    }
}
