//! When a request is sent again.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// How long to wait before the second, third and fourth time, unless the API says how long. There is no fifth.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_millis(800), Duration::from_millis(2000)];

/// Nobody sits in front of a terminal for longer, whatever the API says.
const LONGEST: Duration = Duration::from_secs(20);

/// How an attempt went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// There was no connection, so that the API knows of nothing.
    NotSent,
    /// It was sent, and no answer came.
    NoAnswer,
    /// The API, or the gateway in front of it, had too much to do.
    TooMany(Option<Duration>),
    /// It was answered that it cannot be done at the moment. It may have been done.
    Unavailable(Option<Duration>),
}

impl Fault {
    /// What an answer's status and headers mean, if sending again may help.
    pub fn of(status: StatusCode, headers: &HeaderMap) -> Option<Self> {
        let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let after = seconds.map(Duration::from_secs);
        match status.as_u16() {
            429 => Some(Self::TooMany(after)),
            502..=504 => Some(Self::Unavailable(after)),
            _ => None,
        }
    }

    /// How long the API has asked to be left alone.
    pub fn after(self) -> Option<Duration> {
        match self {
            Self::NotSent | Self::NoAnswer => None,
            Self::TooMany(after) | Self::Unavailable(after) => after,
        }
    }

    /// How long to wait before sending again, after so many times; None: not again.
    pub fn pause(self, times: usize, repeatable: bool) -> Option<Duration> {
        let (allowed, after) = match self {
            Self::NotSent => (true, None),
            Self::TooMany(after) => (true, after),
            Self::NoAnswer => (repeatable, None),
            Self::Unavailable(after) => (repeatable, after),
        };
        let pause = *PAUSES.get(times.checked_sub(1)?)?;
        allowed.then(|| after.unwrap_or(pause).min(LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_been_done_is_not_done_again_unless_that_is_the_same() {
        for times in 1..=3 {
            assert!(Fault::NotSent.pause(times, false).is_some());
            assert!(Fault::TooMany(None).pause(times, false).is_some());
            assert!(Fault::NoAnswer.pause(times, false).is_none());
            assert!(Fault::Unavailable(None).pause(times, false).is_none());
            assert!(Fault::NoAnswer.pause(times, true).is_some());
            assert!(Fault::Unavailable(None).pause(times, true).is_some());
        }
    }

    #[test]
    fn there_is_an_end_to_it() {
        for fault in [Fault::NotSent, Fault::NoAnswer, Fault::TooMany(None), Fault::Unavailable(None)] {
            assert_eq!(fault.pause(4, true), None);
        }
        let hour = Fault::Unavailable(Some(Duration::from_secs(3600)));
        assert_eq!(hour.pause(1, true), Some(LONGEST));
        assert_eq!(Fault::Unavailable(Some(Duration::ZERO)).pause(1, true), Some(Duration::ZERO));
    }

    #[test]
    fn only_answers_of_a_moment_are_faults() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, "2".parse().unwrap());
        let two = Some(Duration::from_secs(2));
        assert_eq!(Fault::of(StatusCode::SERVICE_UNAVAILABLE, &headers), Some(Fault::Unavailable(two)));
        assert_eq!(Fault::of(StatusCode::TOO_MANY_REQUESTS, &headers), Some(Fault::TooMany(two)));
        assert_eq!(Fault::of(StatusCode::BAD_GATEWAY, &HeaderMap::new()), Some(Fault::Unavailable(None)));
        for status in [StatusCode::OK, StatusCode::CONFLICT, StatusCode::INTERNAL_SERVER_ERROR] {
            assert_eq!(Fault::of(status, &headers), None);
        }
    }
}
