//! When the worker has to let go of its runs: shortly before the invocation's deadline, or when the process is told to end.

use std::time::Duration;

use runplane::invocation::left;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Handing a run back takes a call to Postgres and one to SQS; this much time is kept for them.
const HAND_BACK_TAKES: Duration = Duration::from_secs(5);
/// How long the runtime has to send the last answer before the process ends.
const LAST_ANSWER_TAKES: Duration = Duration::from_millis(500);

/// How many batches are under way.
#[derive(Debug, Default)]
pub struct Busy(watch::Sender<usize>);

/// A batch under way, until it is dropped.
#[derive(Debug)]
pub struct Entered<'a>(&'a Busy);

impl Busy {
    /// Counts a batch.
    pub fn enter(&self) -> Entered<'_> {
        self.0.send_modify(|count| *count += 1);
        Entered(self)
    }

    /// Returns when no batch is under way.
    async fn none(&self) {
        // Fails only without a sender, and this is the sender.
        self.0.subscribe().wait_for(|count| *count == 0).await.ok();
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

/// When runs have to be handed back.
#[derive(Clone, Debug)]
pub struct Leaving {
    /// Cancelled then.
    pub token: CancellationToken,
    /// When that will be, if anybody knows.
    pub ends_at: Option<Instant>,
}

impl From<CancellationToken> for Leaving {
    /// Nobody knows when.
    fn from(token: CancellationToken) -> Self {
        Self { token, ends_at: None }
    }
}

/// The end of one invocation's time. Dropping it stops its timer.
#[derive(Debug)]
pub struct Leave {
    leaving: Leaving,
    timer: Option<JoinHandle<()>>,
}

impl Leave {
    /// When that is.
    pub fn leaving(&self) -> Leaving {
        self.leaving.clone()
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        if let Some(timer) = &self.timer {
            timer.abort();
        }
    }
}

/// Leaves when `stop` is cancelled, or in time before `deadline_ms` (milliseconds since 1970, by the clock of this machine,
/// as Lambda gives it). One that lies in the past is unknown: `cargo lambda watch` sends a length of time instead.
pub fn before(stop: &CancellationToken, deadline_ms: u64) -> Leave {
    let token = stop.child_token();
    let ends_at = left(deadline_ms).map(|left| {
        // A function whose whole time is short uses at least half of it.
        Instant::now() + left.saturating_sub(HAND_BACK_TAKES).max(left / 2)
    });
    let timer = ends_at.map(|ends_at| {
        let token = token.clone();
        tokio::spawn(async move {
            tokio::time::sleep_until(ends_at).await;
            tracing::info!("the function's time is nearly over: handing back");
            token.cancel();
        })
    });
    Leave { leaving: Leaving { token, ends_at }, timer }
}

/// Returns when the process was told to end (SIGTERM) and may: every batch has handed its runs back and was answered.
pub async fn terminated(stop: &CancellationToken, busy: &Busy) {
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => _ = terminate.recv().await,
        Err(error) => {
            tracing::warn!(error = error.to_string(), "cannot listen for SIGTERM");
            std::future::pending::<()>().await;
        }
    }
    tracing::info!("told to end: handing back");
    stop.cancel();
    busy.none().await;
    tokio::time::sleep(LAST_ANSWER_TAKES).await;
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    fn in_ms(ahead: u64) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        u64::try_from(now.as_millis()).unwrap() + ahead
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_is_handed_back_five_seconds_before_the_deadline() {
        let (stop, began) = (CancellationToken::new(), tokio::time::Instant::now());
        before(&stop, in_ms(60_000)).leaving().token.cancelled().await;
        let left = Duration::from_secs(60) - began.elapsed();
        assert!(left >= HAND_BACK_TAKES && left < HAND_BACK_TAKES + Duration::from_secs(1), "{left:?} left");
    }

    #[tokio::test(start_paused = true)]
    async fn a_function_with_little_time_uses_half_of_it() {
        let (stop, began) = (CancellationToken::new(), tokio::time::Instant::now());
        before(&stop, in_ms(4_000)).leaving().token.cancelled().await;
        assert!(began.elapsed() > Duration::from_millis(1_500), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_in_the_past_is_no_deadline() {
        let stop = CancellationToken::new();
        let leave = before(&stop, 600_000);
        assert!(leave.timer.is_none());
        stop.cancel();
        leave.leaving().token.cancelled().await;
    }

    #[tokio::test]
    async fn told_to_end_it_lets_go_and_waits_for_the_batch_under_way() {
        let (stop, busy) = (CancellationToken::new(), std::sync::Arc::new(Busy::default()));
        // Ours too: from here on the signal does not end this process.
        let _listens = signal(SignalKind::terminate()).unwrap();
        let ended = tokio::spawn({
            let (stop, busy) = (stop.clone(), std::sync::Arc::clone(&busy));
            async move { terminated(&stop, &busy).await }
        });
        let batch = busy.enter();
        let told = async {
            while !stop.is_cancelled() {
                std::process::Command::new("kill")
                    .args(["-TERM", &std::process::id().to_string()])
                    .status()
                    .unwrap();
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), told).await.expect("SIGTERM is heard");
        assert!(!ended.is_finished(), "a batch is under way");
        drop(batch);
        tokio::time::timeout(Duration::from_secs(20), ended).await.expect("then it may end").unwrap();
    }
}
