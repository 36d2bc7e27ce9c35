//! Artifacts: what a run has made, for people and for other programs.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::page::{MAX_PAGE_BYTES, Order, list};
use super::{EvidenceError, MAX_META_BYTES, MAX_SOURCE_CHARS};
use crate::catalog::{List, Listed, Page};
use crate::cursor::Cursor;
use crate::problem::Problem;
use crate::runs::{Faults, MAX_JSON_BYTES};
use crate::scope::Scope;

const MAX_TYPE_CHARS: usize = 100;

/// An artifact as it is sent.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ArtifactRequest {
    /// An id of the caller's own: the same one again is the same artifact of the run. One of ours if left out.
    pub id: Option<Uuid>,
    /// What kind of thing it is, in a word: 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub artifact_type: String,
    /// The thing, or what leads to it: up to 256 KiB.
    #[schema(value_type = Object)]
    pub payload: Map<String, Value>,
    /// Who made it: 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub source: Option<String>,
    /// Whatever else there is to say, up to 64 KiB.
    #[schema(value_type = Option<Object>)]
    pub meta: Option<Value>,
}

impl ArtifactRequest {
    /// Checks every bound.
    ///
    /// # Errors
    /// `invalid_field` or `payload_too_large`, with what is wrong.
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = Faults::default();
        faults.text("/artifact_type", &self.artifact_type, MAX_TYPE_CHARS);
        faults.json_in_list("/payload", &Value::Object(self.payload.clone()), MAX_JSON_BYTES);
        if let Some(source) = &self.source {
            faults.text("/source", source, MAX_SOURCE_CHARS);
        }
        if let Some(meta) = &self.meta {
            faults.json_in_list("/meta", meta, MAX_META_BYTES);
        }
        faults.finish()
    }

    /// As compact JSON.
    fn bytes(&self) -> Result<i32, sqlx::Error> {
        let meta = self.meta.as_ref().map_or(0, |meta| meta.to_string().len());
        let payload =
            serde_json::to_string(&self.payload).map_err(|error| sqlx::Error::Encode(error.into()))?;
        i32::try_from(payload.len() + meta).map_err(|error| sqlx::Error::Encode(error.into()))
    }
}

/// An artifact as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Artifact {
    /// As its maker said, or a UUIDv7.
    pub id: Uuid,
    /// The run that made it.
    pub run_id: Uuid,
    /// What kind of thing it is.
    pub artifact_type: String,
    /// The thing, or what leads to it.
    #[schema(value_type = Object)]
    pub payload: Value,
    /// Who made it.
    pub source: Option<String>,
    /// Whatever else there is to say.
    #[schema(value_type = Option<Object>)]
    pub meta: Option<Value>,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
}

impl Listed for Artifact {
    fn place(&self) -> Cursor {
        Cursor { created_at: self.created_at, id: self.id }
    }
}

/// Which artifacts.
#[derive(Clone, Debug)]
pub struct ArtifactFilter {
    /// Of this run.
    pub run_id: Uuid,
    /// Which of them come first.
    pub order: Order,
}

/// Stores an artifact of a run and returns it, and whether it is new: if the run has one with this id, it stays as it is and is returned. The request
/// has passed [`ArtifactRequest::check`].
///
/// # Errors
/// [`EvidenceError`]; nothing was stored.
pub async fn add_artifact(
    conn: &mut PgConnection,
    scope: Scope,
    run_id: Uuid,
    request: &ArtifactRequest,
) -> Result<(Artifact, bool), EvidenceError> {
    let id = request.id.unwrap_or_else(Uuid::now_v7);
    let added = sqlx::query_file!(
        "sql/add_artifact.sql",
        scope.tenant(),
        run_id,
        id,
        request.artifact_type,
        Json(&request.payload) as _,
        request.source,
        request.meta.as_ref().map(Json) as _,
        request.bytes()?,
    )
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(row) = added {
        let artifact = Artifact {
            id,
            run_id,
            artifact_type: row.artifact_type,
            payload: row.payload,
            source: row.source,
            meta: row.meta,
            created_at: row.created_at,
        };
        return Ok((artifact, true));
    }
    // It is there already, or the run is not.
    let row = sqlx::query!(
        r#"select a.id, a.artifact_type, a.payload, a.source, a.meta, a.created_at
           from run_artifacts a
           where a.run_id = $2 and a.id = $3 and ($1::uuid is null or a.tenant_id = $1)"#,
        scope.tenant(),
        run_id,
        id,
    )
    .fetch_optional(conn)
    .await?
    .ok_or(EvidenceError::NotFound)?;
    let artifact = Artifact {
        id: row.id,
        run_id,
        artifact_type: row.artifact_type,
        payload: row.payload,
        source: row.source,
        meta: row.meta,
        created_at: row.created_at,
    };
    Ok((artifact, false))
}

/// One page of a run's artifacts, of about 2.9 MB, or one artifact.
///
/// # Errors
/// [`EvidenceError`].
pub async fn list_artifacts(
    conn: &mut PgConnection,
    scope: Scope,
    filter: &ArtifactFilter,
    page: &Page,
) -> Result<List<Artifact>, EvidenceError> {
    let rows = sqlx::query_file!(
        "sql/list_artifacts.sql",
        scope.tenant(),
        filter.run_id,
        filter.order == Order::Asc,
        page.created_at(),
        page.id(),
        page.limit,
        MAX_PAGE_BYTES as _,
    )
    .fetch_all(conn)
    .await?;
    let follows = match rows.last() {
        None => return Err(EvidenceError::NotFound),
        Some(last) => last.follows == Some(true),
    };
    // None of them where there is no artifact.
    let artifacts = rows.into_iter().filter_map(|row| {
        Some(Artifact {
            id: row.id?,
            run_id: filter.run_id,
            artifact_type: row.artifact_type?,
            payload: row.payload?,
            source: row.source,
            meta: row.meta,
            created_at: row.created_at?,
        })
    });
    Ok(list(artifacts.collect(), follows, page, scope, filter))
}
