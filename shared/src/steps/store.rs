//! Store: what several steps and items have led to, under the token of the claim.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::lines::line;
use super::{StepRecord, StepResults};
use crate::problem::Problem;
use crate::runs::{HeartbeatError, cut, cut_after, refusal_with_token};
use crate::scope::Scope;

/// A line of the log is kept up to this many bytes.
const MAX_LINE_BYTES: usize = crate::evidence::MAX_MESSAGE_BYTES;

/// What a worker outside sends to store results.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StoreStepsRequest {
    /// From the claim.
    pub lease_token: Uuid,
    /// Each step or item once, 1 to 1000 of them.
    #[schema(min_items = 1, max_items = 1000)]
    pub steps: Vec<StepRecord>,
    /// How long this attempt of the run has been worked on so far, over all its claims, in milliseconds; 0 if left out.
    #[schema(minimum = 0)]
    pub worked_ms: Option<i64>,
}

impl StoreStepsRequest {
    /// Checks every bound.
    ///
    /// # Errors
    /// As [`StepResults::check`].
    pub fn check(&self) -> Result<(), Problem> {
        self.clone().into_results().1.check()
    }

    /// The token, and what is stored under it.
    pub fn into_results(self) -> (Uuid, StepResults) {
        (self.lease_token, StepResults { steps: self.steps, worked_ms: self.worked_ms.unwrap_or(0) })
    }
}

/// The results were stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct StoredSteps {
    /// Always true.
    pub ok: bool,
    /// How many of the steps and items are others now than before; the rest had been stored, or had ended, before.
    pub changed: i64,
    /// Whose run it is, for the log.
    #[serde(skip)]
    #[schema(ignore)]
    pub tenant_id: Uuid,
    /// Which attempt of the run, for the log.
    #[serde(skip)]
    #[schema(ignore)]
    pub attempt: i32,
}

/// Stores results of steps and items of a RUNNING run, all or none of them, and tells the run's log about what has changed. They belong to the
/// attempt that is under way, whatever their `run_attempt` says. What has ended within this attempt stays as it is: storing twice is storing
/// once. Messages are cut after 8 KiB; `output_bytes` of an output that is given is measured here; what has ended and does not say when, ended now.
/// The results have passed [`StepResults::check`].
///
/// # Errors
/// [`HeartbeatError`], as for a heartbeat with this token, but that a lease which has expired will do until somebody takes the run over; nothing
/// was stored.
pub async fn store(
    conn: &mut PgConnection,
    scope: Scope,
    run_id: Uuid,
    lease_token: Uuid,
    results: &StepResults,
) -> Result<StoredSteps, HeartbeatError> {
    let columns = Columns::of(&results.steps);
    let row = sqlx::query_file!(
        "sql/store_steps.sql",
        scope.tenant(),
        run_id,
        lease_token,
        results.worked_ms,
        &columns.step_ids[..] as _,
        &columns.items,
        &columns.statuses[..] as _,
        &columns.reasons[..] as _,
        &columns.attempts,
        &columns.outputs[..] as _,
        &columns.output_refs[..] as _,
        &columns.output_bytes[..] as _,
        &columns.errors[..] as _,
        &columns.error_messages[..] as _,
        &columns.started_at[..] as _,
        &columns.finished_at[..] as _,
        &columns.resume_at[..] as _,
        &columns.line_ids,
        &columns.line_levels[..] as _,
        &columns.line_messages[..] as _,
        &columns.start_ids,
    )
    .fetch_optional(&mut *conn)
    .await?;
    match row {
        Some(row) => {
            Ok(StoredSteps { ok: true, changed: row.changed, tenant_id: row.tenant_id, attempt: row.attempt })
        }
        None => Err(refusal_with_token(conn, scope, run_id, lease_token).await?.into()),
    }
}

/// The records as the statement takes them: an array for each column.
#[derive(Default)]
struct Columns<'a> {
    step_ids: Vec<&'a str>,
    items: Vec<i32>,
    statuses: Vec<&'static str>,
    reasons: Vec<Option<&'static str>>,
    attempts: Vec<i32>,
    outputs: Vec<Option<Json<&'a serde_json::Value>>>,
    output_refs: Vec<Option<&'a str>>,
    output_bytes: Vec<Option<i64>>,
    errors: Vec<Option<&'a str>>,
    error_messages: Vec<Option<String>>,
    started_at: Vec<Option<DateTime<Utc>>>,
    finished_at: Vec<Option<DateTime<Utc>>>,
    resume_at: Vec<Option<DateTime<Utc>>>,
    /// In front of the others, as the log is read in the order of its ids.
    start_ids: Vec<Uuid>,
    line_ids: Vec<Uuid>,
    line_levels: Vec<Option<&'static str>>,
    line_messages: Vec<Option<String>>,
}

impl<'a> Columns<'a> {
    fn of(steps: &'a [StepRecord]) -> Self {
        let mut columns = Self::default();
        for step in steps {
            columns.push(step);
        }
        columns
    }

    fn push(&mut self, step: &'a StepRecord) {
        self.step_ids.push(&step.step_id);
        self.items.push(step.item.unwrap_or(-1));
        self.statuses.push(step.status.as_str());
        self.reasons.push(step.reason.map(super::SkipReason::as_str));
        self.attempts.push(step.attempts);
        self.outputs.push(step.output.as_ref().map(Json));
        self.output_refs.push(step.output_ref.as_deref());
        let measured = step.output.as_ref().map(|output| output.to_string().len() as i64);
        self.output_bytes.push(measured.or(step.output_bytes));
        self.errors.push(step.error.as_ref().map(|error| error.error.as_str()));
        self.error_messages.push(step.error.as_ref().map(|error| cut(&error.message)));
        self.started_at.push(step.started_at);
        self.finished_at.push(step.finished_at);
        self.resume_at.push(step.resume_at);
        let line = line(step);
        self.start_ids.push(Uuid::now_v7());
        self.line_ids.push(Uuid::now_v7());
        self.line_levels.push(line.as_ref().map(|(level, _)| level.as_str()));
        self.line_messages.push(line.map(|(_, message)| cut_after(&message, MAX_LINE_BYTES)));
    }
}
