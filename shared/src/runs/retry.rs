//! Retry: a new run of the lineage of one that ended badly.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::fields::Faults;
use super::idempotency::{KeyUse, digest, find_by_key};
use super::kept::{Keep, Kept, keep};
use super::parameters::{Checked, Parameters, against};
use super::{Created, Dispatch, Labels, Run, RunStatus, run_from};
use crate::dag::params::secrets::{has_all, put_back};
use crate::dag::{ParamsCache, ParamsError};
use crate::problem::{FieldError, Problem};
use crate::scope::Scope;
use crate::traces::Traceparent;

/// Where a retry begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RetryFrom {
    /// With the first step.
    #[default]
    Start,
    /// With what has not SUCCEEDED: results of steps that need not run again are kept.
    Failed,
}

/// What a client sends to retry a run. The body may be left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct RetryRequest {
    /// As the version's `params` ask, which fill in the defaults of what is left out; up to 256 KiB with them. Those of the run if left out.
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Map<String, Value>>,
    /// `start` if left out. `failed` keeps the results of steps that SUCCEEDED or were SKIPPED, but for those behind what runs again; the
    /// parameters are those of the run then.
    pub from: Option<RetryFrom>,
    /// Another APPROVED version of the same pipeline; the run's if left out. From `failed`, steps that are defined otherwise in it run again.
    pub pipeline_version_id: Option<Uuid>,
    /// Nothing of the body: what its trace goes on from, as the edge has it. Two requests that differ in it alone are the same.
    #[serde(skip)]
    pub traceparent: Option<Traceparent>,
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
            if self.from == Some(RetryFrom::Failed) {
                faults.add(
                    "/parameters",
                    "may not be given with from failed: results that are kept were made from those of the run; retry it from the start",
                );
            }
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
    /// Nobody but its workers knows the steps of the run, or of the version.
    #[error("the steps of a run with an opaque spec are its workers' own: retry it from the start")]
    OpaqueFromFailed,
    /// The parameters are not what the version's `params` ask for. At least one fault, with pointers that start with `/parameters`.
    #[error("the parameters are not what the version asks for")]
    InvalidParameters(Vec<FieldError>),
    /// The version's `params` cannot be used. It was approved without being checked.
    #[error(transparent)]
    Params(ParamsError),
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
/// not name is as in the run that is retried, but for `run_after` and `start_by`, which were about that one. From `failed`, the new run has the rows of
/// the steps and items that need not run again, as of its attempt 0. Whoever retries tells SQS ([`dispatch::tell`](crate::dispatch::tell)). The request has passed [`RetryRequest::check`].
///
/// Parameters are checked where they or the version are others than the run's: those of the run were when it was created.
///
/// # Errors
/// [`RetryError`]; nothing was inserted.
pub async fn retry(
    conn: &mut PgConnection,
    cache: &ParamsCache,
    scope: Scope,
    run_id: Uuid,
    request: &RetryRequest,
    idempotency_key: Option<&str>,
) -> Result<Created, RetryError> {
    let digest = idempotency_key.map(|_| digest(&Keyed { retry_of_run_id: run_id, request })).transpose()?;
    let as_before = request.parameters.is_none() && request.pipeline_version_id.is_none();
    let checked = if as_before { None } else { Some(check(conn, cache, scope, run_id, request).await?) };
    let parameters = match &checked {
        None => Some(None),
        Some(Checked::Right(parameters)) => Some(Some(parameters)),
        Some(Checked::Wrong(_) | Checked::NoSchema(_) | Checked::NotApproved) => None,
    };
    let kept = match request.from {
        Some(RetryFrom::Failed) => keep(conn, scope, run_id, request.pipeline_version_id).await?,
        Some(RetryFrom::Start) | None => Keep::Steps(Kept::default()),
    };
    if let (Some(parameters), Keep::Steps(kept)) = (parameters, &kept) {
        let new = New { parameters, kept, idempotency_key, digest: digest.as_deref() };
        let row = insert(conn, scope, run_id, request, new).await?;
        if let Some(run) = row {
            return Ok(Created { run, new: true });
        }
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
    Err(match (row.status, row.version_status.as_deref(), checked) {
        (RunStatus::Queued | RunStatus::Running | RunStatus::Succeeded, _, _) => {
            RetryError::InvalidTransition(row.status)
        }
        (_, None, _) => RetryError::VersionNotFound,
        (_, Some("APPROVED"), _) if matches!(kept, Keep::Opaque) => RetryError::OpaqueFromFailed,
        // Approved a moment ago: it was not when its params and steps were looked for.
        (_, Some("APPROVED"), Some(Checked::NotApproved)) => RetryError::VersionNotApproved,
        (_, Some("APPROVED"), _) if matches!(kept, Keep::Nothing) => RetryError::VersionNotApproved,
        (_, Some("APPROVED"), Some(Checked::Wrong(faults))) => RetryError::InvalidParameters(faults),
        (_, Some("APPROVED"), Some(Checked::NoSchema(error))) => RetryError::Params(error),
        (_, Some("APPROVED"), Some(Checked::Right(_)) | None) => {
            RetryError::OpaqueSpecPushed { kind: row.kind.unwrap_or_default() }
        }
        (_, Some(_), _) => RetryError::VersionNotApproved,
    })
}

/// The parameters of the new run, its own or those of the run, against the version that it gets.
async fn check(
    conn: &mut PgConnection,
    cache: &ParamsCache,
    scope: Scope,
    run_id: Uuid,
    request: &RetryRequest,
) -> Result<Checked, RetryError> {
    let row = sqlx::query!(
        r#"select v.id, v.tenant_id, r.parameters as "parameters: Json<Map<String, Value>>", s.parameters as "secret?: Json<Map<String, Value>>",
                  jsonb_build_object('kind', v.dag_spec -> 'kind', 'params', v.dag_spec -> 'params') as "spec!"
           from pipeline_runs r
           join pipeline_versions v on v.id = coalesce($3, r.pipeline_version_id) and v.pipeline_id = r.pipeline_id
           left join run_secrets s on s.run_id = r.id
           where r.id = $2 and ($1::uuid is null or r.tenant_id = $1) and v.status = 'APPROVED'
             and r.status in ('FAILED', 'CANCELLED')"#,
        scope.tenant(),
        run_id,
        request.pipeline_version_id,
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(Checked::NotApproved) };
    let Some(secret) = row.secret.filter(|_| request.parameters.is_none()) else {
        let parameters = request.parameters.clone().unwrap_or(row.parameters.0);
        return Ok(against(cache, (row.tenant_id, row.id), &row.spec, parameters));
    };
    let mut parameters = row.parameters.0;
    put_back(&mut parameters, secret.0.clone());
    let checked = against(cache, (row.tenant_id, row.id), &row.spec, parameters);
    Ok(match checked {
        // Elsewhere it would be shown.
        Checked::Right(parameters)
            if !parameters.secret.as_ref().is_some_and(|taken| has_all(taken, &secret.0)) =>
        {
            let detail =
                "of the run are secret in places where this version has none: give parameters of its own";
            Checked::Wrong(vec![FieldError::new("/parameters", detail)])
        }
        checked => checked,
    })
}

/// What the new run has that the one it retries has not.
struct New<'a> {
    /// None: those of the run.
    parameters: Option<&'a Parameters>,
    kept: &'a Kept,
    idempotency_key: Option<&'a str>,
    digest: Option<&'a [u8]>,
}

/// None: there is nothing to retry, or it has been retried already.
async fn insert(
    conn: &mut PgConnection,
    scope: Scope,
    run_id: Uuid,
    request: &RetryRequest,
    new: New<'_>,
) -> Result<Option<Run>, sqlx::Error> {
    let row = sqlx::query_file!(
        "sql/retry.sql",
        Uuid::now_v7(),
        scope.tenant(),
        run_id,
        new.parameters.map(|parameters| Json(&parameters.shown)) as _,
        request.pipeline_version_id,
        new.idempotency_key,
        new.digest,
        &new.kept.step_ids,
        &new.kept.whole,
        &new.kept.oldest,
        new.parameters.and_then(|parameters| parameters.secret.as_ref()).map(Json) as _,
        request.traceparent.as_ref().map(ToString::to_string),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| run_from!(row)))
}
