//! What expressions see.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::RunContext;
use crate::dag::spec::Step;

/// A time as expressions read it.
fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The context of a run in which these steps have ended. A step sees those that have ended whenever it starts, and no others: so that each attempt
/// sees the same.
pub(super) fn document(run: &RunContext, steps: impl Iterator<Item = (String, Value)>) -> Value {
    let mut fields = Map::new();
    fields.insert(
        "run".to_owned(),
        json!({
            "id": run.id,
            "tenant_id": run.tenant_id,
            "pipeline_version_id": run.pipeline_version_id,
            "trigger_type": run.trigger_type,
            "scheduled_for": run.scheduled_for.map(time),
            "attempt": run.attempt,
            "started_at": time(run.started_at),
        }),
    );
    fields.insert("params".to_owned(), run.params.clone());
    fields.insert("steps".to_owned(), Value::Object(steps.collect()));
    Value::Object(fields)
}

/// Whether a template is its own value: nothing in it is evaluated.
pub(super) fn is_plain(template: &Value) -> bool {
    match template {
        Value::String(text) => !text.contains("${"),
        Value::Array(items) => items.iter().all(is_plain),
        Value::Object(fields) => fields.values().all(is_plain),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

/// Whether a step has an expression.
pub(super) fn is_read(step: &Step) -> bool {
    let for_each = step.for_each.as_ref().is_some_and(|for_each| !is_plain(&for_each.items));
    let output = step.output.as_ref().is_some_and(|output| !is_plain(output));
    step.condition.is_some() || for_each || output || !is_plain(&step.with)
}
