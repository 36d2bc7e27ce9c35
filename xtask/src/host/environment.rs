//! One life of one environment: from its start to the end of its process, one invocation at a time.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::function::Function;
use super::invocation::{Failure, Invocation, Outcome};
use super::process::Process;
use super::runtime_api::{Call, Delivery, RuntimeApi};

/// How long a function may take before it asks for its first event; Lambda's own limit.
pub(super) const INIT_LIMIT: Duration = Duration::from_secs(10);

/// How an environment's life ended.
#[derive(Debug)]
pub(super) enum End {
    /// Before it asked for an event; why, in words.
    Init(String),
    /// Afterwards: it died, or was killed at its time limit.
    Served,
    /// The host was told to stop.
    Stopped,
}

/// A running environment. Dropping it kills the process; who waits for an answer is told by its end.
#[derive(Debug)]
pub(super) struct Environment {
    function: Arc<Function>,
    process: Process,
    api: RuntimeApi,
    /// Where the next event goes, while the function waits for one.
    waiting: Option<oneshot::Sender<Delivery>>,
    busy: Option<Busy>,
    /// When the present phase has to be over: start-up or an invocation; `None` while the function waits.
    limit: Option<Instant>,
    ready: bool,
    init_error: Option<Bytes>,
}

/// The invocation that an environment works on.
#[derive(Debug)]
struct Busy {
    request_id: String,
    reply: oneshot::Sender<Outcome>,
}

impl Environment {
    /// Starts a process for `function`. Fails when it cannot be started.
    pub async fn start(function: Arc<Function>) -> std::io::Result<Self> {
        let api = RuntimeApi::start().await?;
        let process = Process::start(&function, &api.address)?;
        function.started(process.pid, &process.log_stream);
        let limit = Some(Instant::now() + INIT_LIMIT);
        Ok(Self { function, process, api, waiting: None, busy: None, limit, ready: false, init_error: None })
    }

    /// Serves invocations until the process ends or `stop` says so.
    pub async fn run(mut self, stop: &CancellationToken) -> End {
        let failure = loop {
            let function = self.function.clone();
            let limit = self.limit;
            tokio::select! {
                biased;
                () = stop.cancelled() => return End::Stopped,
                status = self.process.wait() => {
                    // It may have answered in its last moment.
                    while let Ok(call) = self.api.calls.try_recv() {
                        self.answer(call);
                    }
                    break Failure::Exited(status);
                }
                Some(call) = self.api.calls.recv() => self.answer(call),
                () = sleep_until(limit.unwrap_or_else(Instant::now)), if limit.is_some() => {
                    break Failure::TimedOut(self.limit_ms());
                }
                Some(invocation) = function.take(), if self.waiting.is_some() => self.deliver(invocation),
            }
        };
        if let Some(busy) = self.busy.take() {
            let _ = busy.reply.send(Err(failure.clone()));
        }
        match (self.ready, self.init_error.take()) {
            (true, _) => End::Served,
            (false, Some(reason)) => End::Init(String::from_utf8_lossy(&reason).into_owned()),
            (false, None) => End::Init(failure.to_string()),
        }
    }

    fn limit_ms(&self) -> u128 {
        if self.ready { self.function.timeout } else { INIT_LIMIT }.as_millis()
    }

    fn answer(&mut self, call: Call) {
        match call {
            Call::Next(sender) => {
                if !self.ready {
                    self.ready = true;
                    self.function.count_ready(true);
                }
                // A function that asks on without having answered has dropped the event.
                self.finish(Err(Failure::Exited("it asked for another event before it answered".into())));
                self.waiting = Some(sender);
            }
            Call::Done { request_id, result, accepted } => {
                let own = self.busy.as_ref().is_some_and(|busy| busy.request_id == request_id);
                if own {
                    self.finish(result.map_err(Failure::Reported));
                }
                let _ = accepted.send(own);
            }
            Call::InitError(reason) => self.init_error = Some(reason),
        }
    }

    /// Hands the outcome to the caller, if an invocation is under way.
    fn finish(&mut self, outcome: Outcome) {
        self.limit = None;
        if let Some(busy) = self.busy.take() {
            self.function.set_busy(self.process.pid, false);
            let _ = busy.reply.send(outcome);
        }
    }

    fn deliver(&mut self, invocation: Invocation) {
        let Some(sender) = self.waiting.take() else { return self.function.put(invocation) };
        let Invocation { request_id, payload, reply } = invocation;
        let delivery = Delivery {
            request_id: request_id.clone(),
            function_arn: self.function.arn(),
            deadline_ms: (SystemTime::now() + self.function.timeout)
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_millis(),
            payload,
        };
        match sender.send(delivery) {
            Ok(()) => {
                self.limit = Some(Instant::now() + self.function.timeout);
                self.function.set_busy(self.process.pid, true);
                self.busy = Some(Busy { request_id, reply });
            }
            // The function hung up and is about to end: the event goes to another environment.
            Err(Delivery { payload, .. }) => self.function.put(Invocation { request_id, payload, reply }),
        }
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        if self.ready {
            self.function.count_ready(false);
        }
        self.function.ended(self.process.pid);
    }
}
