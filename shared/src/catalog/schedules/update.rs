//! Change a schedule.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::cron::CronError;
use super::due::MissedRuns;
use super::fields::Fields;
use super::refusal::{ScheduleRefusal, Work, first_due};
use super::tick::{Ticked, is_behind, tick};
use super::{Schedule, schedule_from};
use crate::catalog::{Patch, is_taken};
use crate::dag::ParamsCache;
use crate::problem::Problem;
use crate::runs::{Dispatch, Faults, Labels};
use crate::scope::Scope;
use crate::strict;

/// What a client sends to change a schedule. What is left out stays. The pipeline stays in any case.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub struct UpdateScheduleRequest {
    /// 1 to 200 characters that no other schedule of the tenant is called by.
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
    /// An APPROVED version of the pipeline; null = of those that are APPROVED when a run is due, the one that was approved last.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    pub pipeline_version_id: Patch<Uuid>,
    /// Five fields: minute, hour, day of month, month, day of week.
    #[schema(min_length = 9, max_length = 200)]
    pub cron: Option<String>,
    /// A name of the IANA database, such as `Europe/Berlin`.
    pub time_zone: Option<String>,
    /// What becomes of times that passed more than five minutes ago, and have no run.
    #[serde(default, deserialize_with = "strict::optional_word")]
    pub missed_runs: Option<MissedRuns>,
    /// No time before it counts; null = any does.
    #[serde(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    pub starts_at: Patch<DateTime<Utc>>,
    /// No time after it counts; null = any does.
    #[serde(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    pub ends_at: Patch<DateTime<Utc>>,
    /// Whether it is never due. When it goes on, its first time after that is the first that counts.
    pub paused: Option<bool>,
    /// As the version's `params` ask, none of them secret; up to 16 KiB.
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Map<String, Value>>,
    /// 1 to 100 characters; null = the pipeline's queue, else `default`.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100)]
    pub queue: Patch<String>,
    /// 0 to 9, 9 is claimed first.
    #[schema(minimum = 0, maximum = 9)]
    pub priority: Option<i32>,
    /// At most 16, keys of 1 to 63 and values of up to 255 characters: all of them from now on.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    pub labels: Option<Labels>,
    /// `push` or `pull`.
    #[serde(default, deserialize_with = "strict::optional_word")]
    pub dispatch: Option<Dispatch>,
    /// 1 to 20; null = as the dag_spec's `retry` says, else 1.
    #[serde(default)]
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 20)]
    pub max_attempts: Patch<i32>,
    /// 0 to 20.
    #[schema(minimum = 0, maximum = 20)]
    pub max_lost: Option<i32>,
    /// 1 to 200 characters: at most one run of the tenant with this key is RUNNING at a time; null = no bound.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    pub concurrency_key: Patch<String>,
}

impl UpdateScheduleRequest {
    /// Checks every bound.
    ///
    /// # Errors
    /// `invalid_field` or `payload_too_large`, with every field that is out of bounds.
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = Faults::default();
        let fields = Fields {
            name: self.name.as_deref(),
            cron: self.cron.as_deref(),
            time_zone: self.time_zone.as_deref(),
            starts_at: self.starts_at.value().copied(),
            ends_at: self.ends_at.value().copied(),
            parameters: self.parameters.as_ref(),
            queue: self.queue.value().map(String::as_str),
            priority: self.priority,
            labels: self.labels.as_ref(),
            max_attempts: self.max_attempts.value().copied(),
            max_lost: self.max_lost,
            concurrency_key: self.concurrency_key.value().map(String::as_str),
        };
        fields.check(&mut faults);
        faults.finish()
    }

    /// Whether what it would run has to be checked anew.
    fn changes_work(&self) -> bool {
        self.pipeline_version_id.changes() || self.parameters.is_some() || self.dispatch.is_some()
    }

    /// What becomes of times that it has missed by now: what it was meant to, unless that was all of them, and the change gives them up.
    fn of_missed(&self, before: MissedRuns) -> MissedRuns {
        match before {
            MissedRuns::All => self.missed_runs.unwrap_or(before),
            MissedRuns::Skip | MissedRuns::Latest => before,
        }
    }

    /// Whether its times are counted anew.
    fn changes_times(&self, before: &Schedule, after: &Schedule) -> bool {
        (&before.cron, &before.time_zone, before.starts_at, before.ends_at, before.paused)
            != (&after.cron, &after.time_zone, after.starts_at, after.ends_at, after.paused)
    }

    /// The schedule as it is to be.
    fn apply(&self, before: &Schedule) -> Schedule {
        let mut after = before.clone();
        set(&mut after.name, self.name.clone());
        patch(&mut after.pipeline_version_id, &self.pipeline_version_id);
        set(&mut after.cron, self.cron.clone());
        set(&mut after.time_zone, self.time_zone.clone());
        set(&mut after.missed_runs, self.missed_runs);
        patch(&mut after.starts_at, &self.starts_at);
        patch(&mut after.ends_at, &self.ends_at);
        set(&mut after.paused, self.paused);
        set(&mut after.parameters, self.parameters.clone());
        patch(&mut after.queue, &self.queue);
        // It is 0 to 9.
        set(&mut after.priority, self.priority.map(|priority| priority as i16));
        set(&mut after.labels, self.labels.clone());
        set(&mut after.dispatch, self.dispatch);
        patch(&mut after.max_attempts, &self.max_attempts);
        set(&mut after.max_lost, self.max_lost);
        patch(&mut after.concurrency_key, &self.concurrency_key);
        after
    }
}

fn set<T>(field: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *field = given;
    }
}

fn patch<T: Clone>(field: &mut Option<T>, given: &Patch<T>) {
    if given.changes() {
        *field = given.value().cloned();
    }
}

/// Why a schedule was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateScheduleError {
    /// There is none in this scope.
    #[error("schedule not found")]
    NotFound,
    /// Another schedule of the tenant has this name.
    #[error("the tenant has a schedule of this name")]
    NameTaken,
    /// It has more runs to make up for than can be created at once.
    #[error("more of its runs are due than can be created at once")]
    Behind,
    /// Its cron expression or its time zone cannot be read.
    #[error(transparent)]
    Cron(#[from] CronError),
    /// There can be no such schedule.
    #[error(transparent)]
    Refused(#[from] ScheduleRefusal),
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// What a change has led to.
#[derive(Clone, Debug)]
pub struct UpdatedSchedule {
    /// The schedule as it was.
    pub before: Schedule,
    /// As it is.
    pub after: Schedule,
    /// What became of its times that were due.
    pub ticked: Ticked,
}

/// Changes the schedule. What is due by now gets its runs first, as it was meant before the change; of what it has missed the change itself may say that
/// not all of it is wanted any more. When its times change, or whether it is paused, its first time after now is the next. The request has passed
/// [`UpdateScheduleRequest::check`].
///
/// Takes place in the transaction of the caller, who has begun one.
///
/// # Errors
/// [`UpdateScheduleError`]; the transaction has to be rolled back.
pub async fn update_schedule(
    conn: &mut PgConnection,
    cache: &ParamsCache,
    scope: Scope,
    id: Uuid,
    request: &UpdateScheduleRequest,
) -> Result<UpdatedSchedule, UpdateScheduleError> {
    let row = sqlx::query_file!("sql/lock_schedule.sql", scope.tenant(), id)
        .fetch_optional(&mut *conn)
        .await?
        .ok_or(UpdateScheduleError::NotFound)?;
    let (now, held) = (row.now, row.held);
    let before = schedule_from!(row);
    let ticked = if held {
        Ticked::default()
    } else {
        let missed_runs = request.of_missed(before.missed_runs);
        let due = Schedule { missed_runs, ..before.clone() };
        // What is left over would be created as it was never meant, or not at all.
        if is_behind(&due, now) {
            return Err(UpdateScheduleError::Behind);
        }
        tick(conn, cache, &due, now).await?
    };
    let mut after = request.apply(&before);
    if request.changes_work() {
        let work = Work {
            tenant: after.tenant_id,
            pipeline: after.pipeline_id,
            version: after.pipeline_version_id,
            dispatch: after.dispatch,
            parameters: &after.parameters,
        };
        work.check(conn, cache).await?;
    }
    let next_due_at = if request.changes_times(&before, &after) {
        let times = after.times()?;
        after.time_zone = times.cron.time_zone().to_owned();
        // A sweep that had it before us may know a later now.
        Some(first_due(&times, before.last_due_at.map_or(now, |last| last.max(now)), after.paused)?)
    } else {
        None
    };
    let updated = write(conn, &after, next_due_at).await;
    match updated {
        Ok(after) => Ok(UpdatedSchedule { before, after, ticked }),
        Err(error) if is_taken(&error) => Err(UpdateScheduleError::NameTaken),
        Err(error) => Err(error.into()),
    }
}

/// Writes it; when it is due next only if that is given.
async fn write(
    conn: &mut PgConnection,
    schedule: &Schedule,
    next_due_at: Option<Option<DateTime<Utc>>>,
) -> Result<Schedule, sqlx::Error> {
    let row = sqlx::query_file!(
        "sql/update_schedule.sql",
        schedule.id,
        schedule.name,
        schedule.pipeline_version_id,
        schedule.cron,
        schedule.time_zone,
        schedule.missed_runs.as_str(),
        schedule.starts_at,
        schedule.ends_at,
        schedule.paused,
        Json(&schedule.parameters) as _,
        schedule.queue,
        schedule.priority,
        Json(&schedule.labels) as _,
        schedule.dispatch.as_str(),
        schedule.max_attempts,
        schedule.max_lost,
        schedule.concurrency_key,
        next_due_at.is_some(),
        next_due_at.flatten(),
    )
    .fetch_one(conn)
    .await?;
    Ok(schedule_from!(row).with_due_times())
}
