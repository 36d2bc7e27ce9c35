//! The verbs of the sweep: what has become due without anybody asking. Each is one statement over one batch, and safe to run
//! beside itself: rows that another sweep holds are passed by.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::dispatch::Notice;
use crate::runs;
use crate::scope::Scope;

/// What became of expired leases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leases {
    /// Runs that are QUEUED again.
    pub requeued: u64,
    /// Runs that FAILED, since as many leases as may be were lost before.
    pub failed: u64,
}

/// Requeues or fails up to `limit` runs whose lease has expired and that nobody has taken over, the oldest lease first.
///
/// # Errors
/// [`sqlx::Error`]; nothing was changed.
pub async fn leases(conn: &mut PgConnection, scope: Scope, limit: i64) -> Result<Leases, sqlx::Error> {
    let row = sqlx::query_file!("sql/sweep_leases.sql", scope.tenant(), limit).fetch_one(conn).await?;
    Ok(Leases { requeued: row.requeued.unsigned_abs(), failed: row.failed.unsigned_abs() })
}

/// Cancels up to `limit` QUEUED runs that were not started by their `start_by`. Returns how many.
///
/// # Errors
/// [`sqlx::Error`]; nothing was changed.
pub async fn start_by(conn: &mut PgConnection, scope: Scope, limit: i64) -> Result<u64, sqlx::Error> {
    let done = sqlx::query_file!("sql/sweep_start_by.sql", scope.tenant(), limit).execute(conn).await?;
    Ok(done.rows_affected())
}

/// Makes up to `limit` dispatches due again that have led to no claim in their time. Returns how many.
///
/// # Errors
/// [`sqlx::Error`]; nothing was changed.
pub async fn redispatches(conn: &mut PgConnection, scope: Scope, limit: i64) -> Result<u64, sqlx::Error> {
    let done = sqlx::query_file!("sql/sweep_redispatches.sql", scope.tenant(), limit).execute(conn).await?;
    Ok(done.rows_affected())
}

/// Makes up to `limit` dispatches due of runs that SQS was not told of because their tenant or pipeline was paused or had no
/// slot left, or because their concurrency key was in use, and that may go on now. Returns how many.
///
/// # Errors
/// [`sqlx::Error`]; nothing was changed.
pub async fn parked(conn: &mut PgConnection, scope: Scope, limit: i64) -> Result<u64, sqlx::Error> {
    let done = sqlx::query_file!("sql/sweep_parked.sql", scope.tenant(), limit).execute(conn).await?;
    Ok(done.rows_affected())
}

/// A schedule that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueSchedule {
    /// Since when.
    pub next_due_at: DateTime<Utc>,
    /// Its id: [`tick_schedule`](crate::catalog::tick_schedule) creates its runs.
    pub id: Uuid,
}

/// Up to `limit` schedules that are due, the longest due first, or after the last one of the batch before: of those that are no more than five minutes late, or
/// with `missed` of those that are, which may have very much to make up for. Changes nothing.
///
/// # Errors
/// [`sqlx::Error`].
pub async fn due_schedules(
    conn: &mut PgConnection,
    scope: Scope,
    missed: bool,
    after: Option<DueSchedule>,
    limit: i64,
) -> Result<Vec<DueSchedule>, sqlx::Error> {
    let (next_due_at, id) = after.map(|after| (after.next_due_at, after.id)).unzip();
    sqlx::query_file_as!(DueSchedule, "sql/due_schedules.sql", scope.tenant(), next_due_at, id, limit, missed)
        .fetch_all(conn)
        .await
}

/// A dispatch that was taken to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What to tell SQS.
    pub notice: Notice,
    /// When it is due again if nobody marks it as sent.
    pub due_at: DateTime<Utc>,
}

/// What became of dispatches that were due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dispatches {
    /// To be sent, and then marked with [`mark_dispatched`]; otherwise they are due again after two minutes.
    pub taken: Vec<Taken>,
    /// How many runs nobody could claim: nothing is sent for them until [`parked`] finds that they may go on.
    pub parked: u64,
}

/// Takes up to `limit` dispatches that are due, or fall due within a minute.
///
/// # Errors
/// [`sqlx::Error`]; nothing was taken.
pub async fn take_dispatches(
    conn: &mut PgConnection,
    scope: Scope,
    limit: i64,
) -> Result<Dispatches, sqlx::Error> {
    let rows = sqlx::query_file!("sql/take_dispatches.sql", scope.tenant(), limit).fetch_all(conn).await?;
    let mut dispatches = Dispatches::default();
    for row in rows {
        match row.dispatch_due_at {
            Some(due_at) => dispatches.taken.push(Taken {
                notice: Notice { tenant_id: row.tenant_id, run_id: row.id, delay_seconds: row.delay_seconds },
                due_at,
            }),
            None => dispatches.parked += 1,
        }
    }
    Ok(dispatches)
}

/// Marks dispatches as sent, as [`runs::mark_dispatched`] does for one.
///
/// # Errors
/// [`sqlx::Error`]; they stay due, so the messages are sent once more, which is harmless.
pub async fn mark_dispatched(conn: &mut PgConnection, sent: &[Taken]) -> Result<(), sqlx::Error> {
    let sent: Vec<_> =
        sent.iter().map(|taken| (taken.notice.tenant_id, taken.notice.run_id, taken.due_at)).collect();
    runs::mark_all_dispatched(conn, &sent).await
}

/// How things stand, over all tenants.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Standing {
    /// How many seconds the run has waited that could have been claimed first; 0 if none waits. What is paused does not count, nor what is not due.
    pub oldest_queued_seconds: f64,
    /// Leases that expired in the last five minutes and were found to be lost.
    pub leases_lost: i64,
}

/// Looks how things stand. Changes nothing.
///
/// # Errors
/// [`sqlx::Error`].
pub async fn standing(conn: &mut PgConnection) -> Result<Standing, sqlx::Error> {
    sqlx::query_file_as!(Standing, "sql/sweep_standing.sql").fetch_one(conn).await
}

/// When the sweep has to come again.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Next {
    /// Whether a run is RUNNING.
    pub in_flight: bool,
    /// In how many seconds a dispatch, a `start_by` or a schedule is due; negative if it was due before. None: nothing is.
    pub due_in_seconds: Option<f64>,
    /// In how many seconds an event is due to be delivered; negative if it was due before. None: nothing is.
    pub events_due_in_seconds: Option<f64>,
}

/// Looks when something is due next, over all tenants. Changes nothing.
///
/// # Errors
/// [`sqlx::Error`].
pub async fn next(conn: &mut PgConnection) -> Result<Next, sqlx::Error> {
    sqlx::query_file_as!(Next, "sql/sweep_next.sql").fetch_one(conn).await
}

/// How far the walk over old runs has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    created_at: DateTime<Utc>,
    id: Uuid,
}

/// What became of a batch of old runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// Runs that were looked at, those that were deleted among them.
    pub walked: u64,
    /// Runs that were deleted.
    pub deleted: u64,
    /// The last one that was looked at. The next batch begins after it.
    pub last: Option<Place>,
}

/// Looks at the next `limit` runs that were created more than `days` ago, from the oldest on or after the last one of the batch before,
/// and deletes those that ended more than `days` ago.
///
/// # Errors
/// [`sqlx::Error`]; nothing was deleted.
pub async fn retention(
    conn: &mut PgConnection,
    scope: Scope,
    days: i32,
    limit: i64,
    after: Option<Place>,
) -> Result<Retained, sqlx::Error> {
    let row = sqlx::query_file!(
        "sql/sweep_retention.sql",
        scope.tenant(),
        days,
        limit,
        after.map(|place| place.created_at),
        after.map(|place| place.id),
    )
    .fetch_one(conn)
    .await?;
    let last = row.created_at.zip(row.id).map(|(created_at, id)| Place { created_at, id });
    Ok(Retained { walked: row.walked.unsigned_abs(), deleted: row.deleted.unsigned_abs(), last })
}

/// Deletes steps, logs and artifacts of the runs that [`retention`] would delete: up to `rows` of each kind. Returns whether there may be more: then
/// again before the runs are deleted, so that no statement has to delete more than it has time for.
///
/// # Errors
/// [`sqlx::Error`]; nothing was deleted.
pub async fn evidence(
    conn: &mut PgConnection,
    scope: Scope,
    days: i32,
    limit: i64,
    after: Option<Place>,
    rows: i64,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query_file!(
        "sql/sweep_evidence.sql",
        scope.tenant(),
        days,
        limit,
        after.map(|place| place.created_at),
        after.map(|place| place.id),
        rows,
    )
    .fetch_one(conn)
    .await?;
    Ok(done.most >= rows)
}

/// Forgets up to `limit` workers that were not seen for a week and hold no lease. Returns how many.
///
/// # Errors
/// [`sqlx::Error`]; nothing was deleted.
pub async fn workers(conn: &mut PgConnection, scope: Scope, limit: i64) -> Result<u64, sqlx::Error> {
    let done = sqlx::query_file!("sql/sweep_workers.sql", scope.tenant(), limit).execute(conn).await?;
    Ok(done.rows_affected())
}
