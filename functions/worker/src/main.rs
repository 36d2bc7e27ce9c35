//! The worker that SQS wakes: takes a batch of messages, claims their runs by id, runs them side by side and completes them.

mod batch;
#[cfg(test)]
mod batch_tests;
mod complete;
mod execute;
mod follow;
mod lease;
#[cfg(test)]
mod lease_tests;
mod leave;
mod received;
mod record;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use lambda_runtime::layers::TracingLayer;
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use runplane::app::App;
use runplane::aws;
use runplane::bucket::Bucket;
use runplane::config::{ConfigError, Setting, Settings};
use runplane::dag::evaluate::{self, Evaluators};
use runplane::dag::execute::Spill;
use runplane::functions::{self, Function};
use runplane::invocation::flushing;
use runplane::reach::Reach;
use runplane::reach::secrets::{self, Secrets};
use tokio_util::sync::CancellationToken;

use execute::Executor;
use lease::Pace;

const FUNCTION: &Function = functions::named(env!("CARGO_PKG_NAME"));

/// The argument with which a worker starts itself to have expressions evaluated.
const EVALUATE: &str = "evaluate";

/// What the worker keeps between batches.
#[derive(Debug)]
struct Worker {
    app: Arc<App>,
    name: String,
    pace: Pace,
    executor: Executor,
}

impl Worker {
    async fn from_settings(settings: &mut Settings) -> Result<Self, ConfigError> {
        let app = Arc::new(App::from_settings(settings).await?);
        let pace = Pace::from_settings(settings)?;
        let spill: Option<Arc<dyn Spill>> =
            match settings
                .optional(Setting::OutputBucket, "the name of a bucket", |name| Some(name.to_owned()))?
            {
                Some(name) => Some(Arc::new(Bucket::new(name, aws::of_function).await)),
                None => None,
            };
        let prefix = settings.optional(Setting::SecretsPrefix, secrets::PREFIX_IS, secrets::prefix)?;
        let reach = Arc::new(Reach::new(Secrets::below(prefix, aws::of_function), aws::of_function));
        let executor = Executor { app: Arc::clone(&app), evaluators: Arc::new(evaluators()), spill, reach };
        Ok(Self { app, name: batch::worker_name(), pace, executor })
    }
}

/// Children of this very program.
fn evaluators() -> Evaluators {
    let program = std::env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into());
    Evaluators::new(program, vec![EVALUATE.to_owned()], evaluate::Limits::default())
}

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(EVALUATE) {
        evaluate::serve(arguments.next().as_deref());
        return Ok(());
    }
    work()
}

// Two threads: heartbeats go on while a run keeps one of them busy.
#[tokio::main(worker_threads = 2)]
async fn work() -> Result<(), Error> {
    let worker = Worker::from_settings(&mut Settings::of(FUNCTION)).await.map(Arc::new);
    runplane::logging::init(worker.as_ref().ok().map(|worker| &worker.app.traces));
    let worker = &worker;
    let (stop, busy) = (CancellationToken::new(), leave::Busy::default());
    let (leaving, counting) = (&stop, &busy);
    let service = service_fn(move |event: LambdaEvent<_>| async move {
        let _busy = counting.enter();
        match worker {
            Ok(worker) => {
                let leave = leave::before(leaving, event.context.deadline);
                let response = batch::handle(worker, event.payload, leave.leaving()).await;
                worker.app.metrics.write();
                Ok(response)
            }
            // Failing the call keeps the messages; ending the process would leave its caller waiting.
            Err(error) => {
                tracing::error!(error = error.to_string(), "the worker is not configured");
                Err(Error::from(error.to_string()))
            }
        }
    });
    let traces = worker.as_ref().ok().map(|worker| &worker.app.traces);
    let runtime = Runtime::new(service).layer(TracingLayer::new()).layer(flushing(traces));
    tokio::select! {
        ended = runtime.run() => ended,
        () = leave::terminated(&stop, &busy) => {
            if let Some(traces) = traces {
                traces.flush().await;
            }
            Ok(())
        }
    }
}
