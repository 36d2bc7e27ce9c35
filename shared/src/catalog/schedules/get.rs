//! Get a schedule.

use serde_json::{Map, Value};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::due::MissedRuns;
use super::{Schedule, schedule_from};
use crate::runs::{Dispatch, Labels};
use crate::scope::Scope;

/// Why there is no schedule to show or to delete.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// There is none in this scope.
    #[error("schedule not found")]
    NotFound,
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// The schedule.
///
/// # Errors
/// [`ScheduleError`].
pub async fn get_schedule(
    conn: &mut PgConnection,
    scope: Scope,
    id: Uuid,
) -> Result<Schedule, ScheduleError> {
    let row = sqlx::query_file!("sql/get_schedule.sql", scope.tenant(), id)
        .fetch_optional(conn)
        .await?
        .ok_or(ScheduleError::NotFound)?;
    Ok(schedule_from!(row).with_due_times())
}
