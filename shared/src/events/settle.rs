//! Note what became of deliveries.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::Delivery;
use crate::reach::ReachFailure;

/// What became of one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    id: i64,
    attempt: i32,
    listener_id: Uuid,
    error: Option<String>,
    wait: Option<Duration>,
    gone: bool,
}

/// The longest word for an error that is kept.
const MAX_ERROR_CHARS: usize = 100;
/// What a receiver answers that will never be there again.
const GONE: &str = "http_410";

impl Outcome {
    /// Of a delivery, with what came of it.
    pub fn new(delivery: &Delivery, result: Result<(), ReachFailure>) -> Self {
        let Delivery { id, attempt, listener_id, .. } = *delivery;
        let failure = result.err();
        Self {
            id,
            attempt,
            listener_id,
            gone: failure.as_ref().is_some_and(|failure| failure.error == GONE),
            wait: failure.as_ref().and_then(|failure| failure.retry_after),
            error: failure.map(|failure| failure.error.chars().take(MAX_ERROR_CHARS).collect()),
        }
    }

    /// Whose it is.
    pub fn listener_id(&self) -> Uuid {
        self.listener_id
    }
}

/// What came of it all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Acknowledged.
    pub delivered: u64,
    /// Not acknowledged, those that were given up among them.
    pub failed: u64,
    /// Not acknowledged, and not tried again.
    pub given_up: u64,
    /// Webhooks that are paused from now on, as they said that they are gone.
    pub gone: Vec<Uuid>,
}

/// Notes outcomes: what was delivered is done, everything else is tried again later, or given up.
///
/// # Errors
/// [`sqlx::Error`]; nothing was noted, so that they are sent again.
pub async fn settle_deliveries(
    conn: &mut PgConnection,
    outcomes: &[Outcome],
) -> Result<Settled, sqlx::Error> {
    let ids: Vec<i64> = outcomes.iter().map(|outcome| outcome.id).collect();
    let attempts: Vec<i32> = outcomes.iter().map(|outcome| outcome.attempt).collect();
    let listeners: Vec<Uuid> = outcomes.iter().map(|outcome| outcome.listener_id).collect();
    let delivered: Vec<bool> = outcomes.iter().map(|outcome| outcome.error.is_none()).collect();
    let errors: Vec<Option<String>> = outcomes.iter().map(|outcome| outcome.error.clone()).collect();
    let seconds = |wait: Duration| i32::try_from(wait.as_secs()).unwrap_or(i32::MAX);
    let waits: Vec<Option<i32>> = outcomes.iter().map(|outcome| outcome.wait.map(seconds)).collect();
    let gone: Vec<bool> = outcomes.iter().map(|outcome| outcome.gone).collect();
    let row = sqlx::query_file!(
        "sql/settle_deliveries.sql",
        &ids,
        &attempts,
        &listeners,
        &delivered,
        &errors as &[Option<String>],
        &waits as &[Option<i32>],
        &gone,
    )
    .fetch_one(conn)
    .await?;
    Ok(Settled {
        delivered: row.delivered.unsigned_abs(),
        failed: row.failed.unsigned_abs(),
        given_up: row.given_up.unsigned_abs(),
        gone: row.gone,
    })
}
