//! One sweep: rounds of small batches while there is something to do and time left.

mod stages;

use std::collections::HashMap;
use std::time::Instant;

use runplane::app::App;
use runplane::dispatch::{Dispatcher, MAX_BATCH, Notice};
use runplane::events;
use runplane::metrics::{self, Metrics};
use runplane::scope::Scope;
use runplane::sweep::{self, Taken};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::retention::{Bookmark, Walk};
use crate::schedules::Schedules;
use stages::Stages;

/// Runs of one batch: small enough for one short statement, large enough for a long backlog.
const BATCH: i64 = 100;
/// SQS is told again about runs that nobody has claimed only while it holds fewer messages than this: a long backlog waits for
/// workers, not for more messages.
const MAX_BACKLOG: usize = 1000;

/// How far a sweep may go.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// No batch is begun after this.
    pub until: Instant,
    /// Days that runs are kept after their end; 0 = for ever.
    pub retention_days: i32,
}

/// What a sweep did: counts of runs, unless it says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Their lease had expired: QUEUED again.
    pub requeued: u64,
    /// Their lease had expired once too often: FAILED.
    pub failed: u64,
    /// Not started by their `start_by`: CANCELLED.
    pub expired: u64,
    /// Created by schedules that were due.
    pub scheduled: u64,
    /// Times of schedules whose run could not be created.
    pub schedule_errors: u64,
    /// Told to SQS.
    pub dispatched: u64,
    /// Of these, told again since nobody had claimed them.
    pub redispatched: u64,
    /// Due, but SQS did not take them.
    pub undispatched: u64,
    /// Due, but paused or at a limit: SQS is told when they may go on.
    pub parked: u64,
    /// Deleted, since they ended long ago.
    pub deleted: u64,
    /// Workers that were not seen for a week.
    pub forgotten: u64,
    /// Whether time ran out before everything was done.
    pub unfinished: bool,
}

impl Swept {
    /// Notes the counts as metrics. Zeros too, so that a graph has no holes.
    pub fn note(&self, metrics: &Metrics) {
        let counts = [
            (metrics::LEASES_REQUEUED, self.requeued),
            (metrics::LEASES_FAILED, self.failed),
            (metrics::RUNS_EXPIRED, self.expired),
            (metrics::RUNS_CREATED, self.scheduled),
            (metrics::RUNS_SCHEDULED, self.scheduled),
            (metrics::SCHEDULE_ERRORS, self.schedule_errors),
            (metrics::RUNS_DISPATCHED, self.dispatched),
            (metrics::RUNS_REDISPATCHED, self.redispatched),
            (metrics::RUNS_UNDISPATCHED, self.undispatched),
            (metrics::RUNS_PARKED, self.parked),
            (metrics::RUNS_DELETED, self.deleted),
            (metrics::WORKERS_FORGOTTEN, self.forgotten),
            (metrics::SWEEP_UNFINISHED, u64::from(self.unfinished)),
        ];
        for (metric, count) in counts {
            metrics.note(metric, count as f64);
        }
    }
}

/// Sweeps. Returns what was done, also if Postgres failed in the middle of it. A stage that fails does not keep the others from what they have to do, and the
/// sweep fails with it at the end; only where Postgres is out of reach it ends at once. The result says whether a run waits that could be claimed, as far as is
/// known.
pub async fn sweep(
    app: &App,
    scope: Scope,
    limits: Limits,
    bookmark: &Bookmark,
) -> (Swept, Result<bool, sqlx::Error>) {
    let mut swept = Swept::default();
    let walk = Walk::new(bookmark, scope, limits.retention_days);
    let result = rounds(app, scope, limits, walk, &mut swept).await;
    (swept, result)
}

async fn rounds(
    app: &App,
    scope: Scope,
    limits: Limits,
    mut walk: Walk<'_>,
    swept: &mut Swept,
) -> Result<bool, sqlx::Error> {
    let mut sqs_answers = true;
    let mut stages = Stages::new(app, limits.until);
    stages.batch("redispatches", remind(app, scope, swept, &mut sqs_answers)).await?;
    if app.dispatcher.is_some() && sqs_answers {
        unpark(app, scope).await;
    }
    let waits = scope == Scope::All && look(app).await;
    let mut schedules = Schedules::default();
    loop {
        // A full batch means that there may be more.
        let mut more = stages.batch("leases", leases(app, scope, swept)).await?;
        more |= stages.batch("start_by", start_by(app, scope, swept)).await?;
        // Before dispatches, so that what a schedule creates is sent by the same sweep.
        more |= stages.batch("schedules", schedules.batch(app, scope, limits.until, swept)).await?;
        if sqs_answers {
            more |= stages.batch("dispatches", dispatches(app, scope, swept, &mut sqs_answers)).await?;
        }
        more |= stages.batch("retention", old(app, scope, limits, &mut walk, swept)).await?;
        more |= stages.batch("workers", workers(app, scope, swept)).await?;
        if more && Instant::now() >= limits.until {
            swept.unfinished = true;
            more = false;
        }
        if !more {
            stages.end()?;
            return Ok(waits || swept.requeued + swept.scheduled > 0);
        }
    }
}

async fn leases(app: &App, scope: Scope, swept: &mut Swept) -> Result<bool, sqlx::Error> {
    let done = app.call_in_time(async |conn| sweep::leases(conn, scope, BATCH).await).await?;
    swept.requeued += done.requeued;
    swept.failed += done.failed;
    Ok(is_full(done.requeued + done.failed))
}

async fn start_by(app: &App, scope: Scope, swept: &mut Swept) -> Result<bool, sqlx::Error> {
    let done = app.call_in_time(async |conn| sweep::start_by(conn, scope, BATCH).await).await?;
    swept.expired += done;
    Ok(is_full(done))
}

async fn old(
    app: &App,
    scope: Scope,
    limits: Limits,
    walk: &mut Walk<'_>,
    swept: &mut Swept,
) -> Result<bool, sqlx::Error> {
    let (deleted, more) = walk.batch(app, scope, limits.retention_days).await?;
    swept.deleted += deleted;
    Ok(more)
}

async fn workers(app: &App, scope: Scope, swept: &mut Swept) -> Result<bool, sqlx::Error> {
    let forgotten = app.call_in_time(async |conn| sweep::workers(conn, scope, BATCH).await).await?;
    swept.forgotten += forgotten;
    Ok(is_full(forgotten))
}

fn is_full(done: u64) -> bool {
    done >= BATCH.unsigned_abs()
}

/// Makes dispatches due again that have led to no claim, as many as SQS has room for. Once per sweep.
async fn remind(
    app: &App,
    scope: Scope,
    swept: &mut Swept,
    sqs_answers: &mut bool,
) -> Result<(), sqlx::Error> {
    let Some(dispatcher) = &app.dispatcher else { return Ok(()) };
    let backlog = match dispatcher.backlog().await {
        Ok(backlog) => backlog,
        Err(error) => {
            tracing::warn!(
                error = format!("{:#}", anyhow::Error::new(error)),
                "SQS does not answer: nothing is sent"
            );
            *sqs_answers = false;
            return Ok(());
        }
    };
    let room = MAX_BACKLOG.saturating_sub(backlog);
    if room > 0 {
        let room = i64::try_from(room).unwrap_or(BATCH);
        swept.redispatched +=
            app.call_in_time(async |conn| sweep::redispatches(conn, scope, room).await).await?;
    }
    Ok(())
}

/// Lets parked runs go on that may. Whoever freed their slot has claimed them itself, as a rule: this is for when nobody did, also while SQS
/// is full of others' messages. Once per sweep, and nothing else waits for it.
async fn unpark(app: &App, scope: Scope) {
    if let Err(error) = app.call_in_time(async |conn| sweep::parked(conn, scope, BATCH).await).await {
        app.db.discard().await;
        tracing::error!(error = format!("{error:#}"), "parked runs stay parked until the next sweep");
    }
}

/// Notes how things stand, for dashboards and alarms: with the events too, so that somebody tells when nobody delivers them. Once per sweep of everybody's runs; nothing else waits for it, and a sweep that cannot tell does
/// everything else. Returns whether a run waits that could be claimed, and that it may, if nobody knows.
async fn look(app: &App) -> bool {
    let both = async |conn: &mut PgConnection| -> Result<_, sqlx::Error> {
        Ok((sweep::standing(conn).await?, events::standing(conn).await?))
    };
    match app.call_in_time(both).await {
        Ok((runs, events)) => {
            app.metrics.note(metrics::OLDEST_QUEUED, runs.oldest_queued_seconds);
            app.metrics.note(metrics::LEASES_LOST, runs.leases_lost as f64);
            app.metrics.note(metrics::OLDEST_EVENT, events.oldest_seconds);
            app.metrics.note(metrics::LISTENERS_FAILING, events.failing as f64);
            runs.oldest_queued_seconds > 0.0
        }
        Err(error) => {
            app.db.discard().await;
            tracing::warn!(error = format!("{error:#}"), "this sweep does not tell how things stand");
            true
        }
    }
}

/// Sends a batch of what is due.
async fn dispatches(
    app: &App,
    scope: Scope,
    swept: &mut Swept,
    sqs_answers: &mut bool,
) -> Result<bool, sqlx::Error> {
    let Some(dispatcher) = &app.dispatcher else { return Ok(false) };
    let due = app.call_in_time(async |conn| sweep::take_dispatches(conn, scope, BATCH).await).await?;
    let taken = due.taken;
    let by_run: HashMap<Uuid, Taken> = taken.iter().map(|taken| (taken.notice.run_id, *taken)).collect();
    let mut sent: Vec<Taken> = Vec::new();
    for batch in taken.chunks(MAX_BATCH) {
        let notices: Vec<Notice> = batch.iter().map(|taken| taken.notice).collect();
        if !*sqs_answers {
            break;
        }
        let took = send(dispatcher, &notices, sqs_answers).await;
        sent.extend(took.iter().filter_map(|notice| by_run.get(&notice.run_id)));
    }
    if !sent.is_empty() {
        app.call_in_time(async |conn| sweep::mark_dispatched(conn, &sent).await).await?;
    }
    swept.dispatched += sent.len() as u64;
    swept.undispatched += (taken.len() - sent.len()) as u64;
    swept.parked += due.parked;
    Ok(is_full(taken.len() as u64 + due.parked))
}

/// The notices that SQS took. When it takes none, no more is asked of it in this sweep: what is due stays due.
async fn send(dispatcher: &Dispatcher, notices: &[Notice], sqs_answers: &mut bool) -> Vec<Notice> {
    match dispatcher.send_batch(notices).await {
        Ok(taken) => taken,
        Err(error) => {
            tracing::warn!(
                error = format!("{:#}", anyhow::Error::new(error)),
                "SQS does not answer: dispatches stay due"
            );
            *sqs_answers = false;
            Vec::new()
        }
    }
}
