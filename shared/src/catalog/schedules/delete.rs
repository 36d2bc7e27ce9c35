//! Delete a schedule.

use serde_json::{Map, Value};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::due::MissedRuns;
use super::{Schedule, ScheduleError, schedule_from};
use crate::runs::{Dispatch, Labels};
use crate::scope::Scope;

/// Deletes the schedule, and returns it. Runs that it has created stay; a time that is due and has no run yet gets none.
///
/// # Errors
/// [`ScheduleError`]; nothing was deleted.
pub async fn delete_schedule(
    conn: &mut PgConnection,
    scope: Scope,
    id: Uuid,
) -> Result<Schedule, ScheduleError> {
    let row = sqlx::query_file!("sql/delete_schedule.sql", scope.tenant(), id)
        .fetch_optional(conn)
        .await?
        .ok_or(ScheduleError::NotFound)?;
    Ok(schedule_from!(row))
}
