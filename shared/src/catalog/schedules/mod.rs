//! Schedules: runs at the times that a cron expression names (docs/decisions/0032).

mod changes;
mod create;
mod cron;
mod delete;
mod due;
mod fields;
mod get;
mod list;
mod refusal;
mod tick;
mod update;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

pub use changes::schedule_changes;
pub use create::{CreateScheduleError, CreateScheduleRequest, create_schedule};
pub use delete::delete_schedule;
pub use due::MissedRuns;
pub use get::{ScheduleError, get_schedule};
pub use list::{ScheduleFilter, list_schedules};
pub use refusal::ScheduleRefusal;
pub use tick::{Ticked, tick_schedule};
pub use update::{UpdateScheduleError, UpdateScheduleRequest, UpdatedSchedule, update_schedule};

use crate::runs::{Dispatch, Labels};
use cron::Cron;
pub use cron::CronError;
use due::Times;

/// How many a tenant may have: so many can be due at the same minute, and others' wait behind them. A trigger of Postgres counts them.
pub const MAX_SCHEDULES: usize = 1000;
/// How many of its next times a schedule shows.
const SHOWN: usize = 5;

/// A schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Schedule {
    /// UUIDv7.
    pub id: Uuid,
    /// Whose it is.
    pub tenant_id: Uuid,
    /// No other schedule of the tenant has it.
    pub name: String,
    /// What it creates runs of.
    pub pipeline_id: Uuid,
    /// Of this version; null = of those that are APPROVED when a run is due, the one that was approved last.
    pub pipeline_version_id: Option<Uuid>,
    /// Minute, hour, day of month, month, day of week.
    pub cron: String,
    /// By the clock of this time zone, as the IANA database calls it.
    pub time_zone: String,
    /// What becomes of times that passed more than five minutes ago, and have no run.
    pub missed_runs: MissedRuns,
    /// No time before it counts.
    pub starts_at: Option<DateTime<Utc>>,
    /// No time after it counts.
    pub ends_at: Option<DateTime<Utc>>,
    /// While true it is never due, and no time counts as missed.
    pub paused: bool,
    /// What its runs get.
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
    /// The queue of its runs; null = the pipeline's.
    pub queue: Option<String>,
    /// 0 to 9; 9 is claimed first.
    pub priority: i16,
    /// Words its runs are found by.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub labels: Labels,
    /// Whether SQS is told about its runs.
    pub dispatch: Dispatch,
    /// How many attempts a run may have; null = as the dag_spec's `retry` says, else 1.
    pub max_attempts: Option<i32>,
    /// How many leases of a run may expire before it is given up.
    pub max_lost: i32,
    /// At most one run of the tenant with this key is RUNNING at a time.
    pub concurrency_key: Option<String>,
    /// The first of its times that was not dealt with; null = there is none, or it is paused.
    pub next_due_at: Option<DateTime<Utc>>,
    /// The next five times, `next_due_at` first.
    pub due_times: Vec<DateTime<Utc>>,
    /// The last of its times that has a run.
    pub last_due_at: Option<DateTime<Utc>>,
    /// That run, which may be deleted by now.
    pub last_run_id: Option<Uuid>,
    /// Why the last of its times has no run; null = it has one.
    pub last_error: Option<String>,
    /// Since when.
    pub last_error_at: Option<DateTime<Utc>>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When somebody last changed it.
    pub updated_at: DateTime<Utc>,
}

super::page::listed!(Schedule);

impl Schedule {
    /// When its runs are due.
    ///
    /// # Errors
    /// [`CronError`]: it was written past the API, or by a version that knew a time zone which is gone.
    fn times(&self) -> Result<Times, CronError> {
        let cron = Cron::parse(&self.cron, &self.time_zone)?;
        Ok(Times { cron, starts_at: self.starts_at, ends_at: self.ends_at })
    }

    /// The same with the times that are shown.
    fn with_due_times(mut self) -> Self {
        if let Ok(times) = self.times() {
            let first = self.next_due_at.and_then(|next| times.first(next));
            self.due_times = times.from(first).take(SHOWN).collect();
        }
        self
    }
}

/// Builds a [`Schedule`] from a record of any statement that returns its columns.
macro_rules! schedule_from {
    ($r:ident) => {
        $crate::catalog::schedules::Schedule {
            id: $r.id,
            tenant_id: $r.tenant_id,
            name: $r.name,
            pipeline_id: $r.pipeline_id,
            pipeline_version_id: $r.pipeline_version_id,
            cron: $r.cron,
            time_zone: $r.time_zone,
            missed_runs: $r.missed_runs,
            starts_at: $r.starts_at,
            ends_at: $r.ends_at,
            paused: $r.paused,
            parameters: $r.parameters.0,
            queue: $r.queue,
            priority: $r.priority,
            labels: $r.labels.0,
            dispatch: $r.dispatch,
            max_attempts: $r.max_attempts,
            max_lost: $r.max_lost,
            concurrency_key: $r.concurrency_key,
            next_due_at: $r.next_due_at,
            due_times: Vec::new(),
            last_due_at: $r.last_due_at,
            last_run_id: $r.last_run_id,
            last_error: $r.last_error,
            last_error_at: $r.last_error_at,
            created_at: $r.created_at,
            updated_at: $r.updated_at,
        }
    };
}
use schedule_from;
