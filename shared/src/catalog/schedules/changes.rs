//! What a change of a schedule was, for the audit.

use serde_json::{Map, Value, json};

use super::Schedule;

/// What its owner says about a schedule, but for its parameters: those may be nobody else's business.
const NOTED: [&str; 15] = [
    "name",
    "pipeline_version_id",
    "cron",
    "time_zone",
    "missed_runs",
    "starts_at",
    "ends_at",
    "paused",
    "queue",
    "priority",
    "labels",
    "dispatch",
    "max_attempts",
    "max_lost",
    "concurrency_key",
];

/// What has changed, as the details of an entry: `{"paused": {"from": false, "to": true}}`, and of the parameters only that they have; None: nothing.
pub fn schedule_changes(before: &Schedule, after: &Schedule) -> Option<Value> {
    let (old, new) = (json!(before), json!(after));
    let changed = NOTED.into_iter().filter(|name| old[name] != new[name]);
    let mut changed: Map<_, _> = changed
        .map(|name| (name.to_owned(), json!({"from": old[name].clone(), "to": new[name].clone()})))
        .collect();
    if before.parameters != after.parameters {
        changed.insert("parameters".to_owned(), json!("changed"));
    }
    (!changed.is_empty()).then_some(Value::Object(changed))
}
