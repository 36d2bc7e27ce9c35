//! Tick: create the runs of a schedule that is due.

use chrono::{DateTime, SecondsFormat, TimeDelta, Timelike as _, Utc};
use serde_json::{Map, Value};
use sqlx::Executor as _;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::due::{Due, MissedRuns};
use super::{Schedule, schedule_from};
use crate::dag::ParamsCache;
use crate::db::is_unavailable;
use crate::runs::{self, CreateError, CreateRequest, CreatedSummary, Creation, Dispatch, Labels, Scheduled};
use crate::scope::Scope;

/// What started the runs of a schedule.
const TRIGGER_TYPE: &str = "schedule";
/// A schedule whose times nobody can tell is looked at again after so long.
const UNREADABLE: TimeDelta = TimeDelta::hours(1);
const MAX_ERROR_CHARS: usize = 500;

/// What became of the times of a schedule that were due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ticked {
    /// How many runs it has created.
    pub created: u64,
    /// How many times have no run, since one could not be created.
    pub failed: u64,
}

/// Creates the runs of the schedule that are due, a hundred at most, and notes when it is due next: in the transaction of the caller, who has begun
/// one, so that both are done or neither is. Nothing is done if it is not due any more, or if somebody else has it.
///
/// A time whose run cannot be created has an error on the schedule instead, and is not tried again.
///
/// # Errors
/// [`sqlx::Error`]; the transaction has to be rolled back.
pub async fn tick_schedule(
    conn: &mut PgConnection,
    cache: &ParamsCache,
    scope: Scope,
    id: Uuid,
) -> Result<Ticked, sqlx::Error> {
    let row =
        sqlx::query_file!("sql/take_schedule.sql", scope.tenant(), id).fetch_optional(&mut *conn).await?;
    match row {
        Some(row) => {
            let now = row.now;
            tick(conn, cache, &schedule_from!(row), now).await
        }
        None => Ok(Ticked::default()),
    }
}

/// The same with a schedule that the caller has locked, if it is due at `now`.
pub(super) async fn tick(
    conn: &mut PgConnection,
    cache: &ParamsCache,
    schedule: &Schedule,
    now: DateTime<Utc>,
) -> Result<Ticked, sqlx::Error> {
    let Some(first) = schedule.next_due_at.filter(|first| *first <= now) else {
        return Ok(Ticked::default());
    };
    let due = match schedule.times() {
        Ok(times) => times.due(first, schedule.missed_runs, now),
        Err(error) => {
            let error = format!("its times cannot be told: {error}");
            return note(conn, schedule, Some(again(now)), vec![(first, Err(error))]).await;
        }
    };
    if due.passes_over {
        tracing::warn!(
            schedule.id = schedule.id.to_string(),
            tenant.id = schedule.tenant_id.to_string(),
            since = second(first),
            missed_runs = schedule.missed_runs.as_str(),
            "times of a schedule were missed, and get no run"
        );
    }
    let Due { times, next, .. } = due;
    let outcomes = create_all(conn, cache, schedule, &times).await?;
    note(conn, schedule, next, times.into_iter().zip(outcomes).collect()).await
}

/// When to look again at a schedule whose times nobody can tell: no whole minute, so that nobody takes that for one of them.
fn again(now: DateTime<Utc>) -> DateTime<Utc> {
    let again = now + UNREADABLE;
    again.with_nanosecond(1000).unwrap_or(again)
}

/// Whether more is due than could be created at once, so that the next sweep has to go on.
pub(super) fn is_behind(schedule: &Schedule, now: DateTime<Utc>) -> bool {
    let (Some(first), Ok(times)) = (schedule.next_due_at, schedule.times()) else { return false };
    first <= now && times.due(first, schedule.missed_runs, now).next.is_some_and(|next| next <= now)
}

/// Creates a run for each of these times; the runs, or why there is none, in this order.
async fn create_all(
    conn: &mut PgConnection,
    cache: &ParamsCache,
    schedule: &Schedule,
    times: &[DateTime<Utc>],
) -> Result<Vec<Result<CreatedSummary, String>>, sqlx::Error> {
    if times.is_empty() {
        return Ok(Vec::new());
    }
    let Some(request) = request(conn, schedule).await? else {
        return Ok(times.iter().map(|_| Err("the pipeline has no APPROVED version".to_owned())).collect());
    };
    let keys: Vec<_> =
        times.iter().map(|time| format!("schedule/{}/{}", schedule.id, second(*time))).collect();
    let creations: Vec<_> = times
        .iter()
        .zip(&keys)
        .map(|(time, key)| Creation {
            request: &request,
            // Of two runs for one time Postgres itself refuses the second.
            idempotency_key: Some(key),
            scheduled: Some(Scheduled { schedule_id: schedule.id, scheduled_for: *time }),
        })
        .collect();
    conn.execute(sqlx::raw_sql("savepoint creations")).await?;
    match runs::create_all(conn, cache, &creations).await {
        Ok(created) => {
            conn.execute(sqlx::raw_sql("release creations")).await?;
            Ok(created.into_iter().map(|created| created.map_err(|error| told(&error))).collect())
        }
        Err(error) if is_unavailable(&error) => Err(error),
        // Whatever Postgres has against these runs, it is the schedule's own matter: the others go on.
        Err(error) => {
            conn.execute(sqlx::raw_sql("rollback to creations")).await?;
            tracing::error!(
                schedule.id = schedule.id.to_string(),
                error = format!("{error:#}"),
                "Postgres refused the runs of a schedule"
            );
            Ok(times
                .iter()
                .map(|_| Err("Postgres refused the run: the sweep's log says why".to_owned()))
                .collect())
        }
    }
}

/// What its runs are created from. None: there is nothing to run.
async fn request(conn: &mut PgConnection, schedule: &Schedule) -> Result<Option<CreateRequest>, sqlx::Error> {
    let version = match schedule.pipeline_version_id {
        Some(version) => Some(version),
        None => {
            let row = sqlx::query_file!(
                "sql/version_to_run.sql",
                schedule.tenant_id,
                schedule.pipeline_id,
                None::<Uuid>,
            );
            row.fetch_optional(conn).await?.and_then(|row| row.version_id)
        }
    };
    Ok(version.map(|pipeline_version_id| CreateRequest {
        tenant_id: schedule.tenant_id,
        pipeline_version_id,
        parameters: Some(schedule.parameters.clone()),
        trigger_type: Some(TRIGGER_TYPE.to_owned()),
        dispatch: Some(schedule.dispatch),
        queue: schedule.queue.clone(),
        priority: Some(schedule.priority.into()),
        run_after: None,
        start_by: None,
        max_attempts: schedule.max_attempts,
        max_lost: Some(schedule.max_lost),
        labels: Some(schedule.labels.clone()),
        concurrency_key: schedule.concurrency_key.clone(),
        // Nobody asks for it at this moment whose trace could go on.
        traceparent: None,
    }))
}

/// Notes what became of these times, each with its run or why it has none, and when the schedule is due next.
async fn note(
    conn: &mut PgConnection,
    schedule: &Schedule,
    next: Option<DateTime<Utc>>,
    outcomes: Vec<(DateTime<Utc>, Result<CreatedSummary, String>)>,
) -> Result<Ticked, sqlx::Error> {
    let last = outcomes.iter().rev().find_map(|(time, run)| Some((*time, run.as_ref().ok()?.run.id)));
    let error = outcomes.last().and_then(|(_, run)| run.as_ref().err());
    let failed = outcomes.iter().filter(|(_, run)| run.is_err()).count() as u64;
    let created = outcomes.iter().filter(|(_, run)| run.as_ref().is_ok_and(|run| run.new)).count() as u64;
    if let Some(error) = error {
        tracing::error!(
            schedule.id = schedule.id.to_string(),
            tenant.id = schedule.tenant_id.to_string(),
            times = failed,
            error,
            "a schedule could not create a run"
        );
    }
    sqlx::query_file!(
        "sql/note_ticked_schedule.sql",
        schedule.id,
        next,
        last.map(|(time, _)| time),
        last.map(|(_, run)| run),
        error,
        !outcomes.is_empty(),
    )
    .execute(conn)
    .await?;
    Ok(Ticked { created, failed })
}

/// Why a run could not be created, in a sentence for the schedule's owner.
fn told(error: &CreateError) -> String {
    let text = match error {
        CreateError::InvalidParameters(faults) => {
            let first = faults.first().map(|fault| format!(": {} {}", fault.pointer, fault.detail));
            format!("{error}{}", first.unwrap_or_default())
        }
        CreateError::IdempotencyKeyReused => {
            "somebody else has used the Idempotency-Key of this time".to_owned()
        }
        CreateError::TenantNotFound
        | CreateError::VersionNotFound
        | CreateError::VersionNotApproved
        | CreateError::OpaqueSpecPushed { .. }
        | CreateError::Params(_)
        | CreateError::StartByPast
        | CreateError::Digest(_)
        | CreateError::Db(_) => error.to_string(),
    };
    text.chars().take(MAX_ERROR_CHARS).collect()
}

fn second(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
