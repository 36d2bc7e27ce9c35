//! What a run waits for, in words.

use serde_json::Value;

use crate::output::{moment, plain};

/// The `waiting_for` of a run as a phrase; None when it waits for nothing.
pub fn phrase(waiting_for: &Value) -> Option<String> {
    let reason = waiting_for["reason"].as_str()?;
    let time = |field: &str| waiting_for[field].as_str().map(moment);
    let until = time("until").map(|until| format!(" until {until}")).unwrap_or_default();
    Some(match reason {
        "delayed" => format!("waits{until}, as it was asked to"),
        "backoff" => format!("waits{until} after a failed attempt"),
        "dispatch" => "waits for SQS to be told".to_owned(),
        "worker" => {
            let told = waiting_for["dispatches"].as_u64().map(|times| match times {
                1 => ", SQS was told once".to_owned(),
                times => format!(", SQS was told {times} times"),
            });
            let again = time("next_dispatch_at").map(|at| format!(", again at {at}"));
            format!("waits for a worker{}{}", told.unwrap_or_default(), again.unwrap_or_default())
        }
        // A reason that a later API has.
        other => format!("waits: {}{until}", plain(other)),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_reason_has_its_words() {
        let at = "2026-11-23T11:40:48.5Z";
        let said = |waiting_for: Value| phrase(&waiting_for).unwrap();
        assert_eq!(
            said(json!({ "reason": "backoff", "since": at, "until": at })),
            "waits until 2026-11-23T11:40:48Z after a failed attempt"
        );
        assert_eq!(
            said(json!({ "reason": "delayed", "until": at })),
            "waits until 2026-11-23T11:40:48Z, as it was asked to"
        );
        assert_eq!(said(json!({ "reason": "dispatch" })), "waits for SQS to be told");
        assert_eq!(said(json!({ "reason": "worker" })), "waits for a worker");
        assert_eq!(
            said(json!({ "reason": "worker", "dispatches": 2, "next_dispatch_at": at })),
            "waits for a worker, SQS was told 2 times, again at 2026-11-23T11:40:48Z"
        );
        assert_eq!(said(json!({ "reason": "tenant_limit" })), "waits: tenant_limit");
        assert_eq!(phrase(&Value::Null), None);
    }
}
