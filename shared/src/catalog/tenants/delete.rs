//! Delete a tenant and everything that is its own, a batch at a time.
//!
//! A batch is one transaction of short statements: RUNNING runs lose their lease first, then runs go with what belongs to them, the oldest first, then
//! schedules, which make none while their tenant is paused, then versions, then the rest, and the tenant's row last. Whoever creates something meanwhile keeps what it refers to from being deleted, by the foreign keys:
//! then the next batch begins with the runs again.

mod batch;

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::postgres::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::scope::Scope;
use batch::{Batch, Portion, Stage};

/// How much a batch deletes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchSize {
    /// Runs that one statement deletes, or ends.
    pub runs: i64,
    /// Rows of each kind that belong to runs, such as logs, that one statement deletes.
    pub rows: i64,
    /// Schedules, versions, pipelines, connections, workers and keys: rows of each kind that one statement deletes.
    pub things: i64,
    /// After so long no further statement begins; one always does.
    pub time: Duration,
}

impl Default for BatchSize {
    /// Statements that take some ten milliseconds each, and for a second of them. So few rows because each may have 256 KiB, and so few versions because
    /// each is looked for among all entries in the index that its tenant's deleted runs have left.
    fn default() -> Self {
        Self { runs: 100, rows: 500, things: 10, time: Duration::from_secs(1) }
    }
}

/// How much was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Deleted {
    /// Runs.
    #[schema(minimum = 0)]
    pub runs: i64,
    /// Rows of all else: logs, steps, artifacts, attempts, secret parameters, versions, transitions, pipelines, connections, schedules, workers, keys.
    #[schema(minimum = 0)]
    pub rows: i64,
}

impl Deleted {
    fn add(&mut self, more: Self) {
        self.runs += more.runs;
        self.rows += more.rows;
    }
}

/// What has become of a tenant that is being deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TenantDeletion {
    /// Whether it is gone. If not, the same call again deletes more of it.
    pub done: bool,
    /// By this call.
    pub deleted: Deleted,
    /// By all calls so far, for the audit.
    #[serde(skip)]
    #[schema(ignore)]
    pub total: Deleted,
    /// Whether this call was the first one, for the audit.
    #[serde(skip)]
    #[schema(ignore)]
    pub is_first: bool,
    /// When the first one was, for the audit.
    #[serde(skip)]
    #[schema(ignore)]
    pub started_at: DateTime<Utc>,
}

/// Why nothing of a tenant was deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteTenantError {
    /// There is none in this scope.
    #[error("tenant not found")]
    NotFound,
    /// It has another name than the one that was given.
    #[error("the tenant has another name")]
    OtherName,
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// Deletes one batch of the tenant, if `name` is its name, exactly. From the first batch on it is paused, and its keys are revoked, by `who`.
///
/// Takes place in the transaction of the caller, who has begun one: without it nothing that was approved can be deleted.
///
/// # Errors
/// [`DeleteTenantError`]; the transaction has to be rolled back after [`DeleteTenantError::Db`], and nothing was deleted.
pub async fn delete_tenant(
    conn: &mut PgConnection,
    scope: Scope,
    id: Uuid,
    name: &str,
    who: &str,
    size: BatchSize,
) -> Result<TenantDeletion, DeleteTenantError> {
    let begin = Instant::now();
    // One batch at a time. Other than `for update` it lets others refer to the tenant, and nobody waits.
    let stored = sqlx::query_scalar!(
        "select t.name from tenants t where t.id = $2 and ($1::uuid is null or t.id = $1) for no key update",
        scope.tenant(),
        id,
    );
    let stored = stored.fetch_optional(&mut *conn).await?.ok_or(DeleteTenantError::NotFound)?;
    if stored != name {
        return Err(DeleteTenantError::OtherName);
    }
    let so_far = sqlx::query_file!("sql/delete_tenant_begin.sql", id, who).fetch_one(&mut *conn).await?;
    let after = so_far.after_created_at.zip(so_far.after_id);
    let mut batch = Batch { conn, tenant: id, size, after };
    let (mut stage, mut deleted) = (Stage::Leases, Deleted::default());
    let done = loop {
        match batch.portion(stage).await? {
            Portion::Deleted(more) => deleted.add(more),
            Portion::NothingLeft => match stage.next() {
                Some(next) => {
                    stage = next;
                    continue;
                }
                None => break true,
            },
            Portion::InUse => {
                // A run may have come in anywhere.
                batch.after = None;
                break false;
            }
        }
        if begin.elapsed() >= size.time {
            break false;
        }
    };
    if !done {
        batch.note(deleted).await?;
    }
    let mut total = Deleted { runs: so_far.runs, rows: so_far.rows };
    total.add(deleted);
    let (is_first, started_at) = (so_far.first, so_far.started_at);
    Ok(TenantDeletion { done, deleted, total, is_first, started_at })
}
