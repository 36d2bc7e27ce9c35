//! Release: hand a run back, to go on later or elsewhere.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::fields::{Faults, is_storable};
use super::heartbeat::{HeartbeatError, HeartbeatRefusal, refusal};
use super::holder::holder;
use super::{Dispatch, Labels, Run, RunStatus, run_from};
use crate::problem::Problem;
use crate::scope::Scope;

/// What a worker sends to hand a run back.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ReleaseRequest {
    /// From the claim.
    pub lease_token: Uuid,
    /// It is not claimed before; at once if left out or past.
    pub available_at: Option<DateTime<Utc>>,
}

impl ReleaseRequest {
    /// Checks every bound.
    ///
    /// # Errors
    /// `invalid_field` if the time cannot be stored.
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = Faults::default();
        if self.available_at.is_some_and(|time| !is_storable(&time)) {
            faults.add("/available_at", "must be in a year from 1 to 9999");
        }
        faults.finish()
    }
}

/// The run was handed back.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ReleaseReply {
    /// Always true.
    pub ok: bool,
    /// The run as stored.
    pub run: Run,
}

/// Makes the run QUEUED again and returns it; neither its attempts nor its lost leases rise. Whoever hands it back tells SQS
/// ([`dispatch::tell`](crate::dispatch::tell)). The request has passed [`ReleaseRequest::check`].
///
/// # Errors
/// [`HeartbeatError`], as for a heartbeat with this token; the run is as it was. `LeaseLost` is also what a second call
/// with the same token gets.
pub async fn release(
    conn: &mut PgConnection,
    scope: Scope,
    run_id: Uuid,
    request: &ReleaseRequest,
) -> Result<Run, HeartbeatError> {
    let row = sqlx::query_file!(
        "sql/release.sql",
        scope.tenant(),
        run_id,
        request.lease_token,
        request.available_at,
    )
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(row) = row {
        return Ok(run_from!(row));
    }
    Err(refusal_with_token(conn, scope, run_id, request.lease_token).await?.into())
}

/// Why a verb that needs the run RUNNING under this token has touched no row.
///
/// # Errors
/// [`sqlx::Error`].
pub(crate) async fn refusal_with_token(
    conn: &mut PgConnection,
    scope: Scope,
    run_id: Uuid,
    lease_token: Uuid,
) -> Result<HeartbeatRefusal, sqlx::Error> {
    let held = holder(conn, scope, run_id, Some(lease_token)).await?;
    Ok(match refusal(held.as_ref().map(|(_, standing)| standing)) {
        // With a token there is no such refusal.
        HeartbeatRefusal::LeaseTokenRequired => HeartbeatRefusal::LeaseLost,
        refusal => refusal,
    })
}
