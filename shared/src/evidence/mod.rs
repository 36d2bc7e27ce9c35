//! Evidence of a run: what its workers tell, and what it has made. It decides nothing, so it is not fenced, and is accepted after the run has ended.

mod artifacts;
mod level;
mod logs;
mod page;

pub use artifacts::{Artifact, ArtifactFilter, ArtifactRequest, add_artifact, list_artifacts};
pub use level::LogLevel;
pub use logs::{
    LogEntry, LogFilter, LogLine, LogsAdded, LogsRequest, MAX_LINES, MAX_MESSAGE_BYTES, add_logs, list_logs,
};
pub use page::{Order, UnknownOrder};

use crate::problem::{Code, Problem};

/// Why nothing was stored or can be shown.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// There is no such run in this scope.
    #[error("run not found")]
    NotFound,
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

impl From<EvidenceError> for Problem {
    fn from(error: EvidenceError) -> Self {
        match error {
            EvidenceError::NotFound => Self::new(Code::RunNotFound, "There is no such run"),
            EvidenceError::Db(error) => error.into(),
        }
    }
}

/// Where the evidence comes from: up to so many characters.
const MAX_SOURCE_CHARS: usize = 200;
/// Meta is at most this large, as compact JSON.
const MAX_META_BYTES: usize = 64 * 1024;
