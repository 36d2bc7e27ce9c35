//! One function: its line of waiting invocations, and the environments that serve it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::invocation::{Failure, Invocation, Outcome};
use super::lock;
use super::logs::Logs;
use super::process::kill_group;

/// A function and what is known of its environments.
#[derive(Debug)]
pub(super) struct Function {
    pub name: String,
    pub binary: PathBuf,
    /// What its environments find in their environment beside Lambda's own variables.
    pub env: BTreeMap<String, String>,
    /// How long one invocation may take.
    pub timeout: Duration,
    pub logs: Logs,
    waiting: mpsc::UnboundedSender<Invocation>,
    line: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    /// How many environments have asked for an event and live.
    ready: AtomicUsize,
    running: Mutex<Vec<Running>>,
}

/// An environment that runs.
#[derive(Debug, Clone)]
struct Running {
    pid: u32,
    log_stream: String,
    busy: bool,
    gone: CancellationToken,
}

impl Function {
    /// A function without environments.
    pub fn new(
        name: String,
        binary: PathBuf,
        env: BTreeMap<String, String>,
        timeout: Duration,
        logs: Logs,
    ) -> Self {
        let (waiting, line) = mpsc::unbounded_channel();
        let line = tokio::sync::Mutex::new(line);
        Self { name, binary, env, timeout, logs, waiting, line, ready: 0.into(), running: Mutex::default() }
    }

    /// `arn:aws:lambda:…:function:<name>`
    pub fn arn(&self) -> String {
        format!("arn:aws:lambda:us-east-1:000000000000:function:{}", self.name)
    }

    /// Puts an event in line and waits for its outcome.
    pub async fn invoke(&self, payload: Bytes) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        let request_id = uuid::Uuid::new_v4().to_string();
        self.put(Invocation { request_id, payload, reply });
        outcome.await.unwrap_or(Err(Failure::ShutDown))
    }

    /// Puts an invocation at the end of the line.
    pub fn put(&self, invocation: Invocation) {
        // The receiver lives as long as the sender: both are fields of this value.
        let _ = self.waiting.send(invocation);
    }

    /// Takes the first invocation of the line, waiting for one. Safe to cancel: nothing is lost.
    pub async fn take(&self) -> Option<Invocation> {
        self.line.lock().await.recv().await
    }

    /// Notes an environment that was started, under its process id.
    pub fn started(&self, pid: u32, log_stream: &str) {
        let log_stream = log_stream.to_owned();
        lock(&self.running).push(Running { pid, log_stream, busy: false, gone: CancellationToken::new() });
    }

    /// Notes that an environment works on an invocation, or no longer does.
    pub fn set_busy(&self, pid: u32, busy: bool) {
        lock(&self.running).iter_mut().filter(|r| r.pid == pid).for_each(|r| r.busy = busy);
    }

    /// Forgets an environment that ended, and wakes who waits for that.
    pub fn ended(&self, pid: u32) {
        lock(&self.running).retain(|r| {
            if r.pid == pid {
                r.gone.cancel();
            }
            r.pid != pid
        });
    }

    /// Counts an environment that is ready for events in (`true`) or out.
    pub fn count_ready(&self, ready: bool) {
        if ready {
            self.ready.fetch_add(1, Ordering::Relaxed)
        } else {
            self.ready.fetch_sub(1, Ordering::Relaxed)
        };
    }

    /// Whether any environment is ready for events or busy with one.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed) > 0
    }

    /// The process ids of the environments.
    pub fn pids(&self) -> Vec<u32> {
        lock(&self.running).iter().map(|r| r.pid).collect()
    }

    /// Kills every environment and waits for none.
    pub fn kill_all(&self) {
        self.pids().into_iter().for_each(kill_group);
    }

    /// Kills one environment, a busy one if there is one, and waits until it is gone.
    pub async fn kill_one(&self) -> Option<u32> {
        let victim = lock(&self.running).iter().max_by_key(|r| r.busy).cloned()?;
        Some(victim.kill().await)
    }

    /// Kills the environment that writes to this log stream, and waits until it is gone.
    pub async fn kill_log_stream(&self, log_stream: &str) -> Option<u32> {
        let victim = lock(&self.running).iter().find(|r| r.log_stream == log_stream).cloned()?;
        Some(victim.kill().await)
    }
}

impl Running {
    /// Kills it and waits until it is gone. Returns its process id.
    async fn kill(self) -> u32 {
        kill_group(self.pid);
        self.gone.cancelled().await;
        self.pid
    }
}
