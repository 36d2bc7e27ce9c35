//! The second read: how a run and the token somebody came with stand to each other.

use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Dispatch, Labels, Run, RunStatus, run_from};
use crate::scope::Scope;

/// A run, seen by somebody with a token or without one.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// The run as it is stored.
    pub run: Run,
    /// Whether a token was given at all.
    pub token_given: bool,
    /// Whether it is the one on the row.
    pub holds_token: bool,
    /// How an earlier attempt under this token ended: `FAILED` or `LOST`.
    pub token_outcome: Option<String>,
}

/// How the run stands; `None`: there is none in this scope.
///
/// # Errors
/// [`sqlx::Error`].
pub(super) async fn holder(
    conn: &mut PgConnection,
    scope: Scope,
    run_id: Uuid,
    token: Option<Uuid>,
) -> Result<Option<Standing>, sqlx::Error> {
    let row = sqlx::query_file!("sql/holder.sql", scope.tenant(), run_id, token).fetch_optional(conn).await?;
    Ok(row.map(|row| {
        let (holds_token, token_outcome) = (row.holds_token, row.token_outcome);
        Standing { run: run_from!(row), token_given: token.is_some(), holds_token, token_outcome }
    }))
}
