//! Retry: a new run of the lineage of one that ended badly.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::fields::Faults;
use super::idempotency::{KeyUse, digest, find_by_key};
use super::{Created, Dispatch, Labels, RunStatus, run_from};
use crate::problem::Problem;
use crate::scope::Scope;

/// Where a retry begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RetryFrom {
    /// With the first step.
    #[default]
    Start,
}

/// What a client sends to retry a run. The body may be left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct RetryRequest {
    /// Up to 256 KiB; those of the run if left out.
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Map<String, Value>>,
    /// `start` if left out.
    pub from: Option<RetryFrom>,
    /// Another APPROVED version of the same pipeline; the run's if left out.
    pub pipeline_version_id: Option<Uuid>,
}

impl RetryRequest {
    /// Checks every bound.
    ///
    /// # Errors
    /// `invalid_field` or `payload_too_large`.
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = Faults::default();
        if let Some(parameters) = &self.parameters {
            faults.json("/parameters", &Value::Object(parameters.clone()));
        }
        faults.finish()
    }
}

/// What an Idempotency-Key of a retry stands for. Its fields are no create request's: one key cannot serve both.
#[derive(Serialize)]
struct Keyed<'a> {
    retry_of_run_id: Uuid,
    #[serde(flatten)]
    request: &'a RetryRequest,
}

/// Why a run was not retried.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    /// There is none in this scope.
    #[error("run not found")]
    NotFound,
    /// It has not ended badly.
    #[error("only a run that FAILED or was CANCELLED is retried, this one is {}", .0.as_str())]
    InvalidTransition(RunStatus),
    /// The pipeline has no such version.
    #[error("the run's pipeline has no such version")]
    VersionNotFound,
    /// The version is DRAFT or DEPRECATED.
    #[error("pipeline version must be APPROVED to run")]
    VersionNotApproved,
    /// The version's dag_spec is read by its own workers only, and the run is pushed to ours.
    #[error("a dag_spec of kind {kind:?} is not run by the push worker")]
    OpaqueSpecPushed {
        /// What the spec says it is.
        kind: String,
    },
    /// The key came before, with another request.
    #[error("this Idempotency-Key came before with another body")]
    IdempotencyKeyReused,
    /// The request could not be put into its canonical form.
    #[error("request digest")]
    Digest(#[from] serde_json::Error),
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// Inserts the new run; `idempotency_key` (1 to 255 characters) makes the call repeatable. Everything that the request does
/// not name is as in the run that is retried, but for `run_after` and `start_by`, which were about that one. Whoever
/// retries tells SQS ([`dispatch::tell`](crate::dispatch::tell)). The request has passed [`RetryRequest::check`].
///
/// # Errors
/// [`RetryError`]; nothing was inserted.
pub async fn retry(
    conn: &mut PgConnection,
    scope: Scope,
    run_id: Uuid,
    request: &RetryRequest,
    idempotency_key: Option<&str>,
) -> Result<Created, RetryError> {
    let digest = idempotency_key.map(|_| digest(&Keyed { retry_of_run_id: run_id, request })).transpose()?;
    let row = sqlx::query_file!(
        "sql/retry.sql",
        Uuid::now_v7(),
        scope.tenant(),
        run_id,
        request.parameters.as_ref().map(Json) as _,
        request.pipeline_version_id,
        idempotency_key,
        digest.as_deref(),
    )
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(row) = row {
        return Ok(Created { run: run_from!(row), new: true });
    }
    let row = sqlx::query!(
        r#"select r.tenant_id, r.status as "status: RunStatus", v.status as "version_status?", v.dag_spec ->> 'kind' as kind
           from pipeline_runs r
           left join pipeline_versions v on v.id = coalesce($3, r.pipeline_version_id) and v.pipeline_id = r.pipeline_id
           where r.id = $2 and ($1::uuid is null or r.tenant_id = $1)"#,
        scope.tenant(),
        run_id,
        request.pipeline_version_id,
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(RetryError::NotFound)?;
    if let (Some(key), Some(digest)) = (idempotency_key, &digest) {
        match find_by_key(conn, row.tenant_id, key, digest).await? {
            KeyUse::Unused => {}
            KeyUse::Same(run) => return Ok(Created { run: *run, new: false }),
            KeyUse::Other => return Err(RetryError::IdempotencyKeyReused),
        }
    }
    Err(match (row.status, row.version_status.as_deref()) {
        (RunStatus::Queued | RunStatus::Running | RunStatus::Succeeded, _) => {
            RetryError::InvalidTransition(row.status)
        }
        (_, None) => RetryError::VersionNotFound,
        (_, Some("APPROVED")) => RetryError::OpaqueSpecPushed { kind: row.kind.unwrap_or_default() },
        (_, Some(_)) => RetryError::VersionNotApproved,
    })
}
