//! Create a version: a draft with a dag_spec of its own, or with another version's.

use serde::Deserialize;
use serde_json::{Map, Value};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{MAX_VERSION_CHARS, VersionInFull, VersionStatus, in_full};
use crate::dag::{self, Fault};
use crate::problem::Problem;
use crate::runs::Faults;

/// What a client sends to create a version, with either `dag_spec` or `copy_of`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct CreateVersionRequest {
    /// Whose it becomes. A caller of a tenant may leave it out: it is that tenant then. A caller across tenants has to say.
    #[schema(required = false)]
    pub tenant_id: Uuid,
    /// A pipeline of that tenant.
    pub pipeline_id: Uuid,
    /// 1 to 50 characters that no other version of the pipeline is called by.
    #[schema(min_length = 1, max_length = 50)]
    pub version: String,
    /// What to do, up to 256 KiB: docs/dag_spec.md.
    #[schema(value_type = Option<Object>)]
    pub dag_spec: Option<Map<String, Value>>,
    /// A version of the same tenant, in any status, whose dag_spec is taken over.
    pub copy_of: Option<Uuid>,
}

impl CreateVersionRequest {
    /// Checks every bound but those of the dag_spec.
    ///
    /// # Errors
    /// `invalid_field` with every field that is out of bounds.
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = Faults::default();
        faults.text("/version", &self.version, MAX_VERSION_CHARS);
        match (&self.dag_spec, self.copy_of) {
            (Some(_), None) | (None, Some(_)) => {}
            (None, None) => faults.add("/dag_spec", "is required, or copy_of in its place"),
            (Some(_), Some(_)) => {
                faults.add("/copy_of", "cannot be combined with dag_spec: give one of the two")
            }
        }
        faults.finish()
    }
}

/// Why a version was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateVersionError {
    /// No draft may look like this.
    #[error("the dag_spec has {} faults", .0.len())]
    InvalidDagSpec(Vec<Fault>),
    /// No such tenant.
    #[error("tenant not found")]
    TenantNotFound,
    /// No such pipeline, or another tenant's.
    #[error("pipeline not found")]
    PipelineNotFound,
    /// Nothing to copy: no such version, or another tenant's.
    #[error("pipeline version not found")]
    SourceNotFound,
    /// Another version of the pipeline has this name.
    #[error("the pipeline has a version of this name")]
    VersionTaken,
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// Inserts the version, a DRAFT. The request has passed [`CreateVersionRequest::check`].
///
/// # Errors
/// [`CreateVersionError`]; nothing was inserted.
pub async fn create_version(
    conn: &mut PgConnection,
    request: &CreateVersionRequest,
) -> Result<VersionInFull, CreateVersionError> {
    let dag_spec = request.dag_spec.clone().map(Value::Object);
    let faults = dag_spec.as_ref().map(dag::check_shape).unwrap_or_default();
    if !faults.is_empty() {
        return Err(CreateVersionError::InvalidDagSpec(faults));
    }
    let row = sqlx::query_file!(
        "sql/create_version.sql",
        Uuid::now_v7(),
        request.tenant_id,
        request.pipeline_id,
        request.version,
        dag_spec.as_ref().map(Json) as _,
        request.copy_of,
    )
    .fetch_optional(&mut *conn)
    .await?;
    match row {
        Some(row) => Ok(in_full!(row, row.dag_spec, Vec::new())),
        None => Err(refusal(conn, request).await?),
    }
}

/// Why the insert found nothing to insert.
async fn refusal(
    conn: &mut PgConnection,
    request: &CreateVersionRequest,
) -> Result<CreateVersionError, sqlx::Error> {
    let row = sqlx::query!(
        r#"select p.id as "pipeline_id?", s.id as "source_id?"
           from tenants t
           left join pipelines p on p.tenant_id = t.id and p.id = $2
           left join pipeline_versions s on s.tenant_id = t.id and s.id = $3
           where t.id = $1"#,
        request.tenant_id,
        request.pipeline_id,
        request.copy_of,
    )
    .fetch_optional(conn)
    .await?;
    Ok(match row {
        None => CreateVersionError::TenantNotFound,
        Some(row) if row.pipeline_id.is_none() => CreateVersionError::PipelineNotFound,
        Some(row) if request.copy_of.is_some() && row.source_id.is_none() => {
            CreateVersionError::SourceNotFound
        }
        Some(_) => CreateVersionError::VersionTaken,
    })
}
