//! One claimed run: do its work, complete it or hand it back.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use runplane::app::App;
use runplane::dag::execute::{Ended, Journal as _, JournalError};
use runplane::dispatch;
use runplane::runs::{Claim, ClaimedRun, CompleteRequest, Outcome, RunStatus};
use runplane::scope::Scope;
use tokio::time::Instant;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::complete::Completer;
use crate::execute::journal;
use crate::lease::{Kept, Lost};
use crate::leave::Leaving;

/// The `error_code` of a run in which the worker itself went wrong.
pub const PANIC: &str = "worker_panic";

/// Of a run whose steps' results cannot be stored.
pub const NOT_STORED: &str = "results_not_stored";
/// How long work that is told to leave has to store what it has.
const STOPS_WITHIN: Duration = Duration::from_secs(2);

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
    /// The results of its steps, or that it is handed back, did not reach Postgres until it was time to leave.
    #[error("Postgres was not reached until it was time to leave: {0}")]
    OutOfReach(String),
    /// Postgres; others of the batch may have the same error.
    #[error(transparent)]
    Db(#[from] Arc<sqlx::Error>),
}

impl From<sqlx::Error> for RecordError {
    fn from(error: sqlx::Error) -> Self {
        Arc::new(error).into()
    }
}

/// What the runs of a batch share.
#[derive(Debug)]
pub struct Batch {
    /// The worker's state.
    pub app: Arc<App>,
    /// Completes runs that end together.
    pub completer: Completer,
    /// When runs have to be handed back.
    pub leave: Leaving,
}

/// What became of the work on a run.
#[derive(Debug)]
pub enum Worked {
    /// It has ended.
    Ended(CompleteRequest),
    /// It goes on later, or elsewhere.
    HandBack(Option<DateTime<Utc>>),
    /// The results of its steps cannot be stored.
    NotStored(JournalError),
}

impl From<CompleteRequest> for Worked {
    fn from(request: CompleteRequest) -> Self {
        Self::Ended(request)
    }
}

impl From<Result<Ended, JournalError>> for Worked {
    fn from(ended: Result<Ended, JournalError>) -> Self {
        match ended {
            Ok(Ended::Succeeded { output }) => {
                Self::Ended(CompleteRequest { output, ..CompleteRequest::new(Outcome::Succeeded) })
            }
            Ok(Ended::Failed { error_code, error_message, retryable }) => Self::Ended(CompleteRequest {
                error_code: Some(error_code),
                error_message: Some(error_message),
                retryable: Some(retryable),
                ..CompleteRequest::new(Outcome::Failed)
            }),
            Ok(Ended::HandBack { until }) => Self::HandBack(until),
            Err(error) => Self::NotStored(error),
        }
    }
}

/// Does the work under the lease, as a task of its own, and reports its end. The work is dropped where it stands when the lease
/// is lost, or when the run has to be handed back and the work does not stop by itself.
///
/// # Errors
/// [`RecordError::Db`], [`RecordError::Silent`] or [`RecordError::OutOfReach`].
pub async fn run<W: Into<Worked> + Send + 'static>(
    batch: &Batch,
    claim: &Claim,
    mut lease: Kept,
    work: impl Future<Output = W> + Send + 'static,
) -> Result<Done, RecordError> {
    let mut work = tokio::spawn(work.in_current_span());
    let told_to_leave = async {
        batch.leave.token.cancelled().await;
        tokio::time::sleep(STOPS_WITHIN).await;
    };
    let worked = tokio::select! {
        worked = &mut work => worked.map_or_else(|error| Worked::Ended(panicked(&error)), Into::into),
        lost = lease.lost() => {
            work.abort();
            return gone(lost);
        }
        () = told_to_leave => {
            work.abort();
            // It may have ended just now.
            work.await.map_or(Worked::HandBack(None), Into::into)
        }
    };
    let request = match worked {
        Worked::Ended(request) => request,
        Worked::HandBack(until) => {
            lease.let_go().await;
            return hand_back(&batch.app, claim, until).await;
        }
        Worked::NotStored(JournalError::Lost(_)) => return Ok(Done::Lost),
        Worked::NotStored(JournalError::Unavailable(detail)) => return Err(RecordError::OutOfReach(detail)),
        Worked::NotStored(JournalError::Refused(detail)) => refused(&detail),
    };
    let ClaimedRun { run, lease_token } = &claim.run;
    let request = CompleteRequest { lease_token: Some(*lease_token), ..request };
    let mut report = pin!(batch.completer.complete(Scope::Tenant(run.tenant_id), run.id, request));
    let reported = tokio::select! {
        biased;
        reported = &mut report => reported,
        lost = lease.lost() => match lost {
            // A heartbeat right behind our own completion is refused, too. The answer to that one says which it was.
            Lost::Refused => report.await,
            Lost::Silent => return gone(lost),
        },
    };
    lease.let_go().await;
    match reported? {
        Ok(mut run) => {
            let deadline = Instant::now() + dispatch::TELL_WITHIN;
            dispatch::tell_all(&batch.app, std::slice::from_mut(&mut run), deadline).await;
            Ok(Done::Completed(run.status))
        }
        Err(_) => Ok(Done::Lost),
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

/// Results that cannot be stored, ever, are a defect of ours, or an output that is kept where this worker cannot read.
fn refused(detail: &str) -> CompleteRequest {
    tracing::error!(error = detail, "results of steps are refused");
    CompleteRequest {
        error_code: Some(NOT_STORED.to_owned()),
        error_message: Some(detail.to_owned()),
        ..CompleteRequest::new(Outcome::Failed)
    }
}

/// Makes the run QUEUED again, to be claimed not before `until`, and tells SQS.
async fn hand_back(app: &Arc<App>, claim: &Claim, until: Option<DateTime<Utc>>) -> Result<Done, RecordError> {
    match journal(app, claim).hand_back(until).await {
        Ok(()) => Ok(Done::HandedBack),
        Err(JournalError::Lost(_)) => Ok(Done::Lost),
        Err(JournalError::Unavailable(detail) | JournalError::Refused(detail)) => {
            Err(RecordError::OutOfReach(detail))
        }
    }
}
