//! One message: claim its run, run it, complete it or hand it back.

use std::sync::Arc;

use aws_lambda_events::sqs::SqsMessage;
use runplane::app::App;
use runplane::db::is_unavailable;
use runplane::dispatch::{self, Message};
use runplane::runs::{
    self, Claim, CompleteError, CompleteRequest, GetError, HeartbeatError, Outcome, ReleaseRequest, Run,
    RunStatus,
};
use runplane::scope::Scope;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::Worker;
use crate::execute::execute;
use crate::lease::{self, Kept, Lost, Pace};

/// The `error_code` of a run in which the worker itself went wrong.
pub const PANIC: &str = "worker_panic";

/// What became of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Done {
    /// The run was claimed and run: it has ended, or is QUEUED for another attempt.
    Completed(RunStatus),
    /// The run was claimed, and handed back when the time was over.
    HandedBack,
    /// Somebody has it, it is not due, or it has ended.
    NotOurs,
    /// It was taken away while we worked.
    Lost,
}

/// Why a message has to come again, and ends in the dead-letter queue if that does not help.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Its body is not `{"run_id": …}`.
    // Where, not what: the error itself may quote the body.
    #[error("its body is not {{\"run_id\": \"<uuid>\"}} (line {}, column {})", .0.line(), .0.column())]
    Unreadable(#[from] serde_json::Error),
    /// There is no such run.
    #[error("there is no run {0}")]
    NoSuchRun(Uuid),
    /// Postgres could not be reached for as long as the lease lasts.
    #[error("no heartbeat reached Postgres for as long as the lease lasts: the run may be somebody else's")]
    Silent,
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// Works one message off; hands its run back when `leave` is cancelled.
///
/// # Errors
/// [`RecordError`]; what the run's row says decides what another delivery will do.
pub async fn handle(
    worker: &Worker,
    message: &SqsMessage,
    leave: &CancellationToken,
) -> Result<Done, RecordError> {
    let Message { run_id } = serde_json::from_str(message.body.as_deref().unwrap_or_default())?;
    tracing::Span::current().record("run.id", run_id.to_string());
    // Our messages carry the tenant as their group. One that was sent by hand has none.
    let tenant = message.attributes.get("MessageGroupId").and_then(|group| group.parse::<Uuid>().ok());
    let scope = Scope::from(tenant);
    let Worker { app, name, pace } = worker;

    // Should the answer be lost, the run is ours without our knowing: its lease expires, and it is taken over.
    let asked_at = Instant::now();
    let claim =
        app.call_in_time(async |conn| runs::claim_by_id(conn, scope, run_id, name, pace.lease_seconds).await);
    let Some(claim) = claim.await? else { return unclaimed(app, scope, run_id).await };
    let span = tracing::Span::current();
    span.record("tenant.id", claim.run.run.tenant_id.to_string());
    span.record("run.attempt", claim.run.run.attempt);

    let lease = lease::keep(app, &claim, asked_at, *pace, message.receipt_handle.clone());
    let claim = Arc::new(claim);
    let work = Arc::clone(&claim);
    run(app, &claim, lease, *pace, leave, async move { execute(&work).await }).await
}

/// Why the claim found nothing: the run is somebody else's, or there is none.
async fn unclaimed(app: &App, scope: Scope, run_id: Uuid) -> Result<Done, RecordError> {
    match app.call_in_time(async |conn| runs::get(conn, scope, run_id).await).await {
        Ok(_) => Ok(Done::NotOurs),
        Err(GetError::NotFound) => Err(RecordError::NoSuchRun(run_id)),
        Err(GetError::Db(error)) => Err(error.into()),
    }
}

/// Does the work under the lease, as a task of its own, and reports its end. The work is dropped where it stands when the lease
/// is lost or the run has to be handed back.
///
/// # Errors
/// [`RecordError::Db`] or [`RecordError::Silent`].
pub async fn run(
    app: &App,
    claim: &Claim,
    mut lease: Kept,
    pace: Pace,
    leave: &CancellationToken,
    work: impl Future<Output = CompleteRequest> + Send + 'static,
) -> Result<Done, RecordError> {
    let mut work = tokio::spawn(work.in_current_span());
    let request = tokio::select! {
        ended = &mut work => ended.unwrap_or_else(|error| panicked(&error)),
        lost = lease.lost() => {
            work.abort();
            return gone(lost);
        }
        () = leave.cancelled() => {
            work.abort();
            lease.let_go().await;
            return hand_back(app, claim).await;
        }
    };
    let request = CompleteRequest { lease_token: Some(claim.run.lease_token), ..request };
    let reported = tokio::select! {
        reported = report(app, claim, &request, pace, leave) => reported,
        lost = lease.lost() => return gone(lost),
    };
    lease.let_go().await;
    match reported {
        Ok(mut run) => {
            dispatch::tell(app, &mut run, Instant::now() + dispatch::TELL_WITHIN).await;
            Ok(Done::Completed(run.status))
        }
        Err(CompleteError::Refused(_)) => Ok(Done::Lost),
        Err(CompleteError::Db(error)) => Err(error.into()),
    }
}

fn gone(lost: Lost) -> Result<Done, RecordError> {
    match lost {
        Lost::Refused => Ok(Done::Lost),
        Lost::Silent => Err(RecordError::Silent),
    }
}

/// A panic is a defect of ours: it fails this run and no other, and another attempt may go better.
fn panicked(error: &tokio::task::JoinError) -> CompleteRequest {
    tracing::error!(error = error.to_string(), "the worker panicked in this run");
    CompleteRequest {
        error_code: Some(PANIC.to_owned()),
        error_message: Some("the worker went wrong in this run; its log says how".to_owned()),
        ..CompleteRequest::new(Outcome::Failed)
    }
}

/// Reports the end, again and again while Postgres is out of reach: the work is done, and only the report is missing. The
/// token makes a report that arrived twice harmless.
async fn report(
    app: &App,
    claim: &Claim,
    request: &CompleteRequest,
    pace: Pace,
    leave: &CancellationToken,
) -> Result<Run, CompleteError> {
    let run = &claim.run.run;
    loop {
        let complete = async |conn: &mut sqlx::PgConnection| {
            runs::complete(conn, Scope::Tenant(run.tenant_id), run.id, request).await
        };
        match app.call_in_time(complete).await {
            Err(CompleteError::Db(error)) if is_unavailable(&error) && !leave.is_cancelled() => {
                app.db.discard().await;
                tracing::warn!(
                    error = format!("{error:#}"),
                    "completion did not reach Postgres: trying again"
                );
                tokio::time::sleep(pace.retry_after).await;
            }
            answer => return answer,
        }
    }
}

/// Makes the run QUEUED again, to be claimed at once, and tells SQS.
async fn hand_back(app: &App, claim: &Claim) -> Result<Done, RecordError> {
    let run = &claim.run.run;
    let request = ReleaseRequest { lease_token: claim.run.lease_token, available_at: None };
    let release = async |conn: &mut sqlx::PgConnection| {
        runs::release(conn, Scope::Tenant(run.tenant_id), run.id, &request).await
    };
    match app.call_in_time(release).await {
        Ok(mut run) => {
            dispatch::tell(app, &mut run, Instant::now() + dispatch::TELL_WITHIN).await;
            Ok(Done::HandedBack)
        }
        Err(HeartbeatError::Refused(_)) => Ok(Done::Lost),
        Err(HeartbeatError::Db(error)) => Err(error.into()),
    }
}
