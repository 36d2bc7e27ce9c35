//! How long to wait before asking again.

use std::time::Duration;

use super::api::Trouble;

/// The longest pause is so many times the shortest.
const SLOWEST: u32 = 10;
/// So much of the time for which there was nothing to do may pass before something new is found.
const SHARE: u32 = 10;
/// The pause after a first call that came to nothing; it doubles with each further one.
const FIRST: Duration = Duration::from_secs(1);
/// It does not grow longer than this.
const LAST: Duration = Duration::from_secs(30);
/// Nobody is left alone for longer, whatever it says.
const LONGEST: Duration = Duration::from_secs(300);

/// The pause before the next claim when there has been nothing to claim for `idle`: `poll` at first, and never more than a tenth of that time or ten
/// times `poll`. Random by a tenth, so that workers which were started together do not ask together.
pub fn idle(poll: Duration, idle: Duration) -> Duration {
    (idle / SHARE).clamp(poll, poll * SLOWEST).mul_f64(0.9 + 0.2 * fastrand::f64())
}

/// The pause after a call that came to nothing for the `times`th time in a row (from 1): 1 s, 2 s, 4 s … 30 s, of which a random part, but at least half,
/// is waited; and at least as long as the API has asked to be left alone, up to five minutes.
pub fn after(times: u32, trouble: &Trouble) -> Duration {
    let grown = FIRST * 2_u32.saturating_pow(times.saturating_sub(1).min(10));
    let pause = grown.min(LAST).mul_f64(0.5 + 0.5 * fastrand::f64());
    match trouble {
        Trouble::Away { after: Some(after), .. } => pause.max((*after).min(LONGEST)),
        _ => pause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn away(after: Option<u64>) -> Trouble {
        Trouble::Away { why: String::new(), after: after.map(Duration::from_secs) }
    }

    fn about(pause: Duration, seconds: f64) -> bool {
        (0.89 * seconds..=1.11 * seconds).contains(&pause.as_secs_f64())
    }

    #[test]
    fn who_has_long_had_nothing_asks_less_often() {
        let poll = Duration::from_millis(1500);
        for (idle_seconds, expected) in
            [(0, 1.5), (15, 1.5), (60, 6.0), (100, 10.0), (150, 15.0), (86400, 15.0)]
        {
            let pause = idle(poll, Duration::from_secs(idle_seconds));
            assert!(about(pause, expected), "{idle_seconds}: {pause:?}");
        }
    }

    #[test]
    fn pauses_after_trouble_grow_to_half_a_minute() {
        for (times, longest) in [(1, 1.0), (2, 2.0), (3, 4.0), (5, 16.0), (6, 30.0), (1000, 30.0)] {
            for _ in 0..100 {
                let pause = after(times, &away(None)).as_secs_f64();
                assert!((longest / 2.0..=longest).contains(&pause), "{times}: {pause}");
            }
        }
    }

    #[test]
    fn the_api_says_how_long_it_wants_to_be_left_alone() {
        assert_eq!(after(1, &away(Some(20))), Duration::from_secs(20));
        assert_eq!(after(1, &away(Some(86400))), Duration::from_secs(300));
        assert!(after(6, &away(Some(1))) >= Duration::from_secs(15));
    }
}
