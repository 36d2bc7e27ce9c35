//! Versions of pipelines: what to do, from its draft to its approval and its end.

mod change_status;
mod create;
mod edit;
mod get;
mod list;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

pub use change_status::{ApprovedStatus, ChangeStatusError, ChangeStatusRequest, change_status};
pub use create::{CreateVersionError, CreateVersionRequest, create_version};
pub use edit::{EditVersionError, EditVersionRequest, edit_version};
pub use get::{VersionError, get_version};
pub use list::{VersionFilter, list_versions};

const MAX_VERSION_CHARS: usize = 50;

/// Where a version stands: DRAFT → APPROVED → DEPRECATED → APPROVED, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "UPPERCASE")]
#[sqlx(type_name = "text", rename_all = "UPPERCASE")]
pub enum VersionStatus {
    /// It can be edited, and does not run.
    Draft,
    /// It runs, and stays as it is.
    Approved,
    /// It runs no more, and stays as it is.
    Deprecated,
}

impl VersionStatus {
    /// Every status, in the order of a version's life.
    pub const ALL: [VersionStatus; 3] = [Self::Draft, Self::Approved, Self::Deprecated];

    /// As in SQL and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::Approved => "APPROVED",
            Self::Deprecated => "DEPRECATED",
        }
    }
}

/// A version, as lists show it: without its dag_spec.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Version {
    /// UUIDv7.
    pub id: Uuid,
    /// Whose it is.
    pub tenant_id: Uuid,
    /// What it is a version of.
    pub pipeline_id: Uuid,
    /// Its name. No other version of the pipeline has it.
    pub version: String,
    /// Where it stands.
    pub status: VersionStatus,
    /// 1-based; rises with every edit of the draft.
    pub revision: i32,
    /// SHA-256 of the dag_spec (keys sorted, no spaces), in hex, taken when it was approved. null for a draft, and for what was approved
    /// in SQL.
    pub dag_sha256: Option<String>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last edited or changed its status.
    pub updated_at: DateTime<Utc>,
    /// When it was approved, last.
    pub approved_at: Option<DateTime<Utc>>,
    /// Who did.
    pub approved_by: Option<String>,
}

super::page::listed!(Version);

/// A version with what it says and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct VersionInFull {
    /// Everything that lists show.
    #[serde(flatten)]
    pub version: Version,
    /// What to do.
    #[schema(value_type = Object)]
    pub dag_spec: Value,
    /// How its status changed, oldest first; of more than 100 the last 100.
    pub transitions: Vec<Transition>,
}

/// One change of a version's status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Transition {
    /// Where it stood.
    pub from: VersionStatus,
    /// Where it stood then.
    pub to: VersionStatus,
    /// When.
    pub at: DateTime<Utc>,
    /// Who did it, as far as that is known.
    pub by: Option<String>,
    /// Why.
    pub comment: Option<String>,
}

/// So many transitions are shown: an answer has to stay smaller than the 6 MB that Lambda sends.
const MAX_TRANSITIONS: i64 = 100;

/// Builds a [`VersionInFull`] from a record with all columns of a version and its dag_spec.
macro_rules! in_full {
    ($r:ident, $dag_spec:expr, $transitions:expr) => {
        $crate::catalog::VersionInFull {
            version: $crate::catalog::Version {
                id: $r.id,
                tenant_id: $r.tenant_id,
                pipeline_id: $r.pipeline_id,
                version: $r.version,
                status: $r.status,
                revision: $r.revision,
                dag_sha256: $r.dag_sha256,
                created_at: $r.created_at,
                updated_at: $r.updated_at,
                approved_at: $r.approved_at,
                approved_by: $r.approved_by,
            },
            dag_spec: $dag_spec,
            transitions: $transitions,
        }
    };
}
use in_full;
