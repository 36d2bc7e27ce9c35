//! Why something could not be reached.

use std::time::Duration;

/// Why something outside was not reached, or did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}: {message}")]
pub struct ReachFailure {
    /// A word for programs, which `retry.on` of a step can name: `http_503`, `sql_40001`, `connect`.
    pub error: String,
    /// A sentence for people. It may contain secrets: whoever keeps it masks it.
    pub message: String,
    /// Whether the same call may go better later: such errors are retried where a step does not say after which.
    pub passes: bool,
    /// What the other side asks to wait before the next call.
    pub retry_after: Option<Duration>,
}

impl ReachFailure {
    /// One that is not retried by default.
    pub fn new(error: impl Into<String>, message: impl Into<String>) -> Self {
        Self { error: error.into(), message: message.into(), passes: false, retry_after: None }
    }

    /// One that may go better later.
    pub fn passing(error: impl Into<String>, message: impl Into<String>) -> Self {
        Self { passes: true, ..Self::new(error, message) }
    }

    /// The same, to be tried again no sooner than this from now on.
    #[must_use]
    pub fn after(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after, ..self }
    }
}
