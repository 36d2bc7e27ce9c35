//! What a function reads from its environment. Nothing else in this crate reads it.

/// A setting that is missing or cannot be used. It names the variable, never its value.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The variable is not set, or empty.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// The variable's value cannot be used.
    #[error("the environment variable {name} is not {expected}")]
    Invalid {
        /// Which variable.
        name: &'static str,
        /// What it should have been.
        expected: &'static str,
    },
}

/// The value of a variable that has to be there.
///
/// # Errors
/// [`ConfigError::Missing`] if it is unset, empty or not UTF-8.
pub fn required(name: &'static str) -> Result<String, ConfigError> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).ok_or(ConfigError::Missing(name))
}

/// Where Postgres is: `DATABASE_URL`.
pub const DATABASE_URL: &str = "DATABASE_URL";
/// The queue that wakes the worker: `RUNS_QUEUE_URL`.
pub const RUNS_QUEUE_URL: &str = "RUNS_QUEUE_URL";
