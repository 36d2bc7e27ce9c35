//! Pipelines: names under which versions are kept.

mod create;
mod get;
mod list;
mod update;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub use create::{CreatePipelineError, CreatePipelineRequest, create_pipeline};
pub use get::{PipelineError, get_pipeline};
pub use list::{PipelineFilter, list_pipelines};
pub use update::{UpdatePipelineError, UpdatePipelineRequest, update_pipeline};

const MAX_DESCRIPTION_CHARS: usize = 2000;
const MAX_QUEUE_CHARS: usize = 100;

/// A pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Pipeline {
    /// UUIDv7.
    pub id: Uuid,
    /// Whose it is.
    pub tenant_id: Uuid,
    /// No other pipeline of the tenant has it.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// The queue of runs whose creator names none; null = `default`.
    pub queue: Option<String>,
    /// How many of its runs may be RUNNING at once; null = any number. Stored, and without effect in this version.
    pub max_running: Option<i32>,
    /// Whether nothing of it is claimed. Stored, and without effect in this version.
    pub paused: bool,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

super::page::listed!(Pipeline);
