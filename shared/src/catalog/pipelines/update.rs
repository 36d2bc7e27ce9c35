//! Change a pipeline.

use serde::Deserialize;
use sqlx::postgres::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{MAX_DESCRIPTION_CHARS, MAX_QUEUE_CHARS, Pipeline};
use crate::catalog::{MAX_NAME_CHARS, Patch, is_taken};
use crate::problem::Problem;
use crate::runs::Faults;
use crate::scope::Scope;

/// What a client sends to change a pipeline. What is left out stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub struct UpdatePipelineRequest {
    /// 1 to 200 characters that no other pipeline of the tenant is called by.
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
    /// For people: up to 2000 characters; null = none.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000)]
    pub description: Patch<String>,
    /// The queue of runs whose creator names none, from now on: 1 to 100 characters; null = `default`.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100)]
    pub queue: Patch<String>,
    /// How many of its runs may be RUNNING at once; null = any number.
    #[serde(default)]
    #[schema(value_type = Option<i32>, minimum = 0)]
    pub max_running: Patch<i32>,
    /// Whether nothing of it is claimed.
    pub paused: Option<bool>,
}

impl UpdatePipelineRequest {
    /// Checks every bound.
    ///
    /// # Errors
    /// `invalid_field` with every field that is out of bounds.
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = Faults::default();
        if let Some(name) = &self.name {
            faults.text("/name", name, MAX_NAME_CHARS);
        }
        if let Some(description) = self.description.value() {
            faults.up_to("/description", description, MAX_DESCRIPTION_CHARS);
        }
        if let Some(queue) = self.queue.value() {
            faults.text("/queue", queue, MAX_QUEUE_CHARS);
        }
        faults.range("/max_running", self.max_running.value().copied().unwrap_or(0), 0, i32::MAX);
        faults.finish()
    }
}

/// Why a pipeline was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdatePipelineError {
    /// There is none in this scope.
    #[error("pipeline not found")]
    NotFound,
    /// Another pipeline of the tenant has this name.
    #[error("the tenant has a pipeline of this name")]
    NameTaken,
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// Changes the pipeline and returns it as stored. Runs that exist keep their queue. The request has passed
/// [`UpdatePipelineRequest::check`].
///
/// # Errors
/// [`UpdatePipelineError`]; the pipeline is as it was.
pub async fn update_pipeline(
    conn: &mut PgConnection,
    scope: Scope,
    id: Uuid,
    request: &UpdatePipelineRequest,
) -> Result<Pipeline, UpdatePipelineError> {
    let updated = sqlx::query_file_as!(
        Pipeline,
        "sql/update_pipeline.sql",
        scope.tenant(),
        id,
        request.name,
        request.description.changes(),
        request.description.value(),
        request.queue.changes(),
        request.queue.value(),
        request.max_running.changes(),
        request.max_running.value().copied(),
        request.paused,
    )
    .fetch_optional(conn)
    .await;
    match updated {
        Ok(pipeline) => pipeline.ok_or(UpdatePipelineError::NotFound),
        Err(error) if is_taken(&error) => Err(UpdatePipelineError::NameTaken),
        Err(error) => Err(error.into()),
    }
}
