//! Why there can be no such schedule: what it would run cannot be run, or is never due.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::due::Times;
use crate::dag::{ParamsCache, ParamsError};
use crate::problem::FieldError;
use crate::runs::{Checked, Dispatch, of_version};

/// Why there can be no such schedule.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleRefusal {
    /// `ends_at` is not after `starts_at`.
    #[error("ends_at must be later than starts_at")]
    EndsBeforeItStarts,
    /// It would never be due.
    #[error("none of its times lies ahead")]
    NeverDue,
    /// The pipeline has no such version.
    #[error("pipeline version not found")]
    VersionNotFound,
    /// None of the pipeline's versions is APPROVED.
    #[error("the pipeline has no APPROVED version")]
    NothingApproved,
    /// The version is DRAFT or DEPRECATED.
    #[error("pipeline version must be APPROVED to run")]
    VersionNotApproved,
    /// The version's dag_spec is read by its own workers only, and runs were to be pushed to ours.
    #[error("a dag_spec of kind {kind:?} is not run by the push worker")]
    OpaqueSpecPushed {
        /// What the spec says it is.
        kind: String,
    },
    /// The parameters are not what the version's `params` ask for, or some of them are secret.
    #[error("the parameters are not what the version asks for")]
    InvalidParameters(Vec<FieldError>),
    /// The version's `params` cannot be used. It was approved without being checked.
    #[error(transparent)]
    Params(ParamsError),
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// What a schedule would run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work<'a> {
    pub(super) tenant: Uuid,
    pub(super) pipeline: Uuid,
    /// None: the one that was approved last.
    pub(super) version: Option<Uuid>,
    pub(super) dispatch: Dispatch,
    pub(super) parameters: &'a Map<String, Value>,
}

impl Work<'_> {
    /// Checks that it could be run now. Returns what time it is; None: the tenant has no such pipeline.
    ///
    /// # Errors
    /// [`ScheduleRefusal`].
    pub(super) async fn check(
        self,
        conn: &mut PgConnection,
        cache: &ParamsCache,
    ) -> Result<Option<DateTime<Utc>>, ScheduleRefusal> {
        let row = sqlx::query_file!("sql/version_to_run.sql", self.tenant, self.pipeline, self.version);
        let Some(row) = row.fetch_optional(&mut *conn).await? else { return Ok(None) };
        let version = match (row.version_id, row.status.as_deref()) {
            (Some(version), Some("APPROVED")) => version,
            (Some(_), _) => return Err(ScheduleRefusal::VersionNotApproved),
            (None, _) if self.version.is_some() => return Err(ScheduleRefusal::VersionNotFound),
            (None, _) => return Err(ScheduleRefusal::NothingApproved),
        };
        if let Some(kind) = row.kind.filter(|kind| self.dispatch == Dispatch::Push && kind != "dag_v1") {
            return Err(ScheduleRefusal::OpaqueSpecPushed { kind });
        }
        match of_version(conn, cache, self.tenant, version, self.parameters.clone()).await? {
            Checked::Right(parameters) if parameters.secret.is_some() => {
                let detail = "may have no secret ones: a schedule shows its parameters to whoever may look at it. Let a connection name the secret";
                Err(ScheduleRefusal::InvalidParameters(vec![FieldError::new("/parameters", detail)]))
            }
            Checked::Right(_) => Ok(Some(row.now)),
            Checked::Wrong(faults) => Err(ScheduleRefusal::InvalidParameters(faults)),
            Checked::NoSchema(error) => Err(ScheduleRefusal::Params(error)),
            // Deprecated a moment ago.
            Checked::NotApproved => Err(ScheduleRefusal::VersionNotApproved),
        }
    }
}

/// When these times are due first, after `now`. A paused schedule is never due, but it would be.
///
/// # Errors
/// [`ScheduleRefusal`].
pub(super) fn first_due(
    times: &Times,
    now: DateTime<Utc>,
    paused: bool,
) -> Result<Option<DateTime<Utc>>, ScheduleRefusal> {
    if let (Some(starts_at), Some(ends_at)) = (times.starts_at, times.ends_at)
        && ends_at <= starts_at
    {
        return Err(ScheduleRefusal::EndsBeforeItStarts);
    }
    let next = times.next(now).ok_or(ScheduleRefusal::NeverDue)?;
    Ok((!paused).then_some(next))
}
