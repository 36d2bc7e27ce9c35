//! List: runs, newest first, one page at a time.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Dispatch, Labels, Run, RunStatus, run_from};
use crate::cursor::Cursor;
use crate::scope::Scope;

/// Which runs. Everything that is `None` or empty does not matter.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ListFilter {
    /// Any of these.
    pub status: Vec<RunStatus>,
    /// Runs of this queue.
    pub queue: Option<String>,
    /// Runs of any version of this pipeline.
    pub pipeline_id: Option<Uuid>,
    /// Runs of this version.
    pub pipeline_version_id: Option<Uuid>,
    /// Runs that have all of these.
    pub labels: Labels,
    /// Created later than this.
    pub created_after: Option<DateTime<Utc>>,
    /// Created earlier than this.
    pub created_before: Option<DateTime<Utc>>,
}

impl ListFilter {
    /// Whether it has statuses and nothing else that has an index of its own.
    fn is_about_status(&self) -> bool {
        !self.status.is_empty()
            && self.pipeline_id.is_none()
            && self.pipeline_version_id.is_none()
            && self.labels.is_empty()
    }

    /// Its statuses as the statements take them, each once.
    fn statuses(&self) -> Vec<String> {
        let asked = RunStatus::ALL.into_iter().filter(|status| self.status.contains(status));
        asked.map(|status| status.as_str().to_owned()).collect()
    }
}

/// Which page.
#[derive(Clone, Debug)]
pub struct Page {
    /// Runs on it, 1 to 100.
    pub limit: i64,
    /// Runs before it, 0 to 10000.
    pub offset: i64,
    /// It begins after this place.
    pub cursor: Option<Cursor>,
}

impl Page {
    /// One more than asked for tells whether there is another page.
    fn rows(&self) -> i64 {
        self.limit + 1
    }
}

/// One page of a list. It may hold fewer runs than asked for although there are more: `next_cursor` tells.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RunPage {
    /// Newest first.
    pub items: Vec<Run>,
    /// As asked for.
    pub limit: i64,
    /// As asked for.
    pub offset: i64,
    /// Runs in `items`.
    pub count: usize,
    /// Where the next page begins; null on the last one.
    pub next_cursor: Option<String>,
}

/// A page ends before it is larger than this: Lambda answers with 6 MB at most.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// About how large a run is as JSON.
fn size(run: &Run) -> usize {
    2048 + run.parameters.to_string().len() + run.output.as_ref().map_or(0, |output| output.to_string().len())
}

/// The page, in a stable order: `created_at`, then `id`, both descending.
///
/// # Errors
/// [`sqlx::Error`].
pub async fn list(
    conn: &mut PgConnection,
    scope: Scope,
    filter: &ListFilter,
    page: &Page,
) -> Result<RunPage, sqlx::Error> {
    let found = if filter.is_about_status() {
        by_status(conn, scope, filter, page).await?
    } else {
        by_place(conn, scope, filter, page).await?
    };
    let rows = found.len();
    let mut bytes = 0;
    let items: Vec<Run> = found
        .into_iter()
        .take(page.limit as usize)
        .take_while(|run| {
            let first = bytes == 0;
            bytes += size(run);
            first || bytes <= MAX_PAGE_BYTES
        })
        .collect();
    let more = rows > items.len();
    let next_cursor = items
        .last()
        .filter(|_| more)
        .map(|last| Cursor { created_at: last.created_at, id: last.id }.encode(scope, filter));
    Ok(RunPage { count: items.len(), items, limit: page.limit, offset: page.offset, next_cursor })
}

/// The rows of a page, and one more if there are more.
async fn by_place(
    conn: &mut PgConnection,
    scope: Scope,
    filter: &ListFilter,
    page: &Page,
) -> Result<Vec<Run>, sqlx::Error> {
    let statuses = filter.statuses();
    let rows = sqlx::query_file!(
        "sql/list.sql",
        scope.tenant(),
        (!statuses.is_empty()).then_some(statuses.as_slice()) as _,
        filter.queue,
        filter.pipeline_id,
        filter.pipeline_version_id,
        (!filter.labels.is_empty()).then(|| Json(&filter.labels)) as _,
        filter.created_after,
        filter.created_before,
        page.cursor.map(|cursor| cursor.created_at),
        page.cursor.map(|cursor| cursor.id),
        page.rows(),
        page.offset,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| run_from!(row)).collect())
}

/// The same for a filter that is about statuses.
async fn by_status(
    conn: &mut PgConnection,
    scope: Scope,
    filter: &ListFilter,
    page: &Page,
) -> Result<Vec<Run>, sqlx::Error> {
    let rows = sqlx::query_file!(
        "sql/list_by_status.sql",
        scope.tenant(),
        &filter.statuses(),
        filter.queue,
        filter.created_after,
        filter.created_before,
        page.cursor.map(|cursor| cursor.created_at),
        page.cursor.map(|cursor| cursor.id),
        page.rows(),
        page.offset,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| run_from!(row)).collect())
}
