//! A batch of messages, each treated on its own: one that fails goes back by itself, and its neighbours are done.

use std::time::Instant;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use runplane::app::App;
use runplane::db::is_unavailable;
use tracing::Instrument as _;

use crate::lease::Pace;
use crate::record::{self, Done, RecordError};

/// The name this environment claims under: its log stream, so that a run leads to the log of whoever ran it.
pub fn worker_name() -> String {
    let name = std::env::var("AWS_LAMBDA_LOG_STREAM_NAME").ok().filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| format!("process-{}", std::process::id()));
    format!("lambda:worker:{name}").chars().take(200).collect()
}

/// Works the batch off, one message after the other, and names the messages that have to come again.
pub async fn handle(app: &App, worker: &str, event: SqsEvent) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in event.records {
        let id = message.message_id.clone().unwrap_or_default();
        let span = tracing::info_span!(
            "message",
            message.id = id,
            tenant.id = tracing::field::Empty,
            run.id = tracing::field::Empty,
            run.attempt = tracing::field::Empty,
        );
        if !one(app, worker, &message).instrument(span).await {
            response.add_failure(id);
        }
    }
    response
}

/// True: the message has done its duty.
async fn one(app: &App, worker: &str, message: &SqsMessage) -> bool {
    let started = Instant::now();
    let result = record::handle(app, worker, message, Pace::DEFAULT).await;
    let duration_ms = started.elapsed().as_millis() as u64;
    match result {
        Ok(Done::Ended(status)) => {
            tracing::info!(status = status.as_str(), duration_ms, "run ended {}", status.as_str());
            true
        }
        Ok(Done::NotOurs) => {
            tracing::info!(duration_ms, "run is not QUEUED or not due: the message has nothing to say");
            true
        }
        Ok(Done::Lost) => {
            tracing::warn!(duration_ms, "lease lost while working: the run is somebody else's now");
            true
        }
        Err(error) => {
            if let RecordError::Db(cause) = &error {
                app.db.discard().await;
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
            false
        }
    }
}
