//! The steps as a run shows them: those of its spec, and what its workers have reported besides.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::counts::is_kept;
use super::{Outline, SkipReason, StepError, StepStatus, counting};

/// A step without its output.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StepSummary {
    /// Its id in the dag_spec, or as its worker reported it.
    pub step_id: String,
    /// Its type; null for a step given as a string, and for one that the dag_spec does not have.
    pub r#type: Option<String>,
    /// Where it stands. CANCELLED: the run ended before it did.
    pub status: StepStatus,
    /// Why it was SKIPPED.
    pub reason: Option<SkipReason>,
    /// How many attempts of it have begun, in this attempt of the run.
    pub attempts: i32,
    /// Why its last attempt failed, its message cut after 500 characters.
    pub error: Option<StepError>,
    /// When its first attempt began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// PENDING: when its next attempt is due. RUNNING: when the wait is over.
    pub resume_at: Option<DateTime<Utc>>,
    /// How long its output is as compact JSON, in bytes.
    pub output_bytes: Option<i64>,
    /// Where its output is when it was too large for the database.
    pub output_ref: Option<String>,
    /// Which attempt of the run it belongs to; 0: kept from the run that this one retries; null: it has not begun.
    pub run_attempt: Option<i32>,
    /// Of a step that runs once for each item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<ItemCounts>,
}

/// How far the items of a step are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ItemCounts {
    /// Those that have begun or ended.
    pub total_known: i64,
    /// Those that SUCCEEDED.
    pub succeeded: i64,
    /// Those that FAILED.
    pub failed: i64,
    /// Those that are being worked on.
    pub running: i64,
}

/// A step as it is stored, without its output.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct StepRow {
    step_id: String,
    run_attempt: i32,
    status: StepStatus,
    reason: Option<SkipReason>,
    attempts: i32,
    error: Option<String>,
    error_message: Option<String>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    resume_at: Option<DateTime<Utc>>,
    output_bytes: Option<i64>,
    output_ref: Option<String>,
}

/// How many items of a step stand so.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ItemGroup {
    step_id: String,
    run_attempt: i32,
    status: StepStatus,
    count: i64,
}

impl StepRow {
    /// As [`counting`] takes it.
    pub(crate) fn place(&self) -> (i32, StepStatus) {
        (self.run_attempt, self.status)
    }

    /// Whose row it is.
    pub(crate) fn step_id(&self) -> &str {
        &self.step_id
    }
}

/// The steps of a run in the order of its spec, then those that are only stored, by id. `attempt` is that of the run; `has_ended`: nobody will work on
/// what has not ended.
pub(crate) fn summaries(
    dag_spec: &Value,
    rows: Vec<StepRow>,
    items: &[ItemGroup],
    attempt: i32,
    has_ended: bool,
) -> Vec<StepSummary> {
    let outline = Outline::of(dag_spec);
    let mut rows: BTreeMap<String, StepRow> =
        rows.into_iter().map(|row| (row.step_id.clone(), row)).collect();
    let mut groups: HashMap<&str, Vec<&ItemGroup>> = HashMap::new();
    for group in items {
        groups.entry(&group.step_id).or_default().push(group);
    }
    let places: Vec<_> = outline.steps.iter().map(|step| rows.get(step.id).map(StepRow::place)).collect();
    let counts = counting(&outline.dependencies(), &places, attempt);
    let mut steps = Vec::new();
    for (number, step) in outline.steps.iter().enumerate() {
        // What it was made from: nothing older than this counts, and nothing at all if that is not there.
        let floor = step.dependencies.iter().try_fold(0, |floor, &on| {
            places[on].filter(|_| counts[on]).map(|(of_attempt, _)| floor.max(of_attempt))
        });
        let of_step = groups.remove(step.id).unwrap_or_default();
        let row = rows.remove(step.id).filter(|_| counts[number] || has_ended);
        let known = item_counts(&of_step, floor, row.as_ref(), attempt, has_ended);
        let items = (step.for_each || !of_step.is_empty()).then_some(known);
        steps.push(summary(step.id, step.r#type, row, items, has_ended));
    }
    // Nobody knows what these wait for, so each counts by itself. Some may have items and no row of their own.
    let mut others: BTreeMap<String, Option<StepRow>> =
        rows.into_iter().map(|(id, row)| (id, Some(row))).collect();
    for id in groups.keys() {
        others.entry((*id).to_owned()).or_default();
    }
    for (id, row) in others {
        let counts = row.as_ref().is_some_and(|row| row.run_attempt == attempt || is_kept(row.status));
        let of_step = groups.remove(id.as_str()).unwrap_or_default();
        let row = row.filter(|_| counts || has_ended);
        let known = item_counts(&of_step, Some(0), row.as_ref(), attempt, has_ended);
        steps.push(summary(&id, None, row, (!of_step.is_empty()).then_some(known), has_ended));
    }
    steps
}

/// The items that count: as steps do, and those that are of the same attempt as the row of their step, if that counts.
fn item_counts(
    groups: &[&ItemGroup],
    floor: Option<i32>,
    step: Option<&StepRow>,
    attempt: i32,
    has_ended: bool,
) -> ItemCounts {
    let mut counts = ItemCounts::default();
    for group in groups {
        let kept = floor.is_some_and(|floor| floor <= group.run_attempt)
            && (is_kept(group.status) || step.is_some_and(|step| step.run_attempt == group.run_attempt));
        if !(kept || group.run_attempt == attempt || has_ended) {
            continue;
        }
        counts.total_known += group.count;
        match group.status {
            StepStatus::Succeeded => counts.succeeded += group.count,
            StepStatus::Failed => counts.failed += group.count,
            StepStatus::Running if !has_ended => counts.running += group.count,
            StepStatus::Running | StepStatus::Pending | StepStatus::Skipped | StepStatus::Cancelled => {}
        }
    }
    counts
}

fn summary(
    id: &str,
    r#type: Option<&str>,
    row: Option<StepRow>,
    items: Option<ItemCounts>,
    has_ended: bool,
) -> StepSummary {
    let unfinished = if has_ended { StepStatus::Cancelled } else { StepStatus::Pending };
    let none = StepSummary {
        step_id: id.to_owned(),
        r#type: r#type.map(str::to_owned),
        status: unfinished,
        reason: None,
        attempts: 0,
        error: None,
        started_at: None,
        finished_at: None,
        resume_at: None,
        output_bytes: None,
        output_ref: None,
        run_attempt: None,
        items,
    };
    let Some(row) = row else { return none };
    let gone = has_ended && !row.status.is_terminal();
    StepSummary {
        status: if gone { StepStatus::Cancelled } else { row.status },
        reason: row.reason,
        attempts: row.attempts,
        error: row.error.zip(row.error_message).map(|(error, message)| StepError { error, message }),
        started_at: row.started_at,
        finished_at: row.finished_at,
        resume_at: row.resume_at.filter(|_| !gone),
        output_bytes: row.output_bytes,
        output_ref: row.output_ref,
        run_attempt: Some(row.run_attempt),
        ..none
    }
}

#[cfg(test)]
mod tests;
