//! Heartbeat all: extend several leases that are alive.

use std::collections::HashMap;

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::heartbeat::{HeartbeatRefusal, HeartbeatReply, HeartbeatRequest, refusal};
use super::holder::holders;
use super::rounds::rounds;
use crate::scope::Scope;

/// One heartbeat of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Beat<'a> {
    /// The tenants its sender acts for.
    pub scope: Scope,
    /// Which run.
    pub run_id: Uuid,
    /// Under which token, for how long. Has passed [`HeartbeatRequest::check`].
    pub request: &'a HeartbeatRequest,
}

/// Does what [`heartbeat`](super::heartbeat) would do with each in turn, in one statement, or two if some are refused. Answers in
/// the order of `items`. Where a run is named several times, each time takes statements of its own.
///
/// # Errors
/// [`sqlx::Error`]: no lease was extended, unless a run is named several times.
pub async fn heartbeat_all(
    conn: &mut PgConnection,
    items: &[Beat<'_>],
) -> Result<Vec<Result<HeartbeatReply, HeartbeatRefusal>>, sqlx::Error> {
    let mut answers: Vec<_> = items.iter().map(|_| Err(HeartbeatRefusal::NotRunning)).collect();
    for round in rounds(items.iter().map(|item| Some(item.run_id))) {
        let of_round: Vec<_> = round.iter().map(|&position| items[position]).collect();
        let mut extended = extend(conn, &of_round).await?;
        let untouched = of_round.iter().filter(|item| !extended.contains_key(&item.run_id));
        let asked: Vec<_> =
            untouched.map(|item| (item.scope, item.run_id, item.request.lease_token)).collect();
        let held = holders(conn, &asked).await?;
        for (position, item) in round.into_iter().zip(of_round) {
            answers[position] = match extended.remove(&item.run_id) {
                Some(reply) => Ok(reply),
                None => Err(refusal(held.get(&item.run_id).map(|(_, standing)| standing))),
            };
        }
    }
    Ok(answers)
}

/// Extends those that may be extended; the replies by run.
async fn extend(
    conn: &mut PgConnection,
    items: &[Beat<'_>],
) -> Result<HashMap<Uuid, HeartbeatReply>, sqlx::Error> {
    let tenants: Vec<_> = items.iter().map(|item| item.scope.tenant()).collect();
    let runs: Vec<_> = items.iter().map(|item| item.run_id).collect();
    let tokens: Vec<_> = items.iter().map(|item| item.request.lease_token).collect();
    let workers: Vec<_> = items.iter().map(|item| item.request.worker_id.as_deref()).collect();
    let seconds: Vec<_> = items.iter().map(|item| item.request.lease_seconds).collect();
    let rows = sqlx::query_file!(
        "sql/heartbeat_all.sql",
        &tenants[..] as _,
        &runs,
        &tokens[..] as _,
        &workers[..] as _,
        &seconds[..] as _,
    )
    .fetch_all(conn)
    .await?;
    let replies = rows.into_iter().map(|row| HeartbeatReply {
        ok: true,
        run_id: row.id,
        heartbeat_at: row.heartbeat_at,
        lease_expires_at: row.lease_expires_at,
        tenant_id: row.tenant_id,
        attempt: row.attempt,
    });
    Ok(replies.map(|reply| (reply.run_id, reply)).collect())
}
