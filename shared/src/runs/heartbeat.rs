//! Heartbeat: extend a lease that is alive.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::RunStatus;
use super::fields::Faults;
use super::holder::{Standing, holder};
use crate::problem::{Code, Problem};
use crate::scope::Scope;

/// What a worker sends while it works.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct HeartbeatRequest {
    /// From the claim. May be left out only on a run's first claim.
    pub lease_token: Option<Uuid>,
    /// Without a token it has to be the worker that claimed.
    #[schema(min_length = 1, max_length = 200)]
    pub worker_id: Option<String>,
    /// From now, 5 to 43200 seconds; as claimed if left out.
    #[schema(minimum = 5, maximum = 43200)]
    pub lease_seconds: Option<i32>,
}

impl HeartbeatRequest {
    /// Checks every bound.
    ///
    /// # Errors
    /// `invalid_field` or `payload_too_large`, with every field that is out of bounds.
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = Faults::default();
        if let Some(worker) = &self.worker_id {
            faults.text("/worker_id", worker, 200);
        }
        if let Some(seconds) = self.lease_seconds {
            faults.range("/lease_seconds", seconds, 5, 43200);
        }
        faults.finish()
    }
}

/// The lease goes on.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HeartbeatReply {
    /// Always true.
    pub ok: bool,
    /// Which run.
    pub run_id: Uuid,
    /// When the heartbeat was recorded.
    pub heartbeat_at: DateTime<Utc>,
    /// When the lease ends unless another one comes.
    pub lease_expires_at: DateTime<Utc>,
    /// Whose run it is, for the log.
    #[serde(skip)]
    #[schema(ignore)]
    pub tenant_id: Uuid,
    /// Which attempt, for the log.
    #[serde(skip)]
    #[schema(ignore)]
    pub attempt: i32,
}

/// Why a lease was not extended: stop working.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeartbeatRefusal {
    /// Nobody has the run, or it does not exist.
    #[error("run not RUNNING or not found")]
    NotRunning,
    /// The lease expired, or is another worker's.
    #[error("the lease expired or is another worker's: stop working on this run")]
    LeaseLost,
    /// The run was claimed more than once, so a token is needed.
    #[error("this run was claimed more than once: send the lease_token of your claim")]
    LeaseTokenRequired,
    /// The run has ended.
    #[error("the run has already finished")]
    AlreadyFinished,
    /// The run was cancelled.
    #[error("the run was cancelled: stop working on it")]
    Cancelled,
}

/// Why a lease was not extended.
#[derive(Debug, thiserror::Error)]
pub enum HeartbeatError {
    /// Stop working.
    #[error(transparent)]
    Refused(#[from] HeartbeatRefusal),
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

impl From<HeartbeatError> for Problem {
    fn from(error: HeartbeatError) -> Self {
        let refusal = match error {
            HeartbeatError::Refused(refusal) => refusal,
            HeartbeatError::Db(error) => return error.into(),
        };
        let code = match refusal {
            HeartbeatRefusal::NotRunning => Code::RunNotRunning,
            HeartbeatRefusal::LeaseLost => Code::LeaseLost,
            HeartbeatRefusal::LeaseTokenRequired => Code::LeaseTokenRequired,
            HeartbeatRefusal::AlreadyFinished => Code::AlreadyFinished,
            HeartbeatRefusal::Cancelled => Code::RunCancelled,
        };
        Problem::new(code, refusal.to_string())
    }
}

/// Extends the lease that `request.lease_token` fences, if it is alive. The request has passed
/// [`HeartbeatRequest::check`].
///
/// # Errors
/// [`HeartbeatError`]; the lease is as it was.
pub async fn heartbeat(
    conn: &mut PgConnection,
    scope: Scope,
    run_id: Uuid,
    request: &HeartbeatRequest,
) -> Result<HeartbeatReply, HeartbeatError> {
    let row = sqlx::query_file!(
        "sql/heartbeat.sql",
        scope.tenant(),
        run_id,
        request.lease_token,
        request.worker_id,
        request.lease_seconds,
    )
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(row) = row {
        return Ok(HeartbeatReply {
            ok: true,
            run_id,
            heartbeat_at: row.heartbeat_at,
            lease_expires_at: row.lease_expires_at,
            tenant_id: row.tenant_id,
            attempt: row.attempt,
        });
    }
    let held = holder(conn, scope, run_id, request.lease_token).await?;
    Err(refusal(held.as_ref().map(|(_, standing)| standing)).into())
}

/// The table of docs/api.md, read for a heartbeat that touched no row.
pub(super) fn refusal(standing: Option<&Standing>) -> HeartbeatRefusal {
    let Some(standing) = standing else { return HeartbeatRefusal::NotRunning };
    match (standing.status, standing.token_given) {
        (RunStatus::Cancelled, _) => HeartbeatRefusal::Cancelled,
        (RunStatus::Running, false) if standing.claim_count > 1 => HeartbeatRefusal::LeaseTokenRequired,
        // Without a token on the first claim: it has expired, or the worker is another one.
        (RunStatus::Running, _) => HeartbeatRefusal::LeaseLost,
        (RunStatus::Queued, true) => HeartbeatRefusal::LeaseLost,
        (RunStatus::Queued, false) => HeartbeatRefusal::NotRunning,
        (RunStatus::Succeeded | RunStatus::Failed, true) if !standing.holds_token => {
            HeartbeatRefusal::LeaseLost
        }
        (RunStatus::Succeeded | RunStatus::Failed, _) => HeartbeatRefusal::AlreadyFinished,
    }
}
