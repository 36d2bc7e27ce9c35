//! The second read: how a run and the token somebody came with stand to each other.

use std::collections::HashMap;

use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Dispatch, Labels, Run, RunStatus, RunSummary, run_from, summary_from};
use crate::scope::Scope;

/// A run as seen by somebody with a token or without one. Everything that the answer table of docs/api.md asks about.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Where the run stands.
    pub status: RunStatus,
    /// How often it was claimed.
    pub claim_count: i32,
    /// Whether a token was given at all.
    pub token_given: bool,
    /// Whether it is the one on the row.
    pub holds_token: bool,
    /// How an earlier attempt under this token ended: `FAILED` or `LOST`.
    pub token_outcome: Option<String>,
}

/// The run as it is stored, and how it stands; `None`: there is none in this scope.
///
/// # Errors
/// [`sqlx::Error`].
pub(super) async fn holder(
    conn: &mut PgConnection,
    scope: Scope,
    run_id: Uuid,
    token: Option<Uuid>,
) -> Result<Option<(Run, Standing)>, sqlx::Error> {
    let row = sqlx::query_file!("sql/holder.sql", scope.tenant(), run_id, token).fetch_optional(conn).await?;
    Ok(row.map(|row| {
        let standing = Standing {
            status: row.status,
            claim_count: row.claim_count,
            token_given: token.is_some(),
            holds_token: row.holds_token,
            token_outcome: row.token_outcome,
        };
        (run_from!(row), standing)
    }))
}

/// As [`holder`] for several runs, each named once, by run. What is not in the answer is not there.
///
/// # Errors
/// [`sqlx::Error`].
pub(super) async fn holders(
    conn: &mut PgConnection,
    asked: &[(Scope, Uuid, Option<Uuid>)],
) -> Result<HashMap<Uuid, (RunSummary, Standing)>, sqlx::Error> {
    if asked.is_empty() {
        return Ok(HashMap::new());
    }
    let tenants: Vec<_> = asked.iter().map(|(scope, _, _)| scope.tenant()).collect();
    let runs: Vec<_> = asked.iter().map(|(_, run, _)| *run).collect();
    let tokens: Vec<_> = asked.iter().map(|(_, _, token)| *token).collect();
    let rows = sqlx::query_file!("sql/holders.sql", &tenants[..] as _, &runs, &tokens[..] as _)
        .fetch_all(conn)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let standing = Standing {
                status: row.status,
                claim_count: row.claim_count,
                token_given: row.token_given,
                holds_token: row.holds_token,
                token_outcome: row.token_outcome,
            };
            (row.id, (summary_from!(row), standing))
        })
        .collect())
}
