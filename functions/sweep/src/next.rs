//! After a sweep: when the next one is, and who delivers events meanwhile. With nothing in flight and nothing due nobody is told, and nothing runs until somebody
//! arms the sweep or the hour is over.

use std::time::Duration;

use runplane::app::App;
use runplane::arm::{self, Arm, Bell, DELAY};
use runplane::dispatch::DispatchError;
use runplane::sweep::{self, Next};

/// The hourly sweep comes within this time, whenever the clock has begun to count: what is due later is left to it.
const HOURLY: Duration = Duration::from_secs(65 * 60);

/// When the next sweep is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Whenever somebody arms it, and within the hour.
    Whenever,
    /// As soon as the queue lets it.
    Soon,
    /// At this time, in seconds since 1970.
    At(u64),
}

/// It could not be seen to.
#[derive(Debug, thiserror::Error)]
pub enum NextError {
    /// Postgres did not say what is due.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
    /// SQS did not take a message.
    #[error("the next sweep is not armed")]
    Sqs(#[from] DispatchError),
}

/// Sees to it that the next sweep comes, and that events that are due are delivered. `busy`: there is more to do, or a run waits that could be claimed.
/// `deliver` has what delivers events come.
///
/// # Errors
/// [`NextError`]: then nobody comes, unless this sweep is repeated.
pub async fn see_to(app: &App, arm: &Arm, deliver: &Bell, busy: bool) -> Result<Then, NextError> {
    let next = app.call_in_time(async |conn| sweep::next(conn).await).await?;
    let now = arm::since_1970();
    if next.events_due_in_seconds.is_some_and(|seconds| seconds <= 0.0) {
        // Before the next sweep, which looks whether they were.
        deliver.ring(&format!("deliver-{}", arm::period(now)), "{}").await?;
    }
    let then = then(next, busy, now);
    match then {
        Then::Whenever => {}
        Then::Soon => arm.arm_again().await?,
        Then::At(at) => arm.relay(at).await?,
    }
    Ok(then)
}

fn then(next: Next, busy: bool, now: Duration) -> Then {
    let due = [next.due_in_seconds, next.events_due_in_seconds].into_iter().flatten().reduce(f64::min);
    match due {
        _ if busy || next.in_flight => Then::Soon,
        Some(seconds) if seconds <= DELAY.as_secs_f64() => Then::Soon,
        Some(seconds) if seconds <= HOURLY.as_secs_f64() => {
            Then::At((now.as_secs_f64() + seconds).ceil() as u64)
        }
        Some(_) | None => Then::Whenever,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);

    fn due(seconds: f64) -> Next {
        Next { due_in_seconds: Some(seconds), ..Next::default() }
    }

    #[test]
    fn with_nothing_in_flight_and_nothing_due_nobody_comes() {
        assert_eq!(then(Next::default(), false, NOW), Then::Whenever);
        assert_eq!(then(due(65.0 * 60.0 + 1.0), false, NOW), Then::Whenever, "the hourly one is sooner");
    }

    #[test]
    fn while_something_is_in_flight_or_due_before_the_queue_lets_go_the_next_sweep_follows() {
        let in_flight = Next { in_flight: true, ..Next::default() };
        assert_eq!(then(in_flight, false, NOW), Then::Soon);
        assert_eq!(then(Next { in_flight: true, ..due(3_000.0) }, false, NOW), Then::Soon);
        assert_eq!(then(Next::default(), true, NOW), Then::Soon);
        assert_eq!([due(-5.0), due(0.0), due(40.0)].map(|next| then(next, false, NOW)), [Then::Soon; 3]);
    }

    #[test]
    fn what_is_due_later_is_a_relay_to_the_first_second_in_which_it_is() {
        assert_eq!(then(due(40.1), false, NOW), Then::At(1_041));
        assert_eq!(then(due(20.0 * 60.0), false, NOW), Then::At(2_200));
        assert_eq!(then(due(65.0 * 60.0), false, NOW), Then::At(4_900));
        let event = Next { events_due_in_seconds: Some(100.0), ..due(200.0) };
        assert_eq!(then(event, false, NOW), Then::At(1_100));
        let event = Next { events_due_in_seconds: Some(300.0), ..due(200.0) };
        assert_eq!(then(event, false, NOW), Then::At(1_200));
    }
}
