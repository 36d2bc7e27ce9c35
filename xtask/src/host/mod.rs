//! A small host of the Lambda Runtime API: it runs the real function binaries as processes, and answers as Lambda and API
//! Gateway do when they fail, hang or die.
//!
//! It is what tests, chaos and benchmarks run functions on. For developing there is `cargo lambda watch`, which rebuilds
//! what was edited; but it sends no real deadlines and starts no function again that died.
//!
//! What it does as Lambda does:
//! - N environments of each function, one invocation at a time in each; more invocations wait in line (Lambda would
//!   start more environments, up to a limit that throttles).
//! - `AWS_LAMBDA_RUNTIME_API` names a port of the environment's own. An environment that dies is started again, and
//!   one that oversteps the function's time limit is killed first; the caller is told at once, not retried.
//! - An environment inherits nothing of this process's variables but a few that concern the machine (see [`Builder::env`]).
//! - `POST /2015-03-31/functions/<name>/invocations` on the base URL invokes a function and waits for its answer
//!   (`X-Amz-Invocation-Type` is ignored). Every other path goes through the routes of [`crate::routes`] as an API
//!   Gateway HTTP API would send it: events and answers in payload format 2.0.
//!
//! Functions run in process groups of their own, which are killed when the [`Host`] is dropped, in a panic too. Should
//! this process be killed, a function loses its Runtime API and ends by itself.

mod answer;
mod builder;
mod environment;
mod event;
mod front;
mod function;
mod invocation;
mod logs;
mod process;
mod runtime_api;
mod supervisor;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use builder::Builder;
pub use invocation::Failure;

use environment::INIT_LIMIT;
use function::Function;

/// Functions that run, and the address of their HTTP API. Dropping it kills them.
#[derive(Debug)]
pub struct Host {
    /// `http://127.0.0.1:<port>`, without a slash at the end: the HTTP API, and Lambda's invoke API.
    pub base_url: String,
    functions: Arc<Functions>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

type Functions = BTreeMap<String, Arc<Function>>;

impl Host {
    /// Starts to describe a host; `root` is the repository, whose `Cargo.toml` has the routes and whose
    /// `target/debug` has the binaries unless [`Builder::binaries`] names another folder.
    pub fn builder(root: impl Into<std::path::PathBuf>) -> Builder {
        Builder::new(root.into())
    }

    /// Invokes a function and waits for its answer, however long it stands in line.
    ///
    /// Fails with what the function reported, or with how it ended without an answer.
    pub async fn invoke(&self, name: &str, event: &Value) -> Result<Value, Failure> {
        let function = self.functions.get(name).ok_or_else(|| Failure::UnknownFunction(name.to_owned()))?;
        let answer = function.invoke(event.to_string().into()).await?;
        serde_json::from_slice(&answer).map_err(|_| Failure::NotJson(answer))
    }

    /// Waits until an environment of the function is ready for its first event. Fails when none is within Lambda's limit of ten seconds.
    pub async fn ready(&self, name: &str) -> anyhow::Result<()> {
        let function = self.functions.get(name).with_context(|| format!("there is no function {name}"))?;
        let since = Instant::now();
        while !function.is_ready() {
            anyhow::ensure!(
                since.elapsed() < INIT_LIMIT,
                "{name} was not ready within {} s",
                INIT_LIMIT.as_secs()
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// The process ids of the environments of a function that run at this moment; empty for an unknown function.
    pub fn pids(&self, name: &str) -> Vec<u32> {
        self.functions.get(name).map(|f| f.pids()).unwrap_or_default()
    }

    /// Kills one environment with SIGKILL, a busy one if there is one, and waits until it is gone: invocations from
    /// here on go to others, or wait for its successor. Returns its process id, or `None` when none runs.
    pub async fn kill_environment(&self, name: &str) -> Option<u32> {
        self.functions.get(name)?.kill_one().await
    }

    /// Kills the environment of a function that finds `log_stream` in `AWS_LAMBDA_LOG_STREAM_NAME`, as
    /// [`Host::kill_environment`] does. Returns its process id, or `None` when it does not run (any more).
    pub async fn kill_log_stream(&self, name: &str, log_stream: &str) -> Option<u32> {
        self.functions.get(name)?.kill_log_stream(log_stream).await
    }

    /// Everything that the environments of a function wrote to stdout and stderr, line by line, oldest first; only the
    /// newest 20,000 lines are kept. Empty for an unknown function.
    pub fn logs(&self, name: &str) -> Vec<String> {
        self.functions.get(name).map(|f| f.logs.lines()).unwrap_or_default()
    }

    /// Kills every environment, stops listening, and waits until all of it is gone.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.stop.cancel();
        // The tasks may never be polled again: kill here, and let them find out.
        self.functions.values().for_each(|function| function.kill_all());
    }
}

/// Locks, also after a panic of another holder: every value here is whole between two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
