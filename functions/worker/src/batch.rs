//! A batch of messages, each treated on its own and beside the others: one that fails goes back by itself, and its
//! neighbours are done.

use std::sync::Arc;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use runplane::dag::execute::{Ended, JournalError};
use runplane::db::is_unavailable;
use runplane::runs::Claim;
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use crate::follow::follow;
use crate::lease::{self, ToKeep};
use crate::leave::Leaving;
use crate::received::{Received, sort, why_unclaimed};
use crate::record::{self, Batch, Done, RecordError};
use crate::{Worker, complete};

/// When a message comes again that an outage has kept us from working off, in seconds: the queue's own visibility is made for the longest
/// run, and would hide it for more than an hour.
const AGAIN_AFTER_SECONDS: i32 = 60;

/// The name this environment claims under: its log stream, so that a run leads to the log of whoever ran it.
pub fn worker_name() -> String {
    let name = std::env::var("AWS_LAMBDA_LOG_STREAM_NAME").ok().filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| format!("process-{}", std::process::id()));
    format!("lambda:worker:{name}").chars().take(200).collect()
}

/// Works the batch off, all messages at once, and names those that have to come again. Runs are handed back when `leave` is
/// cancelled.
pub async fn handle(worker: &Arc<Worker>, event: SqsEvent, leave: Leaving) -> SqsBatchResponse {
    // Should the answer be lost, the runs are ours without our knowing: their leases expire, and they are taken over.
    let asked_at = tokio::time::Instant::now();
    let sorted = sort(worker, event.records.into_iter().enumerate().map(Received::of).collect()).await;

    let to_keep = sorted.claimed.iter().map(|(one, claim)| ToKeep {
        claim,
        receipt: one.message.receipt_handle.clone(),
        span: one.span.clone(),
    });
    let (keeper, leases) = lease::keep(&worker.app, to_keep.collect(), asked_at, worker.pace);
    let (completer, completing) = complete::start(&worker.app, worker.pace, leave.token.clone());
    let batch = Arc::new(Batch { app: Arc::clone(&worker.app), completer, leave });
    let mut tasks = Vec::new();
    for ((one, claim), lease) in sorted.claimed.into_iter().zip(leases) {
        let batch = Arc::clone(&batch);
        let work = execute(worker, &batch, &claim);
        let freed = Arc::clone(worker);
        tasks.push(spawn(worker, one, async move {
            let result = record::run(&batch, &claim, lease, work).await;
            if matches!(result, Ok(Done::Completed(_))) {
                follow(&freed, &batch, &claim).await;
            }
            result
        }));
    }
    // Beside the work.
    let mut others = why_unclaimed(worker, sorted.unclaimed).await;
    others.extend(sorted.refused);
    others.sort_by_key(|(one, _)| one.position);
    for (one, result) in others {
        tasks.push(spawn(worker, one, async { result }));
    }
    tasks.sort_by_key(|task| task.position);
    let mut response = SqsBatchResponse::default();
    for Task { id, done, .. } in tasks {
        // A panic of ours, outside of any run's work: its message comes again.
        if !done.await.unwrap_or(false) {
            response.add_failure(id);
        }
    }
    // Nothing is under way any more when the environment is frozen.
    drop(batch);
    completing.await.ok();
    keeper.end().await;
    response
}

/// The work on a run.
pub fn execute(
    worker: &Worker,
    batch: &Batch,
    claim: &Arc<Claim>,
) -> impl Future<Output = Result<Ended, JournalError>> + Send + 'static {
    let (executor, claim, leave) = (worker.executor.clone(), Arc::clone(claim), batch.leave.clone());
    async move { executor.execute(&claim, leave).await }
}

/// What is done about one message.
struct Task {
    position: usize,
    /// The message's.
    id: String,
    /// True: it has done its duty. Otherwise it has to come again.
    done: JoinHandle<bool>,
}

fn spawn(
    worker: &Arc<Worker>,
    one: Received,
    result: impl Future<Output = Result<Done, RecordError>> + Send + 'static,
) -> Task {
    let (position, id) = (one.position, one.message.message_id.clone().unwrap_or_default());
    let (worker, span) = (Arc::clone(worker), one.span.clone());
    let done = async move {
        let result = result.await;
        finish(&worker, &one, result).await
    };
    Task { position, id, done: tokio::spawn(done.instrument(span)) }
}

/// Says what became of a message. True: it has done its duty.
async fn finish(worker: &Worker, one: &Received, result: Result<Done, RecordError>) -> bool {
    let duration_ms = one.started.elapsed().as_millis() as u64;
    match result {
        Ok(Done::Completed(status)) => {
            tracing::info!(status = status.as_str(), duration_ms, "run completed, is {}", status.as_str());
            true
        }
        Ok(Done::HandedBack) => {
            tracing::info!(duration_ms, "run handed back: another invocation goes on with it");
            true
        }
        Ok(Done::NotOurs) => {
            tracing::info!(duration_ms, "run is not QUEUED or not due: the message has nothing to say");
            true
        }
        Ok(Done::Lost) => {
            tracing::warn!(
                duration_ms,
                "lease lost while working: the run is cancelled or somebody else's now"
            );
            true
        }
        Err(error) => {
            if let RecordError::Db(cause) = &error {
                let retry =
                    if is_unavailable(cause) { "Postgres is out of reach" } else { "Postgres refused" };
                tracing::error!(
                    error = format!("{cause:#}"),
                    duration_ms,
                    "{retry}: the message comes again"
                );
            } else {
                tracing::error!(duration_ms, "message refused: {error}");
            }
            come_again(worker, &one.message, &error).await;
            false
        }
    }
}

/// Lets the message come again sooner than the queue would.
async fn come_again(worker: &Worker, message: &SqsMessage, error: &RecordError) {
    let (Some(dispatcher), Some(receipt)) = (&worker.app.dispatcher, &message.receipt_handle) else { return };
    let seconds = again_after_seconds(error);
    if let Err(error) = dispatcher.hide(receipt, seconds).await {
        // It comes when the queue says; the sweep tells SQS of the run in any case.
        let error = format!("{:#}", anyhow::Error::new(error));
        tracing::warn!(error, "the message's visibility was not set");
    }
}

/// At once if nothing will make it better, so that the dead-letter queue soon shows it; after a minute if Postgres may be back by then.
fn again_after_seconds(error: &RecordError) -> i32 {
    match error {
        RecordError::Unreadable(_) | RecordError::NoSuchRun(_) => 0,
        RecordError::Silent | RecordError::OutOfReach(_) | RecordError::Db(_) => AGAIN_AFTER_SECONDS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_worked_off_comes_again_at_once_and_what_an_outage_hindered_after_a_minute() {
        let unreadable = serde_json::from_str::<u8>("").unwrap_err();
        assert_eq!(again_after_seconds(&unreadable.into()), 0);
        assert_eq!(again_after_seconds(&RecordError::NoSuchRun(uuid::Uuid::nil())), 0);
        assert_eq!(again_after_seconds(&RecordError::Silent), 60);
        assert_eq!(again_after_seconds(&sqlx::Error::PoolClosed.into()), 60);
    }
}
