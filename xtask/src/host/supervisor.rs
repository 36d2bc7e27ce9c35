//! Keeps one environment of a function running: when a process ends, the next one starts.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::environment::{End, Environment};
use super::function::Function;
use super::invocation::Failure;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Runs `first` and starts environments like it one after the other until `stop` says so. One that dies in its
/// start-up is followed by a pause, which doubles each time.
pub(super) async fn keep_running(function: Arc<Function>, first: Environment, stop: CancellationToken) {
    let mut failures = 0;
    let mut environment = Ok(first);
    while !stop.is_cancelled() {
        let end = match environment {
            Ok(environment) => environment.run(&stop).await,
            Err(error) => End::Init(std::io::Error::to_string(&error)),
        };
        match end {
            End::Stopped => return,
            End::Served => failures = 0,
            End::Init(reason) => {
                failures += 1;
                pause(&function, failures, reason, &stop).await;
            }
        }
        environment = Environment::start(function.clone()).await;
    }
}

/// Waits before the next start. Meanwhile invocations are told why they cannot be served, unless this was the first
/// failure (it may have been a kill that the next start overcomes) or another environment can serve them.
async fn pause(function: &Function, failures: u32, reason: String, stop: &CancellationToken) {
    let pause = FIRST_PAUSE.saturating_mul(1 << failures.min(10)).min(LONGEST_PAUSE);
    let until = Instant::now() + pause;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep_until(until) => return,
            Some(invocation) = function.take(), if failures > 1 && !function.is_ready() => {
                let _ = invocation.reply.send(Err(Failure::Init(reason.clone())));
            }
        }
    }
}
