//! The worker that SQS wakes: takes a batch of messages, claims each run by its id, runs it and completes it.

mod batch;
mod execute;
mod lease;
mod record;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use runplane::app::{App, Needs};
use runplane::db::Plans;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runplane::logging::init();
    let app = App::from_env(Needs { plans: Plans::Generic, queue: false }).await.map(Arc::new);
    let app = &app;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<_>| async move {
        match app {
            Ok(app) => Ok(batch::handle(app, &batch::worker_name(), event.payload).await),
            // Failing the call keeps the messages; ending the process would leave its caller waiting.
            Err(error) => {
                tracing::error!(error = error.to_string(), "the worker is not configured");
                Err(Error::from(error.to_string()))
            }
        }
    }))
    .await
}
