//! The messages of a batch: which run each is about, and which of these runs are ours. One statement claims them all, and one more asks
//! about those that it did not claim.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use aws_lambda_events::sqs::SqsMessage;
use runplane::dispatch::Message;
use runplane::runs::{self, Claim};
use runplane::scope::Scope;
use tracing::Span;
use uuid::Uuid;

use crate::Worker;
use crate::record::{Done, RecordError};

/// A message that was received.
#[derive(Debug)]
pub struct Received {
    /// Its place in the batch.
    pub position: usize,
    /// As SQS sent it.
    pub message: SqsMessage,
    /// What is logged about it belongs there.
    pub span: Span,
    /// When it came.
    pub started: Instant,
}

impl Received {
    /// Now, in this place of the batch.
    pub fn of((position, message): (usize, SqsMessage)) -> Self {
        let span = tracing::info_span!(
            "message",
            message.id = message.message_id.as_deref().unwrap_or_default(),
            tenant.id = tracing::field::Empty,
            run.id = tracing::field::Empty,
            run.attempt = tracing::field::Empty,
        );
        Self { position, message, span, started: Instant::now() }
    }

    /// The run that it names, and whose it should be.
    fn run(&self) -> Result<(Scope, Uuid), serde_json::Error> {
        let Message { run_id } = serde_json::from_str(self.message.body.as_deref().unwrap_or_default())?;
        self.span.record("run.id", run_id.to_string());
        // Our messages carry the tenant as their group. One that was sent by hand has none.
        let group = self.message.attributes.get("MessageGroupId");
        Ok((Scope::from(group.and_then(|group| group.parse::<Uuid>().ok())), run_id))
    }
}

/// Messages after the claim.
#[derive(Debug, Default)]
pub struct Sorted {
    /// Their runs are ours now.
    pub claimed: Vec<(Received, Arc<Claim>)>,
    /// Their runs were not claimed, by these messages at least.
    pub unclaimed: Vec<(Received, (Scope, Uuid))>,
    /// They cannot be read, or the claim has failed.
    pub refused: Vec<(Received, Result<Done, RecordError>)>,
}

/// Claims the runs that the messages name. Of two messages about one run, the first has it.
pub async fn sort(worker: &Worker, received: Vec<Received>) -> Sorted {
    let mut sorted = Sorted::default();
    let mut readable = Vec::new();
    for one in received {
        match one.run() {
            Ok(run) => readable.push((one, run)),
            Err(error) => sorted.refused.push((one, Err(error.into()))),
        }
    }
    let mut claims = match claim(worker, readable.iter().map(|(_, run)| *run).collect()).await {
        Ok(claims) => claims,
        Err(error) => {
            let all = readable.into_iter().map(|(one, _)| (one, Err(Arc::clone(&error).into())));
            sorted.refused.extend(all);
            return sorted;
        }
    };
    for (one, (scope, run_id)) in readable {
        let tenant = claims.get(&run_id).map(|claim| claim.run.run.tenant_id);
        // Claimed for another message, which names its tenant rightly.
        let foreign = scope.tenant().is_some() && scope.tenant() != tenant;
        match if foreign { None } else { claims.remove(&run_id) } {
            Some(claim) => {
                one.span.record("tenant.id", claim.run.run.tenant_id.to_string());
                one.span.record("run.attempt", claim.run.run.attempt);
                sorted.claimed.push((one, Arc::new(claim)));
            }
            None => sorted.unclaimed.push((one, (scope, run_id))),
        }
    }
    sorted
}

/// The claims by run.
async fn claim(worker: &Worker, asked: Vec<(Scope, Uuid)>) -> Result<HashMap<Uuid, Claim>, Arc<sqlx::Error>> {
    if asked.is_empty() {
        return Ok(HashMap::new());
    }
    let Worker { app, name, pace, .. } = worker;
    let seconds = pace.lease_seconds;
    let claims = app.call_in_time(async |conn| runs::claim_by_ids(conn, &asked, name, seconds).await);
    // Should this environment die with them, the sweep comes for the leases.
    let claims = failed(worker, app.armed(claims).await).await?;
    app.metrics.claimed(&claims);
    Ok(claims.into_iter().map(|claim| (claim.run.run.id, claim)).collect())
}

/// What becomes of messages whose runs were not claimed: the run is somebody else's, or there is none.
pub async fn why_unclaimed(
    worker: &Worker,
    unclaimed: Vec<(Received, (Scope, Uuid))>,
) -> Vec<(Received, Result<Done, RecordError>)> {
    let asked: Vec<_> = unclaimed.iter().map(|(_, run)| *run).collect();
    let there = if asked.is_empty() {
        Ok(HashSet::new())
    } else {
        let there = worker.app.call_in_time(async |conn| runs::exist(conn, &asked).await);
        failed(worker, there.await).await
    };
    let results = unclaimed.into_iter().enumerate().map(|(position, (one, (_, run_id)))| {
        let result = match &there {
            Ok(there) if there.contains(&position) => Ok(Done::NotOurs),
            Ok(_) => Err(RecordError::NoSuchRun(run_id)),
            Err(error) => Err(Arc::clone(error).into()),
        };
        (one, result)
    });
    results.collect()
}

/// An answer of Postgres, whose connection is not used again if it failed.
async fn failed<T>(worker: &Worker, answer: Result<T, sqlx::Error>) -> Result<T, Arc<sqlx::Error>> {
    if answer.is_err() {
        worker.app.db.discard().await;
    }
    answer.map_err(Arc::new)
}
