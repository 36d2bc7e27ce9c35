//! One message: claim its run, run it, complete it.

use std::time::{Duration, Instant};

use aws_lambda_events::sqs::SqsMessage;
use runplane::app::App;
use runplane::db::is_unavailable;
use runplane::dispatch::Message;
use runplane::runs::{self, Claim, CompleteError, CompleteRequest, GetError, Run, RunStatus};
use runplane::scope::Scope;
use uuid::Uuid;

use crate::execute::execute;
use crate::lease::{self, Held, Pace};

/// What became of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Done {
    /// The run was claimed, run and completed.
    Ended(RunStatus),
    /// It was not QUEUED, or not due: somebody else's.
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
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// Works one message off.
///
/// # Errors
/// [`RecordError`]; what the run's row says decides what another delivery will do.
pub async fn handle(app: &App, worker: &str, message: &SqsMessage, pace: Pace) -> Result<Done, RecordError> {
    let Message { run_id } = serde_json::from_str(message.body.as_deref().unwrap_or_default())?;
    tracing::Span::current().record("run.id", run_id.to_string());
    // Our messages carry the tenant as their group. One that was sent by hand has none.
    let tenant = message.attributes.get("MessageGroupId").and_then(|group| group.parse::<Uuid>().ok());
    let scope = Scope::from(tenant);

    // Should the answer be lost, the run is ours without our knowing: the lease expires, and the run is taken over.
    let claim = app.within_limit(async {
        runs::claim_by_id(&mut *app.conn().await?, scope, run_id, worker, pace.lease_seconds).await
    });
    let claim = claim.await?;
    let Some(claim) = claim else { return unclaimed(app, scope, run_id).await };
    work(app, claim, pace).await
}

/// Why the claim found nothing: the run is somebody else's, or there is none.
async fn unclaimed(app: &App, scope: Scope, run_id: Uuid) -> Result<Done, RecordError> {
    match app.within_limit(async { runs::get(&mut *app.conn().await?, scope, run_id).await }).await {
        Ok(_) => Ok(Done::NotOurs),
        Err(GetError::NotFound) => Err(RecordError::NoSuchRun(run_id)),
        Err(GetError::Db(error)) => Err(error.into()),
    }
}

/// Runs a claimed run and completes it.
pub(crate) async fn work(app: &App, claim: Claim, pace: Pace) -> Result<Done, RecordError> {
    let run = &claim.run.run;
    let scope = Scope::Tenant(run.tenant_id);
    let span = tracing::Span::current();
    span.record("tenant.id", run.tenant_id.to_string());
    span.record("run.attempt", run.attempt);

    let request = match lease::keep(app, &claim, pace, execute(&claim)).await {
        Held::Kept(request) => request,
        Held::Lost => return Ok(Done::Lost),
    };
    let request = CompleteRequest { lease_token: Some(claim.run.lease_token), ..request };
    match complete(app, scope, run.id, &request, pace).await {
        Ok(run) => Ok(Done::Ended(run.status)),
        Err(CompleteError::Refused(_)) => Ok(Done::Lost),
        Err(CompleteError::Db(error)) => Err(error.into()),
    }
}

/// Reports the end, again and again for as long as a lease lasts: the work is done, and only the report is missing. The
/// token makes a report that arrived twice harmless.
async fn complete(
    app: &App,
    scope: Scope,
    run_id: Uuid,
    request: &CompleteRequest,
    pace: Pace,
) -> Result<Run, CompleteError> {
    let give_up = Instant::now() + Duration::from_secs(pace.lease_seconds.unsigned_abs().into());
    loop {
        let report =
            app.within_limit(async { runs::complete(&mut *app.conn().await?, scope, run_id, request).await });
        match report.await {
            Err(CompleteError::Db(error)) if is_unavailable(&error) && Instant::now() < give_up => {
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
