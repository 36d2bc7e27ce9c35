//! The executor's journal, straight to Postgres.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::postgres::PgConnection;
use tokio::time::Instant;
use uuid::Uuid;

use super::{LoadError, StepResults, load_all, store};
use crate::app::App;
use crate::catalog::{self, Connection};
use crate::dag::execute::{Journal, JournalError, Stored};
use crate::db::is_unavailable;
use crate::dispatch;
use crate::evidence::{self, Artifact, ArtifactRequest, EvidenceError};
use crate::runs::{self, HeartbeatError, ReleaseRequest};
use crate::scope::Scope;

/// The steps of one claimed run, kept by the verbs of this crate on the connection of an execution environment.
///
/// Each call is a task of its own: whoever stops waiting for it does not cut off a statement, and with it the connection that others wait for.
#[derive(Clone, Debug)]
pub struct PgJournal {
    app: Arc<App>,
    scope: Scope,
    run_id: Uuid,
    lease_token: Uuid,
}

impl PgJournal {
    /// Of the run that a claim has given this token.
    pub fn new(app: Arc<App>, scope: Scope, run_id: Uuid, lease_token: Uuid) -> Self {
        Self { app, scope, run_id, lease_token }
    }

    /// The work as a task of its own; its panic is the caller's.
    async fn apart<T: Send + 'static>(
        work: impl Future<Output = Result<T, JournalError>> + Send + 'static,
    ) -> Result<T, JournalError> {
        use tracing::Instrument as _;
        match tokio::spawn(work.in_current_span()).await {
            Ok(result) => result,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(JournalError::Unavailable("the process is about to end".to_owned())),
        }
    }

    /// After a failure of Postgres: the connection may be why.
    async fn failed(&self, error: sqlx::Error) -> JournalError {
        self.app.db.discard().await;
        if is_unavailable(&error) {
            JournalError::Unavailable(error.to_string())
        } else {
            tracing::error!(error = format!("{error:#}"), "Postgres refused what was to be kept of steps");
            JournalError::Refused("the database refuses them; the log of the worker says why".to_owned())
        }
    }

    async fn refused(&self, error: HeartbeatError) -> JournalError {
        match error {
            HeartbeatError::Refused(refusal) => JournalError::Lost(refusal.to_string()),
            HeartbeatError::Db(error) => self.failed(error).await,
        }
    }
}

impl Journal for PgJournal {
    async fn load(&self) -> Result<Stored, JournalError> {
        let journal = self.clone();
        Self::apart(async move {
            let Self { scope, run_id, .. } = journal;
            let load = async |conn: &mut PgConnection| load_all(conn, scope, run_id).await;
            match journal.app.call_in_time(load).await {
                Ok(stored) => Ok(stored),
                Err(LoadError::NotFound) => Err(JournalError::Lost(LoadError::NotFound.to_string())),
                Err(LoadError::Db(error)) => Err(journal.failed(error).await),
            }
        })
        .await
    }

    async fn secret_parameters(&self) -> Result<Map<String, Value>, JournalError> {
        let journal = self.clone();
        Self::apart(async move {
            let Self { scope, run_id, lease_token, .. } = journal;
            let ask = async |conn: &mut PgConnection| runs::secrets(conn, scope, run_id, lease_token).await;
            match journal.app.call_in_time(ask).await {
                Ok(reply) => Ok(reply.parameters),
                Err(error) => Err(journal.refused(error).await),
            }
        })
        .await
    }

    async fn store(&self, results: &StepResults) -> Result<(), JournalError> {
        results.check().map_err(|problem| JournalError::Refused(problem.detail))?;
        let (journal, results) = (self.clone(), results.clone());
        Self::apart(async move {
            let Self { scope, run_id, lease_token, .. } = journal;
            let store =
                async |conn: &mut PgConnection| store(conn, scope, run_id, lease_token, &results).await;
            match journal.app.call_in_time(store).await {
                Ok(_) => Ok(()),
                Err(error) => Err(journal.refused(error).await),
            }
        })
        .await
    }

    async fn hand_back(&self, until: Option<DateTime<Utc>>) -> Result<(), JournalError> {
        let journal = self.clone();
        Self::apart(async move {
            let Self { scope, run_id, lease_token, .. } = journal;
            let request = ReleaseRequest { lease_token, available_at: until };
            let release = async |conn: &mut PgConnection| runs::release(conn, scope, run_id, &request).await;
            match journal.app.call_in_time(release).await {
                Ok(mut run) => {
                    let deadline = Instant::now() + dispatch::TELL_WITHIN;
                    dispatch::tell(&journal.app, &mut run, deadline).await;
                    Ok(())
                }
                Err(error) => Err(journal.refused(error).await),
            }
        })
        .await
    }

    async fn artifact(
        &self,
        id: Uuid,
        artifact_type: &str,
        payload: &Map<String, Value>,
        source: &str,
    ) -> Result<(), JournalError> {
        let request = ArtifactRequest {
            id: Some(id),
            artifact_type: artifact_type.to_owned(),
            payload: payload.clone(),
            source: Some(source.to_owned()),
            meta: None,
        };
        request.check().map_err(|problem| JournalError::Refused(problem.detail))?;
        let journal = self.clone();
        Self::apart(async move {
            let Self { scope, run_id, .. } = journal;
            let add =
                async |conn: &mut PgConnection| evidence::add_artifact(conn, scope, run_id, &request).await;
            let added: Result<(Artifact, bool), _> = journal.app.call_in_time(add).await;
            match added {
                Ok(_) => Ok(()),
                Err(EvidenceError::NotFound) => Err(JournalError::Lost(EvidenceError::NotFound.to_string())),
                Err(EvidenceError::Db(error)) => Err(journal.failed(error).await),
            }
        })
        .await
    }

    async fn connection(&self, name: &str) -> Result<Option<Connection>, JournalError> {
        let (journal, name) = (self.clone(), name.to_owned());
        Self::apart(async move {
            let Self { scope, run_id, .. } = journal;
            let find =
                async |conn: &mut PgConnection| catalog::connection_of_run(conn, scope, run_id, &name).await;
            match journal.app.call_in_time(find).await {
                Ok(connection) => Ok(connection),
                Err(error) => Err(journal.failed(error).await),
            }
        })
        .await
    }
}
