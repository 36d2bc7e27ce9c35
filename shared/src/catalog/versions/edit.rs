//! Edit a draft: another dag_spec, and maybe another name.

use serde::Deserialize;
use serde_json::{Map, Value};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{MAX_VERSION_CHARS, VersionInFull, VersionStatus, in_full};
use crate::catalog::is_taken;
use crate::dag::{self, Fault};
use crate::problem::Problem;
use crate::runs::Faults;
use crate::scope::Scope;

/// What a client sends to edit a draft.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct EditVersionRequest {
    /// What to do, up to 256 KiB, in place of what stood there: docs/dag_spec.md.
    #[schema(value_type = Object)]
    pub dag_spec: Map<String, Value>,
    /// 1 to 50 characters that no other version of the pipeline is called by; as it is if left out.
    #[schema(min_length = 1, max_length = 50)]
    pub version: Option<String>,
    /// The revision that was edited: if somebody has edited the draft since, nothing is written over. Left out: whatever stands there.
    #[schema(minimum = 1)]
    pub revision: Option<i32>,
}

impl EditVersionRequest {
    /// Checks every bound but those of the dag_spec.
    ///
    /// # Errors
    /// `invalid_field` with every field that is out of bounds.
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = Faults::default();
        if let Some(version) = &self.version {
            faults.text("/version", version, MAX_VERSION_CHARS);
        }
        faults.range("/revision", self.revision.unwrap_or(1), 1, i32::MAX);
        faults.finish()
    }
}

/// Why a draft was not edited.
#[derive(Debug, thiserror::Error)]
pub enum EditVersionError {
    /// No draft may look like this.
    #[error("the dag_spec has {} faults", .0.len())]
    InvalidDagSpec(Vec<Fault>),
    /// There is none in this scope.
    #[error("pipeline version not found")]
    NotFound,
    /// It is no draft any more.
    #[error("only a DRAFT is edited, this one is {}", .0.as_str())]
    NotDraft(VersionStatus),
    /// Somebody has edited it meanwhile.
    #[error("the draft is at revision {0}")]
    OtherRevision(i32),
    /// Another version of the pipeline has this name.
    #[error("the pipeline has a version of this name")]
    VersionTaken,
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// Edits the draft and returns it as stored, one revision further. The request has passed [`EditVersionRequest::check`].
///
/// # Errors
/// [`EditVersionError`]; the version is as it was.
pub async fn edit_version(
    conn: &mut PgConnection,
    scope: Scope,
    id: Uuid,
    request: &EditVersionRequest,
) -> Result<VersionInFull, EditVersionError> {
    let dag_spec = Value::Object(request.dag_spec.clone());
    let faults = dag::check_shape(&dag_spec);
    if !faults.is_empty() {
        return Err(EditVersionError::InvalidDagSpec(faults));
    }
    let edited = sqlx::query_file!(
        "sql/edit_version.sql",
        scope.tenant(),
        id,
        request.revision,
        Json(&dag_spec) as _,
        request.version,
    )
    .fetch_optional(&mut *conn)
    .await;
    match edited {
        Ok(Some(row)) => return Ok(in_full!(row, row.dag_spec, Vec::new())),
        Ok(None) => {}
        Err(error) if is_taken(&error) => return Err(EditVersionError::VersionTaken),
        Err(error) => return Err(error.into()),
    }
    let row = sqlx::query!(
        r#"select v.status as "status: VersionStatus", v.revision
           from pipeline_versions v
           where v.id = $2 and ($1::uuid is null or v.tenant_id = $1)"#,
        scope.tenant(),
        id,
    )
    .fetch_optional(conn)
    .await?;
    Err(match row {
        None => EditVersionError::NotFound,
        Some(row) if row.status == VersionStatus::Draft => EditVersionError::OtherRevision(row.revision),
        Some(row) => EditVersionError::NotDraft(row.status),
    })
}
