//! Waiting for a condition, never for time to pass.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

/// How long a condition may take to come true.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Asks `probe` ten times a second until it answers `Some`, and returns that.
///
/// # Panics
/// When [`DEADLINE`] has passed, naming `what` did not come true.
pub async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let until = Instant::now() + DEADLINE;
    let mut ticks = interval(Duration::from_millis(100));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Some(found) = probe().await {
            return found;
        }
        assert!(
            Instant::now() < until,
            "within {} seconds it did not come true that {what}",
            DEADLINE.as_secs()
        );
    }
}
