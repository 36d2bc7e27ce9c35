//! Create a schedule.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::cron::{Cron, CronError};
use super::due::{MissedRuns, Times};
use super::fields::Fields;
use super::refusal::{ScheduleRefusal, Work, first_due};
use super::{Schedule, schedule_from};
use crate::catalog::is_past;
use crate::dag::ParamsCache;
use crate::problem::Problem;
use crate::runs::{Dispatch, Faults, Labels};
use crate::strict;

/// What a client sends to create a schedule. What runs get of it is as [creating one](crate::runs::CreateRequest) has it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct CreateScheduleRequest {
    /// Whose it becomes. A caller of a tenant may leave it out: it is that tenant then. A caller across tenants has to say.
    #[schema(required = false)]
    pub tenant_id: Uuid,
    /// 1 to 200 characters that no other schedule of the tenant is called by.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// A pipeline of the tenant's own.
    pub pipeline_id: Uuid,
    /// An APPROVED version of that pipeline; if left out, of those that are APPROVED when a run is due, the one that was approved last.
    pub pipeline_version_id: Option<Uuid>,
    /// Five fields: minute, hour, day of month, month, day of week.
    #[schema(min_length = 9, max_length = 200)]
    pub cron: String,
    /// A name of the IANA database, such as `Europe/Berlin`; `UTC` if left out.
    pub time_zone: Option<String>,
    /// What becomes of times that passed more than five minutes ago, and have no run; `latest` if left out.
    #[serde(default, deserialize_with = "strict::optional_word")]
    pub missed_runs: Option<MissedRuns>,
    /// No time before it counts; any if left out.
    pub starts_at: Option<DateTime<Utc>>,
    /// No time after it counts; any if left out. It has to lie ahead, and after `starts_at`.
    pub ends_at: Option<DateTime<Utc>>,
    /// Whether it is never due; false if left out.
    pub paused: Option<bool>,
    /// As the version's `params` ask, none of them secret; up to 16 KiB. `{}` if left out.
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Map<String, Value>>,
    /// 1 to 100 characters; the pipeline's queue if left out, else `default`.
    #[schema(min_length = 1, max_length = 100)]
    pub queue: Option<String>,
    /// 0 to 9, 9 is claimed first; 5 if left out.
    #[schema(minimum = 0, maximum = 9)]
    pub priority: Option<i32>,
    /// At most 16, keys of 1 to 63 and values of up to 255 characters.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    pub labels: Option<Labels>,
    /// `push` if left out.
    #[serde(default, deserialize_with = "strict::optional_word")]
    pub dispatch: Option<Dispatch>,
    /// 1 to 20; as the dag_spec's `retry` says if left out, else 1.
    #[schema(minimum = 1, maximum = 20)]
    pub max_attempts: Option<i32>,
    /// 0 to 20; 3 if left out.
    #[schema(minimum = 0, maximum = 20)]
    pub max_lost: Option<i32>,
    /// 1 to 200 characters: at most one run of the tenant with this key is RUNNING at a time. No bound if left out.
    #[schema(min_length = 1, max_length = 200)]
    pub concurrency_key: Option<String>,
}

impl CreateScheduleRequest {
    /// Checks every bound.
    ///
    /// # Errors
    /// `invalid_field` or `payload_too_large`, with every field that is out of bounds.
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = Faults::default();
        let fields = Fields {
            name: Some(&self.name),
            cron: Some(&self.cron),
            time_zone: Some(self.time_zone()),
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            parameters: self.parameters.as_ref(),
            queue: self.queue.as_deref(),
            priority: self.priority,
            labels: self.labels.as_ref(),
            max_attempts: self.max_attempts,
            max_lost: self.max_lost,
            concurrency_key: self.concurrency_key.as_deref(),
        };
        fields.check(&mut faults);
        faults.finish()
    }

    fn time_zone(&self) -> &str {
        self.time_zone.as_deref().unwrap_or("UTC")
    }

    fn times(&self) -> Result<Times, CronError> {
        let cron = Cron::parse(&self.cron, self.time_zone())?;
        Ok(Times { cron, starts_at: self.starts_at, ends_at: self.ends_at })
    }
}

/// Why a schedule was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateScheduleError {
    /// No such tenant.
    #[error("tenant not found")]
    TenantNotFound,
    /// The tenant has no such pipeline.
    #[error("pipeline not found")]
    PipelineNotFound,
    /// Another schedule of the tenant has this name.
    #[error("the tenant has a schedule of this name")]
    NameTaken,
    /// The tenant has [`MAX_SCHEDULES`](super::MAX_SCHEDULES).
    #[error("the tenant has as many schedules as it may")]
    LimitReached,
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

/// Inserts the schedule. It is due for the first time after now. The request has passed [`CreateScheduleRequest::check`]; its parameters are
/// checked here, against the version that would run at this moment.
///
/// # Errors
/// [`CreateScheduleError`]; nothing was inserted.
pub async fn create_schedule(
    conn: &mut PgConnection,
    cache: &ParamsCache,
    request: &CreateScheduleRequest,
) -> Result<Schedule, CreateScheduleError> {
    let times = request.times()?;
    let parameters = request.parameters.clone().unwrap_or_default();
    let work = Work {
        tenant: request.tenant_id,
        pipeline: request.pipeline_id,
        version: request.pipeline_version_id,
        dispatch: request.dispatch.unwrap_or_default(),
        parameters: &parameters,
    };
    let Some(now) = work.check(conn, cache).await? else {
        let tenant = sqlx::query_scalar!("select t.id from tenants t where t.id = $1", request.tenant_id);
        return Err(match tenant.fetch_optional(conn).await? {
            None => CreateScheduleError::TenantNotFound,
            Some(_) => CreateScheduleError::PipelineNotFound,
        });
    };
    let paused = request.paused.unwrap_or(false);
    let next_due_at = first_due(&times, now, paused)?;
    let no_labels = Labels::new();
    let row = sqlx::query_file!(
        "sql/create_schedule.sql",
        Uuid::now_v7(),
        request.tenant_id,
        request.name,
        request.pipeline_id,
        request.pipeline_version_id,
        request.cron,
        times.cron.time_zone(),
        request.missed_runs.unwrap_or_default().as_str(),
        request.starts_at,
        request.ends_at,
        paused,
        Json(&parameters) as _,
        request.queue,
        request.priority.unwrap_or(5) as i16,
        Json(request.labels.as_ref().unwrap_or(&no_labels)) as _,
        request.dispatch.unwrap_or_default().as_str(),
        request.max_attempts,
        request.max_lost.unwrap_or(3),
        request.concurrency_key,
        next_due_at,
    )
    .fetch_optional(conn)
    .await;
    match row {
        Ok(Some(row)) => Ok(schedule_from!(row).with_due_times()),
        Ok(None) => Err(CreateScheduleError::NameTaken),
        Err(error) if is_past("schedules_per_tenant", &error) => Err(CreateScheduleError::LimitReached),
        Err(error) => Err(error.into()),
    }
}
