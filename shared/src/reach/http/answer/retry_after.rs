//! What `Retry-After` asks for.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// More than that is not waited for.
const LONGEST: Duration = Duration::from_secs(3600);

/// How long to wait from now on: it is given in seconds, or as the time when to come back.
pub(in crate::reach::http) fn read(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // What has too many digits is too long.
        return Some(text.parse().map_or(LONGEST, Duration::from_secs).min(LONGEST));
    }
    let at = DateTime::parse_from_rfc2822(text).ok()?;
    // A time that has passed: at once.
    let wait = at.signed_duration_since(now).to_std().unwrap_or_default();
    Some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<u64> {
        let now = DateTime::parse_from_rfc3339("2026-07-01T12:00:00Z").unwrap().to_utc();
        read(text, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_and_dates_are_read_up_to_an_hour() {
        for (text, expected) in [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("3601", Some(3600)),
            ("99999999999999999999999999", Some(3600)),
            ("Wed, 01 Jul 2026 12:00:30 GMT", Some(30)),
            ("Wed, 01 Jul 2026 11:00:00 GMT", Some(0)),
            ("Thu, 01 Jul 2027 12:00:00 GMT", Some(3600)),
        ] {
            assert_eq!(at(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_neither_asks_for_nothing() {
        for text in ["", " ", "soon", "-1", "+5", "1.5", "2026-07-01T12:00:30Z", "12:00:30"] {
            assert_eq!(at(text), None, "{text:?}");
        }
    }
}
