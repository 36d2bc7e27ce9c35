//! Why a command has not done what it was asked for.

use crate::exit::Exit;
use crate::http::Refusal;
use crate::source::SourceError;

/// A failure, in words for whoever typed the command.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Arguments or settings that cannot be used.
    #[error("{0}")]
    Usage(String),
    /// A name that stands for nothing in the catalogue.
    #[error("{0}")]
    NotFound(String),
    /// A dag_spec's file.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Another JSON file.
    #[error(transparent)]
    File(SourceError),
    /// The API does not let this worker claim.
    #[error("{0}")]
    NoClaim(String),
    /// The API's answer is no success.
    #[error("{0}")]
    Refused(#[from] Box<Refusal>),
    /// No answer, or one that is not the API's.
    #[error("{0}")]
    Unreachable(String),
    /// The output cannot be written.
    #[error("cannot write: {0}")]
    Output(#[from] std::io::Error),
}

impl Failure {
    /// The code to end with.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::File(_) | Self::Source(SourceError::Unreadable { .. }) => Exit::Usage,
            Self::Source(SourceError::Faults(_)) => Exit::InvalidSpec,
            Self::NotFound(_) | Self::NoClaim(_) => Exit::Refused,
            Self::Refused(refusal) => refusal.exit(),
            Self::Unreachable(_) => Exit::Unreachable,
            // Whoever reads has seen enough: `runplane runs list --all | head`.
            Self::Output(cause) if cause.kind() == std::io::ErrorKind::BrokenPipe => Exit::Done,
            Self::Output(_) => Exit::Usage,
        }
    }
}
