//! What a run's log is told of its steps when they are stored.

use std::fmt::Write as _;

use chrono::SecondsFormat;

use super::{StepRecord, StepStatus};
use crate::evidence::LogLevel;

/// The line about a step or an item: what has begun, waits, ended or was skipped. Of items only those that FAILED or are tried again. A text
/// that reads alone.
pub(super) fn line(step: &StepRecord) -> Option<(LogLevel, String)> {
    let name = match step.item {
        None => format!("step {}", step.step_id),
        Some(item) => format!("step {}, item {item}", step.step_id),
    };
    let error = step.error.as_ref().map(|error| match error.message.as_str() {
        "" => error.error.clone(),
        message => format!("{}: {message}", error.error),
    });
    let after = if step.attempts > 1 { format!(" after {} attempts", step.attempts) } else { String::new() };
    let at = step.resume_at.map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true));
    match (step.status, step.item, at) {
        (StepStatus::Pending, _, Some(at)) => {
            let next = step.attempts + 1;
            Some((
                LogLevel::Warning,
                match error {
                    Some(error) => {
                        format!(
                            "{name}: attempt {} FAILED: {error}; attempt {next} is due at {at}",
                            step.attempts
                        )
                    }
                    None => format!("{name}: attempt {next} is due at {at}"),
                },
            ))
        }
        (StepStatus::Failed, _, _) => {
            Some((LogLevel::Error, format!("{name} FAILED{after}: {}", error.unwrap_or_default())))
        }
        (StepStatus::Pending, _, None) | (_, Some(_), _) => None,
        (StepStatus::Running, None, Some(at)) => Some((LogLevel::Info, format!("{name} waits until {at}"))),
        (StepStatus::Running, None, None) if step.attempts > 1 => {
            Some((LogLevel::Info, format!("{name}: attempt {} started", step.attempts)))
        }
        (StepStatus::Running, None, None) => Some((LogLevel::Info, format!("{name} started"))),
        (StepStatus::Succeeded, None, _) => {
            Some((LogLevel::Info, format!("{name} SUCCEEDED{after}{}", duration(step))))
        }
        (StepStatus::Skipped, None, _) => {
            let reason = step.reason.map(super::SkipReason::as_str).unwrap_or_default();
            Some((LogLevel::Info, format!("{name} skipped: {reason}")))
        }
        (StepStatus::Cancelled, None, _) => Some((LogLevel::Warning, format!("{name} CANCELLED"))),
    }
}

/// ` in 120 ms`, ` in 75.3 s`; nothing where nobody knows.
fn duration(step: &StepRecord) -> String {
    let mut text = String::new();
    if let (Some(started), Some(finished)) = (step.started_at, step.finished_at) {
        let ms = (finished - started).num_milliseconds().max(0);
        if ms < 10_000 {
            write!(text, " in {ms} ms").ok();
        } else {
            write!(text, " in {}.{} s", ms / 1000, ms % 1000 / 100).ok();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(more: Value) -> Option<String> {
        let mut step = json!({ "step_id": "load", "status": "SUCCEEDED", "attempts": 1 });
        step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        line(&serde_json::from_value(step).unwrap())
            .map(|(level, message)| format!("{}: {message}", level.as_str()))
    }

    #[test]
    fn a_line_reads_alone() {
        let error = json!({ "error": "http_status", "message": "503 Service Unavailable" });
        let (start, soon, late) =
            ("2026-11-24T08:00:00Z", "2026-11-24T08:00:00.120Z", "2026-11-24T08:01:15.34Z");
        for (step, expected) in [
            (json!({ "status": "RUNNING" }), "info: step load started"),
            (json!({ "status": "RUNNING", "attempts": 2 }), "info: step load: attempt 2 started"),
            (
                json!({ "status": "RUNNING", "resume_at": start }),
                "info: step load waits until 2026-11-24T08:00:00.000Z",
            ),
            (json!({ "started_at": start, "finished_at": soon }), "info: step load SUCCEEDED in 120 ms"),
            (
                json!({ "started_at": start, "finished_at": late, "attempts": 2 }),
                "info: step load SUCCEEDED after 2 attempts in 75.3 s",
            ),
            (json!({}), "info: step load SUCCEEDED"),
            (
                json!({ "status": "FAILED", "attempts": 3, "error": error }),
                "error: step load FAILED after 3 attempts: http_status: 503 Service Unavailable",
            ),
            (
                json!({ "status": "FAILED", "item": 4, "error": { "error": "timeout", "message": "" } }),
                "error: step load, item 4 FAILED: timeout",
            ),
            (
                json!({ "status": "PENDING", "error": error, "resume_at": start }),
                "warning: step load: attempt 1 FAILED: http_status: 503 Service Unavailable; attempt 2 is due at 2026-11-24T08:00:00.000Z",
            ),
            (
                json!({ "status": "PENDING", "item": 0, "attempts": 2, "resume_at": start }),
                "warning: step load, item 0: attempt 3 is due at 2026-11-24T08:00:00.000Z",
            ),
            (
                json!({ "status": "SKIPPED", "reason": "upstream_failed", "attempts": 0 }),
                "info: step load skipped: upstream_failed",
            ),
            (json!({ "status": "CANCELLED" }), "warning: step load CANCELLED"),
        ] {
            assert_eq!(told(step.clone()).as_deref(), Some(expected), "{step}");
        }
    }

    #[test]
    fn what_goes_well_with_an_item_is_not_told() {
        for status in ["RUNNING", "SUCCEEDED", "CANCELLED", "PENDING"] {
            assert_eq!(told(json!({ "status": status, "item": 0 })), None, "{status}");
        }
        assert_eq!(told(json!({ "status": "PENDING" })), None);
    }
}
