//! Complete all: report how several runs ended, each under the fence of its own token.

use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use std::collections::HashMap;
use uuid::Uuid;

use super::complete::{CompleteRefusal, CompleteRequest, cut, repeated};
use super::holder::holders;
use super::rounds::rounds;
use super::{Outcome, RunStatus, RunSummary, summary_from};
use crate::scope::Scope;

/// One completion of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Completion<'a> {
    /// The tenants its sender acts for.
    pub scope: Scope,
    /// Which run.
    pub run_id: Uuid,
    /// How it ended. Has passed [`CompleteRequest::check`].
    pub request: &'a CompleteRequest,
}

/// Does what [`complete`](super::complete) would do with each in turn, in one statement, or two if some are refused. Answers in
/// the order of `items`. Where a run is named several times, each time takes statements of its own.
///
/// # Errors
/// [`sqlx::Error`]: nothing was completed, unless a run is named several times.
pub async fn complete_all(
    conn: &mut PgConnection,
    items: &[Completion<'_>],
) -> Result<Vec<Result<RunSummary, CompleteRefusal>>, sqlx::Error> {
    let mut answers: Vec<_> = items.iter().map(|_| Err(CompleteRefusal::NotRunning)).collect();
    for round in rounds(items.iter().map(|item| Some(item.run_id))) {
        let of_round: Vec<_> = round.iter().map(|&position| items[position]).collect();
        let mut ended = end(conn, &of_round).await?;
        let untouched = of_round.iter().filter(|item| !ended.contains_key(&item.run_id));
        let asked: Vec<_> =
            untouched.map(|item| (item.scope, item.run_id, item.request.lease_token)).collect();
        let mut held = holders(conn, &asked).await?;
        for (position, item) in round.into_iter().zip(of_round) {
            answers[position] = match ended.remove(&item.run_id) {
                Some(run) => Ok(run),
                None => repeated(held.remove(&item.run_id), item.request.status),
            };
        }
    }
    Ok(answers)
}

/// Ends those that may be ended; the runs by id.
async fn end(
    conn: &mut PgConnection,
    items: &[Completion<'_>],
) -> Result<HashMap<Uuid, RunSummary>, sqlx::Error> {
    let tenants: Vec<_> = items.iter().map(|item| item.scope.tenant()).collect();
    let runs: Vec<_> = items.iter().map(|item| item.run_id).collect();
    let requests = || items.iter().map(|item| item.request);
    let tokens: Vec<_> = requests().map(|request| request.lease_token).collect();
    let failed: Vec<_> = requests().map(|request| request.status == Outcome::Failed).collect();
    let retryable: Vec<_> = requests().map(|request| request.retryable.unwrap_or(true)).collect();
    let outputs: Vec<_> = requests().map(|request| request.output.as_ref().map(Json)).collect();
    let codes: Vec<_> = requests().map(|request| request.error_code.as_deref()).collect();
    let messages: Vec<_> = requests().map(|request| request.error_message.as_deref().map(cut)).collect();
    let rows = sqlx::query_file!(
        "sql/complete_all.sql",
        &tenants[..] as _,
        &runs,
        &tokens[..] as _,
        &failed,
        &retryable,
        &outputs[..] as _,
        &codes[..] as _,
        &messages[..] as _,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, summary_from!(row))).collect())
}
