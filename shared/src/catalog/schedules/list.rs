//! List schedules, newest first.

use serde_json::{Map, Value};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::due::MissedRuns;
use super::{Schedule, schedule_from};
use crate::catalog::{List, Page};
use crate::runs::{Dispatch, Labels};
use crate::scope::Scope;

/// Which schedules. What is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct ScheduleFilter {
    /// Those of this pipeline.
    pub pipeline_id: Option<Uuid>,
    /// Those of this name: of one tenant, at most one.
    pub name: Option<String>,
    /// Those that are paused, or those that are not.
    pub paused: Option<bool>,
}

/// One page.
///
/// # Errors
/// [`sqlx::Error`].
pub async fn list_schedules(
    conn: &mut PgConnection,
    scope: Scope,
    filter: &ScheduleFilter,
    page: &Page,
) -> Result<List<Schedule>, sqlx::Error> {
    let rows = sqlx::query_file!(
        "sql/list_schedules.sql",
        scope.tenant(),
        filter.pipeline_id,
        filter.name,
        filter.paused,
        page.created_at(),
        page.id(),
        page.rows(),
    )
    .fetch_all(conn)
    .await?;
    let rows = rows.into_iter().map(|row| schedule_from!(row).with_due_times()).collect();
    Ok(List::new(rows, page, scope, filter))
}
