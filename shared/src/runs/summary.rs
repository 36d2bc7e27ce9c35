//! A run in short, as the bulk verbs answer it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Run, RunStatus};

/// What the bulk verbs answer of a run: nothing whose size somebody chose, so that a hundred of them fit into any answer.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RunSummary {
    /// UUIDv7.
    pub id: Uuid,
    /// Whose run it is.
    pub tenant_id: Uuid,
    /// What runs.
    pub pipeline_version_id: Uuid,
    /// Where it stands.
    pub status: RunStatus,
    /// 1-based; rises when an attempt that failed is followed by another.
    pub attempt: i32,
    /// How many attempts it may have.
    pub max_attempts: i32,
    /// It is not claimed before.
    pub available_at: DateTime<Utc>,
    /// When SQS has to be told that it waits; null = nothing to tell.
    pub dispatch_due_at: Option<DateTime<Utc>>,
    /// Its first claim.
    pub started_at: Option<DateTime<Utc>>,
    /// Its end.
    pub finished_at: Option<DateTime<Utc>>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When its row last changed.
    pub updated_at: DateTime<Utc>,
}

/// Builds a [`RunSummary`] from a record of any statement that returns its columns, so that the list of fields stands once.
macro_rules! summary_from {
    ($r:ident) => {
        $crate::runs::RunSummary {
            id: $r.id,
            tenant_id: $r.tenant_id,
            pipeline_version_id: $r.pipeline_version_id,
            status: $r.status,
            attempt: $r.attempt,
            max_attempts: $r.max_attempts,
            available_at: $r.available_at,
            dispatch_due_at: $r.dispatch_due_at,
            started_at: $r.started_at,
            finished_at: $r.finished_at,
            created_at: $r.created_at,
            updated_at: $r.updated_at,
        }
    };
}
pub(crate) use summary_from;

impl From<Run> for RunSummary {
    fn from(run: Run) -> Self {
        summary_from!(run)
    }
}
