//! Workers: which were seen alive, on which queues, since when. Claims note them (`see_worker` in the migrations), and a lease that is
//! alive tells the same; no call writes more for it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::postgres::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::catalog::{List, Listed, Page};
use crate::cursor::Cursor;
use crate::scope::Scope;

/// Who claims runs.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Worker {
    /// What tells it apart in the list; its place there is nobody's business.
    #[serde(skip)]
    #[schema(ignore)]
    pub id: Uuid,
    /// As its claims say.
    pub worker_id: String,
    /// The tenant whose runs it asks for; null: any tenant's. A worker that asks for both stands in the list twice.
    pub tenant_id: Option<Uuid>,
    /// The queues it asked for last, in alphabetical order; null: all.
    pub queues: Option<Vec<String>>,
    /// When it was first seen.
    pub since: DateTime<Utc>,
    /// When it last claimed (up to 30 s behind), or last sent a heartbeat for a run whose lease is alive.
    pub last_seen_at: DateTime<Utc>,
    /// Whether it claimed within the last 2 minutes, or holds a lease that is alive.
    pub alive: bool,
    /// The leases it holds that are alive.
    pub running: i64,
}

impl Listed for Worker {
    fn place(&self) -> Cursor {
        Cursor { created_at: self.since, id: self.id }
    }
}

/// Which workers. What is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct WorkerFilter {
    /// Those that serve this queue, by its name or with all others.
    pub queue: Option<String>,
    /// Those that are alive, or those that are not.
    pub alive: Option<bool>,
}

/// One page of the workers that serve this tenant, alone or among others; only its own runs count then.
///
/// # Errors
/// [`sqlx::Error`].
pub async fn list(
    conn: &mut PgConnection,
    scope: Scope,
    filter: &WorkerFilter,
    page: &Page,
) -> Result<List<Worker>, sqlx::Error> {
    let rows = sqlx::query_file!(
        "sql/list_workers.sql",
        scope.tenant(),
        filter.queue,
        filter.alive,
        page.created_at(),
        page.id(),
        page.rows()
    )
    .fetch_all(conn)
    .await?;
    let workers = rows.into_iter().map(|row| Worker {
        id: row.id,
        worker_id: row.worker_id,
        tenant_id: row.tenant_id,
        queues: row.queues,
        since: row.first_seen_at,
        last_seen_at: row.last_seen_at,
        alive: row.alive,
        running: row.running,
    });
    Ok(List::new(workers.collect(), page, scope, filter))
}
