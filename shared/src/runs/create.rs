//! Create: a QUEUED run of an APPROVED version.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::fields::{Faults, is_storable};
use super::idempotency::{KeyUse, digest, find_by_key};
use super::parameters::{Checked, Parameters, of_version};
use super::{Dispatch, Labels, Run, RunStatus, run_from};
use crate::dag::{ParamsCache, ParamsError};
use crate::problem::{FieldError, Problem};
use crate::strict;
use crate::traces::Traceparent;

/// What a client sends to create a run.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CreateRequest {
    /// Whose run it becomes. A caller of a tenant may leave it out: it is that tenant then. A caller across tenants has to say.
    #[schema(required = false)]
    pub tenant_id: Uuid,
    /// An APPROVED version of the tenant's own.
    pub pipeline_version_id: Uuid,
    /// As the version's `params` ask, which fill in the defaults of what is left out; up to 256 KiB with them. `{}` if left out.
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Map<String, Value>>,
    /// 1 to 30 characters; `manual` if left out.
    #[schema(min_length = 1, max_length = 30)]
    pub trigger_type: Option<String>,
    /// `push` if left out.
    #[serde(default, deserialize_with = "strict::optional_word")]
    pub dispatch: Option<Dispatch>,
    /// 1 to 100 characters; the pipeline's queue if left out, else `default`.
    #[schema(min_length = 1, max_length = 100)]
    pub queue: Option<String>,
    /// 0 to 9, 9 is claimed first; 5 if left out.
    #[schema(minimum = 0, maximum = 9)]
    pub priority: Option<i32>,
    /// It is not claimed before; at once if left out or past.
    pub run_after: Option<DateTime<Utc>>,
    /// Cancelled if not started by then; it has to lie ahead, and after `run_after`.
    pub start_by: Option<DateTime<Utc>>,
    /// 1 to 20; as the dag_spec's `retry` says if left out, else 1.
    #[schema(minimum = 1, maximum = 20)]
    pub max_attempts: Option<i32>,
    /// 0 to 20; 3 if left out.
    #[schema(minimum = 0, maximum = 20)]
    pub max_lost: Option<i32>,
    /// At most 16, keys of 1 to 63 and values of up to 255 characters.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    pub labels: Option<Labels>,
    /// 1 to 200 characters: at most one run of the tenant with this key is RUNNING at a time. No bound if left out.
    #[schema(min_length = 1, max_length = 200)]
    pub concurrency_key: Option<String>,
    /// Nothing of the body: what its trace goes on from, as the edge has it. Two requests that differ in it alone are the same.
    #[serde(skip)]
    pub traceparent: Option<Traceparent>,
}

impl CreateRequest {
    /// Checks every bound.
    ///
    /// # Errors
    /// `invalid_field` or `payload_too_large`, with every field that is out of bounds.
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = Faults::default();
        if let Some(parameters) = &self.parameters {
            faults.json("/parameters", &Value::Object(parameters.clone()));
        }
        if let Some(trigger_type) = &self.trigger_type {
            faults.text("/trigger_type", trigger_type, 30);
        }
        if let Some(queue) = &self.queue {
            faults.text("/queue", queue, 100);
        }
        faults.range("/priority", self.priority.unwrap_or(5), 0, 9);
        faults.range("/max_attempts", self.max_attempts.unwrap_or(1), 1, 20);
        faults.range("/max_lost", self.max_lost.unwrap_or(3), 0, 20);
        if self.run_after.is_some_and(|time| !is_storable(&time)) {
            faults.add("/run_after", "must be in a year from 1 to 9999");
        }
        if self.start_by.is_some_and(|time| !is_storable(&time)) {
            faults.add("/start_by", "must be in a year from 1 to 9999");
        }
        if let (Some(run_after), Some(start_by)) = (self.run_after, self.start_by)
            && start_by <= run_after
        {
            faults.add("/start_by", "must be later than run_after, or the run could never start");
        }
        if let Some(labels) = &self.labels {
            faults.labels("/labels", labels);
        }
        if let Some(key) = &self.concurrency_key {
            faults.text("/concurrency_key", key, 200);
        }
        faults.finish()
    }
}

/// A run that a create request has led to.
#[derive(Debug)]
pub struct Created {
    /// The run.
    pub run: Run,
    /// False if an earlier request with the same Idempotency-Key created it.
    pub new: bool,
}

/// Why a run was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// No such tenant.
    #[error("tenant not found")]
    TenantNotFound,
    /// No such version, or another tenant's.
    #[error("pipeline version not found")]
    VersionNotFound,
    /// The version is DRAFT or DEPRECATED.
    #[error("pipeline version must be APPROVED to run")]
    VersionNotApproved,
    /// The version's dag_spec is read by its own workers only, and the run was to be pushed to ours.
    #[error("a dag_spec of kind {kind:?} is not run by the push worker")]
    OpaqueSpecPushed {
        /// What the spec says it is.
        kind: String,
    },
    /// The parameters are not what the version's `params` ask for. At least one fault, with pointers that start with `/parameters`.
    #[error("the parameters are not what the version asks for")]
    InvalidParameters(Vec<FieldError>),
    /// The version's `params` cannot be used. It was approved without being checked.
    #[error(transparent)]
    Params(ParamsError),
    /// `start_by` is past.
    #[error("start_by must lie ahead")]
    StartByPast,
    /// The key came before, with another body.
    #[error("this Idempotency-Key came before with another body")]
    IdempotencyKeyReused,
    /// The request could not be put into its canonical form.
    #[error("request digest")]
    Digest(#[from] serde_json::Error),
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// Inserts the run; `idempotency_key` (1 to 255 characters) makes the call repeatable. The request has passed
/// [`CreateRequest::check`]. Its parameters are checked here, against what `cache` knows of the version, or else a first look at it.
///
/// # Errors
/// [`CreateError`]; nothing was inserted.
pub async fn create(
    conn: &mut PgConnection,
    cache: &ParamsCache,
    request: &CreateRequest,
    idempotency_key: Option<&str>,
) -> Result<Created, CreateError> {
    let digest = idempotency_key.map(|_| digest(request)).transpose()?;
    let given = request.parameters.clone().unwrap_or_default();
    let checked = of_version(conn, cache, request.tenant_id, request.pipeline_version_id, given).await?;
    if let Checked::Right(parameters) = &checked {
        let row = insert(conn, request, parameters, idempotency_key, digest.as_deref()).await?;
        if let Some(run) = row {
            return Ok(Created { run, new: true });
        }
    }
    if let (Some(key), Some(digest)) = (idempotency_key, &digest) {
        match find_by_key(conn, request.tenant_id, key, digest).await? {
            KeyUse::Unused => {}
            KeyUse::Same(run) => return Ok(Created { run: *run, new: false }),
            KeyUse::Other => return Err(CreateError::IdempotencyKeyReused),
        }
    }
    let refusal = refusals(conn, vec![(request, checked)]).await?.pop();
    Err(refusal.unwrap_or(CreateError::TenantNotFound))
}

/// None: there is nothing to insert, or it is there already.
async fn insert(
    conn: &mut PgConnection,
    request: &CreateRequest,
    parameters: &Parameters,
    idempotency_key: Option<&str>,
    digest: Option<&[u8]>,
) -> Result<Option<Run>, sqlx::Error> {
    let no_labels = Labels::new();
    let row = sqlx::query_file!(
        "sql/create.sql",
        Uuid::now_v7(),
        request.tenant_id,
        request.pipeline_version_id,
        request.trigger_type.as_deref().unwrap_or("manual"),
        Json(&parameters.shown) as _,
        request.queue.as_deref(),
        request.priority.unwrap_or(5) as i16,
        Json(request.labels.as_ref().unwrap_or(&no_labels)) as _,
        request.dispatch.unwrap_or_default().as_str(),
        request.run_after,
        request.max_attempts,
        request.max_lost.unwrap_or(3),
        idempotency_key,
        digest,
        request.start_by,
        request.concurrency_key,
        parameters.secret.as_ref().map(Json) as _,
        request.traceparent.as_ref().map(ToString::to_string),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| run_from!(row)))
}

/// Why the insert found nothing to insert, or was not tried: for each request with what came of its parameters, in this order.
pub(super) async fn refusals(
    conn: &mut PgConnection,
    refused: Vec<(&CreateRequest, Checked)>,
) -> Result<Vec<CreateError>, sqlx::Error> {
    if refused.is_empty() {
        return Ok(Vec::new());
    }
    let tenants: Vec<_> = refused.iter().map(|(request, _)| request.tenant_id).collect();
    let versions: Vec<_> = refused.iter().map(|(request, _)| request.pipeline_version_id).collect();
    let start_by: Vec<_> = refused.iter().map(|(request, _)| request.start_by).collect();
    let rows = sqlx::query_file!("sql/create_refusals.sql", &tenants, &versions, &start_by[..] as _)
        .fetch_all(conn)
        .await?;
    let mut found: HashMap<_, _> = rows.into_iter().map(|row| (row.position, row)).collect();
    // Postgres counts from 1.
    let refusals = (1..).zip(refused).map(|(position, (_, checked))| {
        let Some(row) = found.remove(&position) else { return CreateError::TenantNotFound };
        match (row.status.as_deref(), checked) {
            (None, _) => CreateError::VersionNotFound,
            // Approved a moment ago: it was not when its params were looked for.
            (Some("APPROVED"), Checked::NotApproved) => CreateError::VersionNotApproved,
            (Some("APPROVED"), _) if row.late == Some(true) => CreateError::StartByPast,
            (Some("APPROVED"), Checked::Wrong(faults)) => CreateError::InvalidParameters(faults),
            (Some("APPROVED"), Checked::NoSchema(error)) => CreateError::Params(error),
            (Some("APPROVED"), Checked::Right(_)) => {
                CreateError::OpaqueSpecPushed { kind: row.kind.unwrap_or_default() }
            }
            (Some(_), _) => CreateError::VersionNotApproved,
        }
    });
    Ok(refusals.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(request: &str) -> String {
        hex::encode(super::digest(&serde_json::from_str::<CreateRequest>(request).unwrap()).unwrap())
    }

    #[test]
    fn a_dispatch_is_a_string_or_left_out() {
        let read = |dispatch: &str| {
            let ids = r#""tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6",
                         "pipeline_version_id": "b31dbeba-3a2e-4fa9-a084-72c75f9f18a3""#;
            serde_json::from_str::<CreateRequest>(&format!("{{{ids}{dispatch}}}"))
                .map(|request| request.dispatch)
        };
        assert_eq!(read("").unwrap(), None);
        assert_eq!(read(r#", "dispatch": null"#).unwrap(), None);
        assert_eq!(read(r#", "dispatch": "pull""#).unwrap(), Some(Dispatch::Pull));
        read(r#", "dispatch": {"pull": null}"#).unwrap_err();
    }

    /// Stored digests outlive a release: if this one changes, every key in use is answered 422.
    #[test]
    fn the_digest_of_a_request_stays_what_it_is() {
        let ids = r#""tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6",
                     "pipeline_version_id": "b31dbeba-3a2e-4fa9-a084-72c75f9f18a3""#;
        let pinned = "3348343afcbb8054556a2ce1b2d8d1a6a6397b9a4cbc959444539d1a7d70811e";
        assert_eq!(
            digest(&format!(r#"{{{ids}, "priority": 5, "parameters": {{"b": 1, "a": [null]}}}}"#)),
            pinned
        );
        assert_eq!(
            digest(&format!(
                r#"{{"parameters": {{"a": [null], "b": 1}}, "priority": 5, "queue": null, {ids}}}"#
            )),
            pinned
        );
        assert_ne!(digest(&format!("{{{ids}}}")), pinned);
    }
}
