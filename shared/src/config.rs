//! What a function reads from its environment. Nothing else in this crate reads it.

use crate::db::Pooler;

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
/// What stands between the function and Postgres: `DB_POOLER`, `none` or `transaction`; none if it is not set.
pub const DB_POOLER: &str = "DB_POOLER";
/// The lease of the SQS-triggered worker: `WORKER_LEASE_SECONDS`, 30 if it is not set.
pub const WORKER_LEASE_SECONDS: &str = "WORKER_LEASE_SECONDS";
/// Days a run is kept after its end: `RETENTION_DAYS`, 90 if it is not set; 0 = for ever.
pub const RETENTION_DAYS: &str = "RETENTION_DAYS";

/// The value of a variable that may be left out or empty.
///
/// # Errors
/// [`ConfigError::Invalid`] if it is set to something that `parse` does not take.
pub fn optional<T>(
    name: &'static str,
    expected: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, ConfigError> {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => {
            parse(&value).map(Some).ok_or(ConfigError::Invalid { name, expected })
        }
        Ok(_) | Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(ConfigError::Invalid { name, expected }),
    }
}

/// What `DB_POOLER` says.
///
/// # Errors
/// [`ConfigError::Invalid`] if it is neither `none` nor `transaction`.
pub fn pooler() -> Result<Pooler, ConfigError> {
    let parse = |value: &str| match value {
        "none" => Some(Pooler::None),
        "transaction" => Some(Pooler::Transaction),
        _ => None,
    };
    Ok(optional(DB_POOLER, "none or transaction", parse)?.unwrap_or_default())
}
