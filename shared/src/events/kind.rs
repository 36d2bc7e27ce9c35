//! The types of events.

use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgHasArrayType, PgTypeInfo};
use utoipa::ToSchema;

/// What became of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[sqlx(type_name = "text", no_pg_array)]
pub enum EventType {
    /// It was created, or waits again: its attempt failed and another one follows, its lease was lost, or it was handed back.
    #[serde(rename = "run.queued")]
    #[sqlx(rename = "run.queued")]
    Queued,
    /// A worker has claimed it, or has taken it over.
    #[serde(rename = "run.running")]
    #[sqlx(rename = "run.running")]
    Running,
    /// It has ended well.
    #[serde(rename = "run.succeeded")]
    #[sqlx(rename = "run.succeeded")]
    Succeeded,
    /// It has ended badly.
    #[serde(rename = "run.failed")]
    #[sqlx(rename = "run.failed")]
    Failed,
    /// It was cancelled, or was not started by its `start_by`.
    #[serde(rename = "run.cancelled")]
    #[sqlx(rename = "run.cancelled")]
    Cancelled,
}

impl EventType {
    /// Each of them.
    pub const ALL: [Self; 5] = [Self::Queued, Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled];

    /// The word that is stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "run.queued",
            Self::Running => "run.running",
            Self::Succeeded => "run.succeeded",
            Self::Failed => "run.failed",
            Self::Cancelled => "run.cancelled",
        }
    }
}

impl PgHasArrayType for EventType {
    fn array_type_info() -> PgTypeInfo {
        <String as PgHasArrayType>::array_type_info()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_read_as_it_is_written() {
        for kind in EventType::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
