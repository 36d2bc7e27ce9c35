//! What objects of the API look like.

use chrono::DateTime;
use serde_json::Value;

/// Whether a value is of the type that a field has.
type Fits = fn(&Value) -> bool;

/// Asserts that `run` has every field of a run with its type, and no token.
#[track_caller]
pub fn assert_run(run: &Value) {
    let fields: [(&str, Fits); 29] = [
        ("id", is_uuid),
        ("tenant_id", is_uuid),
        ("pipeline_id", is_uuid),
        ("pipeline_version_id", is_uuid),
        ("status", Value::is_string),
        ("trigger_type", Value::is_string),
        ("parameters", Value::is_object),
        ("queue", Value::is_string),
        ("priority", Value::is_i64),
        ("labels", Value::is_object),
        ("dispatch", Value::is_string),
        ("available_at", is_time),
        ("attempt", Value::is_i64),
        ("max_attempts", Value::is_i64),
        ("lost", Value::is_i64),
        ("max_lost", Value::is_i64),
        ("root_run_id", is_uuid),
        ("created_at", is_time),
        ("updated_at", is_time),
        ("retry_of_run_id", |id| id.is_null() || is_uuid(id)),
        ("schedule_id", |id| id.is_null() || is_uuid(id)),
        ("scheduled_for", is_time_or_null),
        ("claimed_by", |name| name.is_null() || name.is_string()),
        ("claimed_at", is_time_or_null),
        ("lease_expires_at", is_time_or_null),
        ("heartbeat_at", is_time_or_null),
        ("started_at", is_time_or_null),
        ("finished_at", is_time_or_null),
        ("error_message", |text| text.is_null() || text.is_string()),
    ];
    for (field, fits) in fields {
        let value = run.get(field).unwrap_or_else(|| panic!("the run has no {field}: {run}"));
        assert!(fits(value), "the run's {field} is {value}");
    }
    for field in ["output", "error_code"] {
        assert!(run.get(field).is_some(), "the run has no {field}: {run}");
    }
    assert!(run.get("lease_token").is_none(), "the run tells its lease token");
}

/// Whether `value` is a UUID in the usual form.
pub fn is_uuid(value: &Value) -> bool {
    value.as_str().is_some_and(|id| id.len() == 36 && uuid::Uuid::parse_str(id).is_ok())
}

/// Whether `value` is a time, RFC 3339 in UTC with a `Z`.
pub fn is_time(value: &Value) -> bool {
    value.as_str().is_some_and(|time| time.ends_with('Z') && DateTime::parse_from_rfc3339(time).is_ok())
}

/// Whether `value` is a time or null.
fn is_time_or_null(value: &Value) -> bool {
    value.is_null() || is_time(value)
}

/// The seconds from `earlier` to `later`.
#[track_caller]
pub fn seconds_between(earlier: &Value, later: &Value) -> f64 {
    let time = |value: &Value| {
        let text = value.as_str().unwrap_or_else(|| panic!("{value} is no time"));
        DateTime::parse_from_rfc3339(text).unwrap_or_else(|fault| panic!("{text} is no time: {fault}"))
    };
    (time(later) - time(earlier)).as_seconds_f64()
}
