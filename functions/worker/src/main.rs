//! The worker that SQS wakes: takes a batch of messages, claims their runs by id, runs them side by side and completes them.

mod batch;
#[cfg(test)]
mod batch_tests;
mod complete;
mod execute;
mod follow;
mod lease;
mod leave;
mod received;
mod record;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use runplane::app::App;
use runplane::config::{ConfigError, Settings};
use runplane::functions::{self, Function};
use tokio_util::sync::CancellationToken;

use lease::Pace;

const FUNCTION: &Function = functions::named(env!("CARGO_PKG_NAME"));

/// What the worker keeps between batches.
#[derive(Debug)]
struct Worker {
    app: Arc<App>,
    name: String,
    pace: Pace,
}

impl Worker {
    async fn from_settings(settings: &mut Settings) -> Result<Self, ConfigError> {
        let app = App::from_settings(settings).await?;
        Ok(Self { app: Arc::new(app), name: batch::worker_name(), pace: Pace::from_settings(settings)? })
    }
}

// Two threads: heartbeats go on while a run keeps one of them busy.
#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Error> {
    runplane::logging::init();
    let worker = Worker::from_settings(&mut Settings::of(FUNCTION)).await.map(Arc::new);
    let worker = &worker;
    let (stop, busy) = (CancellationToken::new(), leave::Busy::default());
    let (leaving, counting) = (&stop, &busy);
    let run = lambda_runtime::run(service_fn(move |event: LambdaEvent<_>| async move {
        let _busy = counting.enter();
        match worker {
            Ok(worker) => {
                let leave = leave::before(leaving, event.context.deadline);
                Ok(batch::handle(worker, event.payload, leave.token()).await)
            }
            // Failing the call keeps the messages; ending the process would leave its caller waiting.
            Err(error) => {
                tracing::error!(error = error.to_string(), "the worker is not configured");
                Err(Error::from(error.to_string()))
            }
        }
    }));
    tokio::select! {
        ended = run => ended,
        () = leave::terminated(&stop, &busy) => Ok(()),
    }
}
