//! What a retry from what failed keeps: results of steps that need not run again.

use std::collections::HashMap;

use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::scope::Scope;
use crate::steps::{Outline, StepRow, StepStatus, counting, is_opaque};

/// The steps of which something is kept, as the statement of a retry takes them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    /// Their ids.
    pub(super) step_ids: Vec<String>,
    /// Whether the step as a whole is kept; else those of its items that need not run again.
    pub(super) whole: Vec<bool>,
    /// Rows of an older attempt than this are not kept: they were made from what is not so any more.
    pub(super) oldest: Vec<i32>,
}

/// What may be kept of a run.
#[derive(Debug)]
pub(super) enum Keep {
    /// These steps.
    Steps(Kept),
    /// The run's spec, or that of the version, is read by its own workers: nobody else knows which of its steps need not run again.
    Opaque,
    /// There is nothing to retry, or no such APPROVED version.
    Nothing,
}

/// What a retry of this run keeps on this version, or on the run's own.
///
/// # Errors
/// [`sqlx::Error`].
pub(super) async fn keep(
    conn: &mut PgConnection,
    scope: Scope,
    run_id: Uuid,
    pipeline_version_id: Option<Uuid>,
) -> Result<Keep, sqlx::Error> {
    let row = sqlx::query_file!("sql/kept_steps.sql", scope.tenant(), run_id, pipeline_version_id)
        .fetch_optional(conn)
        .await?;
    let Some(row) = row else { return Ok(Keep::Nothing) };
    if is_opaque(&row.before) || is_opaque(&row.after) {
        return Ok(Keep::Opaque);
    }
    Ok(Keep::Steps(kept(&row.before, &row.after, &row.steps.0)))
}

/// What is kept of the rows that were made by one spec in a run by another one: of steps that are the same in both, what counts by the rule for
/// attempts.
fn kept(before: &Value, after: &Value, rows: &[StepRow]) -> Kept {
    let (before, after) = (Outline::of(before), Outline::of(after));
    let rows: HashMap<&str, (i32, StepStatus)> =
        rows.iter().map(|row| (row.step_id(), row.place())).collect();
    let same: Vec<bool> = (0..after.steps.len()).map(|place| after.is_same(place, &before)).collect();
    let places: Vec<_> = after
        .steps
        .iter()
        .zip(&same)
        .map(|(step, same)| rows.get(step.id).copied().filter(|_| *same))
        .collect();
    // An attempt that is newer than all of them: what FAILED does not count.
    let counts = counting(&after.dependencies(), &places, i32::MAX);
    let mut kept = Kept::default();
    for (place, step) in after.steps.iter().enumerate() {
        let made_from = step.dependencies.iter().try_fold(0, |newest, &on| {
            places[on].filter(|_| counts[on]).map(|(attempt, _)| newest.max(attempt))
        });
        let Some(oldest) = made_from.filter(|_| counts[place] || (same[place] && step.for_each)) else {
            continue;
        };
        kept.step_ids.push(step.id.to_owned());
        kept.whole.push(counts[place]);
        kept.oldest.push(oldest);
    }
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Each as `id whole oldest`.
    fn texts(before: &Value, after: &Value, rows: Value) -> Vec<String> {
        let mut rows: Vec<Value> = serde_json::from_value(rows).unwrap();
        for row in &mut rows {
            row["attempts"] = json!(1);
        }
        let rows: Vec<StepRow> = serde_json::from_value(json!(rows)).unwrap();
        let Kept { step_ids, whole, oldest } = kept(before, after, &rows);
        let texts = step_ids.iter().zip(whole).zip(oldest);
        texts.map(|((id, whole), oldest)| format!("{id} {whole} {oldest}")).collect()
    }

    fn row(step_id: &str, run_attempt: i32, status: &str) -> Value {
        json!({ "step_id": step_id, "run_attempt": run_attempt, "status": status })
    }

    #[test]
    fn what_failed_and_what_depends_on_it_runs_again() {
        let spec = json!({ "steps": ["a", "b", "c"] });
        let rows = json!([row("a", 2, "SUCCEEDED"), row("b", 3, "FAILED"), row("c", 3, "SKIPPED")]);
        assert_eq!(texts(&spec, &spec, rows), ["a true 0"]);
        let rows = json!([row("a", 2, "SUCCEEDED"), row("b", 3, "SUCCEEDED"), row("c", 3, "RUNNING")]);
        assert_eq!(texts(&spec, &spec, rows), ["a true 0", "b true 2"]);
    }

    #[test]
    fn what_has_changed_and_what_depends_on_it_runs_again() {
        let spec = |value: i32| {
            json!({ "steps": [
                { "id": "a", "type": "transform", "with": { "value": 1 } },
                { "id": "b", "type": "transform", "with": { "value": value }, "depends_on": ["a"] },
                { "id": "c", "type": "transform", "with": { "value": 1 }, "depends_on": ["b"] },
                { "id": "d", "type": "transform", "with": { "value": 1 }, "depends_on": ["a"] },
            ] })
        };
        let rows = json!([
            row("a", 1, "SUCCEEDED"),
            row("b", 1, "SUCCEEDED"),
            row("c", 1, "SUCCEEDED"),
            row("d", 1, "SUCCEEDED"),
        ]);
        assert_eq!(texts(&spec(1), &spec(1), rows.clone()), ["a true 0", "b true 1", "c true 1", "d true 1"]);
        assert_eq!(texts(&spec(1), &spec(2), rows), ["a true 0", "d true 1"]);
    }

    #[test]
    fn of_a_step_that_failed_the_items_that_did_not_are_kept() {
        let spec =
            json!({ "steps": ["a", { "id": "b", "depends_on": ["a"], "for_each": { "items": [1] } }] });
        let rows = json!([row("a", 1, "SUCCEEDED"), row("b", 1, "FAILED")]);
        assert_eq!(texts(&spec, &spec, rows), ["a true 0", "b false 1"]);
        let rows = json!([row("a", 1, "FAILED"), row("b", 1, "FAILED")]);
        assert_eq!(texts(&spec, &spec, rows), [""; 0]);
    }
}
