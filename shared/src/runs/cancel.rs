//! Cancel: end a run that has not ended, whoever holds it.

use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::fields::Faults;
use super::holder::holder;
use super::{Dispatch, Labels, Run, RunStatus, run_from};
use crate::problem::Problem;
use crate::scope::Scope;

/// What a client sends to cancel a run. The body may be left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct CancelRequest {
    /// Why, for people: 1 to 1000 characters. The run shows it as its `error_message`.
    #[schema(min_length = 1, max_length = 1000)]
    pub reason: Option<String>,
}

impl CancelRequest {
    /// Checks every bound.
    ///
    /// # Errors
    /// `invalid_field` if the reason is out of bounds.
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = Faults::default();
        if let Some(reason) = &self.reason {
            faults.text("/reason", reason, 1000);
        }
        faults.finish()
    }
}

/// Why a run was not cancelled.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// There is none in this scope.
    #[error("run not found")]
    NotFound,
    /// It SUCCEEDED or FAILED before.
    #[error("the run has already finished")]
    AlreadyFinished,
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// A run that is CANCELLED.
#[derive(Clone, Debug, PartialEq)]
pub struct Cancelled {
    /// As it is stored.
    pub run: Run,
    /// Whether it was not before.
    pub new: bool,
}

/// Cancels the run and returns it as stored; one that is cancelled already is returned unchanged. Its worker learns of it from
/// the answer to its next heartbeat. The request has passed [`CancelRequest::check`].
///
/// # Errors
/// [`CancelError`]; the run is as it was.
pub async fn cancel(
    conn: &mut PgConnection,
    scope: Scope,
    run_id: Uuid,
    request: &CancelRequest,
) -> Result<Cancelled, CancelError> {
    let row = sqlx::query_file!("sql/cancel.sql", scope.tenant(), run_id, request.reason)
        .fetch_optional(&mut *conn)
        .await?;
    if let Some(row) = row {
        return Ok(Cancelled { run: run_from!(row), new: true });
    }
    let run = holder(conn, scope, run_id, None).await?.ok_or(CancelError::NotFound)?.0;
    if run.status == RunStatus::Cancelled {
        Ok(Cancelled { run, new: false })
    } else {
        Err(CancelError::AlreadyFinished)
    }
}
