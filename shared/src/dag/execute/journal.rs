//! What an executor needs of the control plane, and nothing else. The Lambda worker has it straight from Postgres, `runplane worker` over HTTP.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::catalog::Connection;
use crate::steps::{StepRecord, StepResults};

/// What is known of a run's steps when somebody goes on with it.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// Steps and items, those of earlier attempts included. The outputs of items whose step has SUCCEEDED are left out.
    pub records: Vec<StepRecord>,
    /// How long this attempt of the run has been worked on, in milliseconds.
    pub worked_ms: i64,
}

/// Why the control plane did not do it.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The run is somebody else's by now, or has ended: stop working on it.
    #[error("the run is not ours any more: {0}")]
    Lost(String),
    /// It did not answer, or said that it cannot just now: the same call may succeed later. Nobody knows whether it was done.
    #[error("the control plane is out of reach: {0}")]
    Unavailable(String),
    /// It refuses, and will always do so.
    #[error("the control plane refuses: {0}")]
    Refused(String),
}

/// Where the results of one claimed run's steps are kept. Storing and handing back are fenced by the token of the claim; artifacts are evidence, and
/// taken from whoever sends them.
///
/// Dropping a call does not undo it: it may still take place.
pub trait Journal: Send + Sync + 'static {
    /// What was stored of the run's steps before.
    ///
    /// # Errors
    /// [`JournalError`].
    fn load(&self) -> impl Future<Output = Result<Stored, JournalError>> + Send;

    /// The secret parameters of the run, each at its place; those that the run was created with have `***` there.
    ///
    /// # Errors
    /// [`JournalError`].
    fn secret_parameters(&self) -> impl Future<Output = Result<Map<String, Value>, JournalError>> + Send;

    /// Stores results of several steps and items, all or none of them. Doing it twice is doing it once; what has ended within this attempt of the
    /// run stays as it is.
    ///
    /// # Errors
    /// [`JournalError`]; nothing was stored, unless it is [`JournalError::Unavailable`].
    fn store(&self, results: &StepResults) -> impl Future<Output = Result<(), JournalError>> + Send;

    /// Hands the run back, to be claimed again not before `until`; at once if it is left out.
    ///
    /// # Errors
    /// [`JournalError`]; nothing was handed back, unless it is [`JournalError::Unavailable`].
    fn hand_back(
        &self,
        until: Option<DateTime<Utc>>,
    ) -> impl Future<Output = Result<(), JournalError>> + Send;

    /// Stores an artifact of the run. `id` is the caller's: the same one again is the same artifact.
    ///
    /// # Errors
    /// [`JournalError`].
    fn artifact(
        &self,
        id: Uuid,
        artifact_type: &str,
        payload: &Map<String, Value>,
        source: &str,
    ) -> impl Future<Output = Result<(), JournalError>> + Send;

    /// The connection of the run's tenant that is called so; None: it has none.
    ///
    /// # Errors
    /// [`JournalError`].
    fn connection(&self, name: &str)
    -> impl Future<Output = Result<Option<Connection>, JournalError>> + Send;
}
