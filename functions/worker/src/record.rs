//! One message: claim its run, run it, complete it.

use aws_lambda_events::sqs::SqsMessage;
use runplane::app::App;
use runplane::dispatch::Message;
use runplane::runs::{self, Claim, CompleteError, CompleteRequest, GetError, RunStatus};
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
    #[error("its body is not {{\"run_id\": \"<uuid>\"}}: {0}")]
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

    let claim = runs::claim_by_id(&mut *app.conn().await?, scope, run_id, worker, pace.lease_seconds).await?;
    let Some(claim) = claim else { return unclaimed(app, scope, run_id).await };
    work(app, claim, pace).await
}

/// Why the claim found nothing: the run is somebody else's, or there is none.
async fn unclaimed(app: &App, scope: Scope, run_id: Uuid) -> Result<Done, RecordError> {
    match runs::get(&mut *app.conn().await?, scope, run_id).await {
        Ok(_) => Ok(Done::NotOurs),
        Err(GetError::NotFound) => Err(RecordError::NoSuchRun(run_id)),
        Err(GetError::Db(error)) => Err(error.into()),
    }
}

async fn work(app: &App, claim: Claim, pace: Pace) -> Result<Done, RecordError> {
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
    match runs::complete(&mut *app.conn().await?, scope, run.id, &request).await {
        Ok(run) => Ok(Done::Ended(run.status)),
        Err(CompleteError::Refused(_)) => Ok(Done::Lost),
        Err(CompleteError::Db(error)) => Err(error.into()),
    }
}
