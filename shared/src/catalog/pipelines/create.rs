//! Create a pipeline.

use serde::Deserialize;
use sqlx::postgres::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{MAX_DESCRIPTION_CHARS, MAX_QUEUE_CHARS, Pipeline};
use crate::catalog::MAX_NAME_CHARS;
use crate::problem::Problem;
use crate::runs::Faults;

/// What a client sends to create a pipeline.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct CreatePipelineRequest {
    /// Whose it becomes. A caller of a tenant may leave it out: it is that tenant then. A caller across tenants has to say.
    #[schema(required = false)]
    pub tenant_id: Uuid,
    /// 1 to 200 characters that no other pipeline of the tenant is called by.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// For people: up to 2000 characters.
    #[schema(max_length = 2000)]
    pub description: Option<String>,
    /// The queue of runs whose creator names none: 1 to 100 characters; `default` if left out.
    #[schema(min_length = 1, max_length = 100)]
    pub queue: Option<String>,
    /// How many of its runs may be RUNNING at once; any number if left out.
    #[schema(minimum = 0)]
    pub max_running: Option<i32>,
    /// Whether nothing of it is claimed; false if left out.
    pub paused: Option<bool>,
}

impl CreatePipelineRequest {
    /// Checks every bound.
    ///
    /// # Errors
    /// `invalid_field` with every field that is out of bounds.
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = Faults::default();
        faults.text("/name", &self.name, MAX_NAME_CHARS);
        if let Some(description) = &self.description {
            faults.up_to("/description", description, MAX_DESCRIPTION_CHARS);
        }
        if let Some(queue) = &self.queue {
            faults.text("/queue", queue, MAX_QUEUE_CHARS);
        }
        faults.range("/max_running", self.max_running.unwrap_or(0), 0, i32::MAX);
        faults.finish()
    }
}

/// Why a pipeline was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreatePipelineError {
    /// No such tenant.
    #[error("tenant not found")]
    TenantNotFound,
    /// Another pipeline of the tenant has this name.
    #[error("the tenant has a pipeline of this name")]
    NameTaken,
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// Inserts the pipeline. The request has passed [`CreatePipelineRequest::check`].
///
/// # Errors
/// [`CreatePipelineError`]; nothing was inserted.
pub async fn create_pipeline(
    conn: &mut PgConnection,
    request: &CreatePipelineRequest,
) -> Result<Pipeline, CreatePipelineError> {
    let row = sqlx::query_file_as!(
        Pipeline,
        "sql/create_pipeline.sql",
        Uuid::now_v7(),
        request.tenant_id,
        request.name,
        request.description,
        request.queue,
        request.max_running,
        request.paused.unwrap_or(false),
    )
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(pipeline) = row {
        return Ok(pipeline);
    }
    let tenant = sqlx::query_scalar!("select t.id from tenants t where t.id = $1", request.tenant_id);
    Err(match tenant.fetch_optional(conn).await? {
        None => CreatePipelineError::TenantNotFound,
        Some(_) => CreatePipelineError::NameTaken,
    })
}
