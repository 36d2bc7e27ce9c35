//! `wait`: nothing, for some time.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use crate::dag::execute::attempt::Failure;
use crate::dag::words::shown;
use crate::runs::is_storable;

/// A year.
const MAX_SECONDS: f64 = 31_536_000.0;
const INVALID_WAIT: &str = "invalid_wait";

/// When it is over.
pub(super) fn until(with: &Map<String, Value>, now: DateTime<Utc>) -> Result<DateTime<Utc>, Failure> {
    if let Some(seconds) = with.get("seconds") {
        let milliseconds = seconds
            .as_f64()
            .filter(|seconds| (0.0..=MAX_SECONDS).contains(seconds))
            .map(|seconds| TimeDelta::milliseconds((seconds * 1000.0) as i64));
        return milliseconds.map(|wait| now + wait).ok_or_else(|| {
            let message =
                format!("\"seconds\" must be a number from 0 to 31536000 (a year), is {}", shown(seconds));
            Failure::new(INVALID_WAIT, message)
        });
    }
    let until = with.get("until").unwrap_or(&Value::Null);
    let time = until.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    let time = time
        .map(|time| time.with_timezone(&Utc))
        .filter(|time| is_storable(time) && *time - now <= TimeDelta::days(366));
    time.ok_or_else(|| {
        let message = format!(
            "\"until\" must be a time within a year such as \"2026-12-24T18:00:00Z\", is {}",
            shown(until)
        );
        Failure::new(INVALID_WAIT, message)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wait(with: Value) -> Result<i64, String> {
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        let until = until(with.as_object().unwrap(), now).map_err(|failure| failure.error.message)?;
        Ok((until - now).num_milliseconds())
    }

    #[test]
    fn seconds_count_from_now_and_times_are_as_they_are() {
        assert_eq!(wait(json!({"seconds": 1.5})), Ok(1_500));
        assert_eq!(wait(json!({"seconds": 0})), Ok(0));
        assert_eq!(wait(json!({"until": "2026-11-24T14:00:01+01:00"})), Ok(3_601_000));
        assert_eq!(wait(json!({"until": "2026-11-24T11:59:59Z"})), Ok(-1_000));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for with in [
            json!({"seconds": -1}),
            json!({"seconds": "1"}),
            json!({"seconds": null}),
            json!({"seconds": 31_536_001}),
            json!({"until": "tomorrow"}),
            json!({"until": "9999-01-01T00:00:00Z"}),
            json!({"until": "0000-01-01T00:00:00Z"}),
            json!({}),
        ] {
            assert!(wait(with.clone()).is_err(), "{with}");
        }
    }
}
