//! Complete: report how a run ended, under the fence of its lease token.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::fields::Faults;
use super::holder::{Standing, holder};
use super::{Dispatch, Labels, Outcome, Run, RunStatus, run_from};
use crate::problem::Problem;
use crate::scope::Scope;
use crate::strict;

/// An `error_message` is kept up to this many bytes.
const MAX_MESSAGE_BYTES: usize = 8 * 1024;
/// What stands at the end of a message that was cut.
const CUT_MARK: &str = "… [cut]";

/// What a worker sends when the work has ended.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CompleteRequest {
    /// How it ended.
    #[serde(deserialize_with = "strict::word")]
    pub status: Outcome,
    /// From the claim. May be left out only on a run's first claim.
    pub lease_token: Option<Uuid>,
    /// Why it failed, for people; cut after 8 KiB. Only with FAILED.
    pub error_message: Option<String>,
    /// Why it failed, for programs: 1 to 100 characters. Only with FAILED.
    #[schema(min_length = 1, max_length = 100)]
    pub error_code: Option<String>,
    /// Whether another attempt may help; true if left out. Only with FAILED.
    pub retryable: Option<bool>,
    /// What the work has led to, up to 256 KiB.
    #[schema(value_type = Option<Object>)]
    pub output: Option<Value>,
}

impl CompleteRequest {
    /// This outcome and nothing else.
    pub fn new(status: Outcome) -> Self {
        Self {
            status,
            lease_token: None,
            error_message: None,
            error_code: None,
            retryable: None,
            output: None,
        }
    }

    /// Checks every bound.
    ///
    /// # Errors
    /// `invalid_field` or `payload_too_large`, with every field that is out of bounds.
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = Faults::default();
        if let Some(message) = &self.error_message {
            faults.nul("/error_message", message);
        }
        if let Some(code) = &self.error_code {
            faults.text("/error_code", code, 100);
        }
        if let Some(output) = &self.output {
            faults.json("/output", output);
        }
        if self.status == Outcome::Succeeded {
            if self.error_message.is_some() {
                faults.add("/error_message", "is only for FAILED: a run that succeeded has no error");
            }
            if self.error_code.is_some() {
                faults.add("/error_code", "is only for FAILED: a run that succeeded has no error");
            }
        }
        faults.finish()
    }
}

/// The run was completed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CompleteReply {
    /// Always true.
    pub ok: bool,
    /// The run as stored.
    pub run: Run,
}

/// Why a run was not completed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompleteRefusal {
    /// Nobody has the run, or it does not exist.
    #[error("nobody has the run, or it does not exist")]
    NotRunning,
    /// Another worker has it.
    #[error("the lease is another worker's: stop working on this run")]
    LeaseLost,
    /// This token's attempt is over, whatever came of the run.
    #[error("the attempt under this token is over")]
    AttemptOver,
    /// The run was claimed more than once, so a token is needed.
    #[error("this run was claimed more than once: send the lease_token of your claim")]
    LeaseTokenRequired,
    /// The run has ended, in another way.
    #[error("the run has already finished")]
    AlreadyFinished,
    /// The run was cancelled.
    #[error("the run was cancelled")]
    Cancelled,
}

/// Why a run was not completed.
#[derive(Debug, thiserror::Error)]
pub enum CompleteError {
    /// The answer table of docs/api.md says no.
    #[error(transparent)]
    Refused(#[from] CompleteRefusal),
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// Ends the run and returns it as stored; the same completion again returns it unchanged. One that FAILED, may be tried again
/// and has attempts left is QUEUED: whoever completes it tells SQS ([`dispatch::tell`](crate::dispatch::tell)). The request
/// has passed [`CompleteRequest::check`].
///
/// # Errors
/// [`CompleteError`]; the run is as it was.
pub async fn complete(
    conn: &mut PgConnection,
    scope: Scope,
    run_id: Uuid,
    request: &CompleteRequest,
) -> Result<Run, CompleteError> {
    let ended = match request.status {
        Outcome::Succeeded => succeed(conn, scope, run_id, request).await?,
        Outcome::Failed => fail(conn, scope, run_id, request).await?,
    };
    if let Some(run) = ended {
        return Ok(run);
    }
    let held = holder(conn, scope, run_id, request.lease_token).await?;
    Ok(repeated(held, request.status)?)
}

async fn succeed(
    conn: &mut PgConnection,
    scope: Scope,
    run_id: Uuid,
    request: &CompleteRequest,
) -> Result<Option<Run>, sqlx::Error> {
    let row =
        sqlx::query_file!("sql/complete.sql", scope.tenant(), run_id, request.lease_token, request.output)
            .fetch_optional(conn)
            .await?;
    Ok(row.map(|row| run_from!(row)))
}

async fn fail(
    conn: &mut PgConnection,
    scope: Scope,
    run_id: Uuid,
    request: &CompleteRequest,
) -> Result<Option<Run>, sqlx::Error> {
    let row = sqlx::query_file!(
        "sql/fail.sql",
        scope.tenant(),
        run_id,
        request.lease_token,
        request.retryable.unwrap_or(true),
        request.output,
        request.error_code,
        request.error_message.as_deref().map(cut),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| run_from!(row)))
}

/// The table of docs/api.md, read for a completion that touched no row: the stored run if it repeats one.
pub(super) fn repeated<R>(held: Option<(R, Standing)>, outcome: Outcome) -> Result<R, CompleteRefusal> {
    let Some((run, standing)) = held else { return Err(CompleteRefusal::NotRunning) };
    let same_outcome = standing.status == RunStatus::from(outcome);
    match (standing.status, standing.token_given) {
        (RunStatus::Cancelled, _) => Err(CompleteRefusal::Cancelled),
        (RunStatus::Running, false) if standing.claim_count > 1 => Err(CompleteRefusal::LeaseTokenRequired),
        // Claimed for the first time between the two statements: when the completion came, nobody had the run.
        (RunStatus::Running, false) => Err(CompleteRefusal::NotRunning),
        (RunStatus::Running, true) => Err(CompleteRefusal::LeaseLost),
        (RunStatus::Queued, false) => Err(CompleteRefusal::NotRunning),
        (RunStatus::Queued, true)
            if outcome == Outcome::Failed && standing.token_outcome.as_deref() == Some("FAILED") =>
        {
            Ok(run)
        }
        (RunStatus::Queued, true) => Err(CompleteRefusal::AttemptOver),
        (RunStatus::Succeeded | RunStatus::Failed, true) if !standing.holds_token => {
            Err(CompleteRefusal::AttemptOver)
        }
        (RunStatus::Succeeded | RunStatus::Failed, true) if same_outcome => Ok(run),
        (RunStatus::Succeeded | RunStatus::Failed, _) => Err(CompleteRefusal::AlreadyFinished),
    }
}

/// At most 8 KiB of a message, on a character's boundary, with a mark where it was cut.
pub(crate) fn cut(message: &str) -> String {
    cut_after(message, MAX_MESSAGE_BYTES)
}

/// As [`cut`], but at most so many bytes.
pub(crate) fn cut_after(message: &str, max_bytes: usize) -> String {
    if message.len() <= max_bytes {
        return message.to_owned();
    }
    let end = message.floor_char_boundary(max_bytes - CUT_MARK.len());
    format!("{}{CUT_MARK}", &message[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_a_string() {
        let read = |body: &str| serde_json::from_str::<CompleteRequest>(body);
        read(r#"{"status": "FAILED"}"#).unwrap();
        read(r#"{"status": {"FAILED": null}}"#).unwrap_err();
    }

    #[test]
    fn a_long_message_is_cut_on_a_characters_boundary_with_a_mark() {
        assert_eq!(cut("short"), "short");
        assert_eq!(cut(&"x".repeat(MAX_MESSAGE_BYTES)), "x".repeat(MAX_MESSAGE_BYTES));
        for long in ["x".repeat(MAX_MESSAGE_BYTES + 1), "ä".repeat(MAX_MESSAGE_BYTES)] {
            let short = cut(&long);
            assert!(short.len() <= MAX_MESSAGE_BYTES && short.len() > MAX_MESSAGE_BYTES - 16);
            assert!(short.ends_with(CUT_MARK));
        }
    }
}
