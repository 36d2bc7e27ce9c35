//! The functions of a deployment, in one table: what starts each, what it reads from its environment, what it asks of SQS.
//!
//! A function is made from its row and from nothing else. What the row does not list cannot be read
//! ([`ConfigError::Undeclared`](crate::config::ConfigError)) and stops a debug build when it is called
//! ([`Function::assert_calls`]), so a template that gives each function what its row lists gives enough, and no more.

use std::time::Duration;

use crate::config::Setting::{self, DatabaseUrl, DbPooler, RetentionDays, RunsQueueUrl, WorkerLeaseSeconds};
use crate::db::Plans;
use crate::http::{MAX_WAIT_SECONDS, TIME_LIMIT};

use Call::{ChangeMessageVisibility, GetQueueAttributes, SendMessage};

/// One Lambda function of a deployment.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its folder in `functions/`, its package and its binary.
    pub name: &'static str,
    /// What starts it.
    pub trigger: Trigger,
    /// How its statements are planned.
    pub plans: Plans,
    /// Every variable of ours that it reads.
    pub settings: &'static [Setting],
    /// What it asks of SQS about the runs queue. Empty: it knows no queue.
    pub calls: &'static [Call],
    /// How long an HTTP caller waits at most: then it is told 503. Nobody waits for the worker and the sweep.
    pub time_limit: Duration,
}

/// What starts a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A request to the HTTP API.
    Route {
        /// In capitals.
        method: &'static str,
        /// With parameters in braces.
        path: &'static str,
    },
    /// Messages in the runs queue, by way of an event source mapping.
    Queue,
    /// The clock.
    Schedule,
}

/// What a function may ask of SQS about the runs queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Sending, one message or a batch.
    SendMessage,
    /// Asking how full the queue is.
    GetQueueAttributes,
    /// Hiding a message that was received.
    ChangeMessageVisibility,
}

impl Call {
    /// What IAM calls it.
    pub const fn action(self) -> &'static str {
        match self {
            SendMessage => "sqs:SendMessage",
            GetQueueAttributes => "sqs:GetQueueAttributes",
            ChangeMessageVisibility => "sqs:ChangeMessageVisibility",
        }
    }
}

/// Every function of a deployment.
pub static FUNCTIONS: [Function; 11] = [
    route("create", "POST", "/api/runs").sending(),
    Function { plans: Plans::Custom, ..route("list", "GET", "/api/runs") },
    route("claim", "POST", "/api/runs/claim"),
    Function { time_limit: WHILE_WAITING, ..route("get", "GET", "/api/runs/{run_id}") },
    route("heartbeat", "POST", "/api/runs/{run_id}/heartbeat"),
    route("complete", "POST", "/api/runs/{run_id}/complete").sending(),
    route("release", "POST", "/api/runs/{run_id}/release").sending(),
    route("cancel", "POST", "/api/runs/{run_id}/cancel"),
    route("retry", "POST", "/api/runs/{run_id}/retry").sending(),
    Function {
        name: "worker",
        trigger: Trigger::Queue,
        plans: Plans::Generic,
        settings: &[DatabaseUrl, DbPooler, RunsQueueUrl, WorkerLeaseSeconds],
        // Sends about runs that it hands back, and that get another attempt.
        calls: &[SendMessage, ChangeMessageVisibility],
        time_limit: TIME_LIMIT,
    },
    Function {
        name: "sweep",
        trigger: Trigger::Schedule,
        plans: Plans::Generic,
        settings: &[DatabaseUrl, DbPooler, RunsQueueUrl, RetentionDays],
        calls: &[SendMessage, GetQueueAttributes],
        time_limit: TIME_LIMIT,
    },
];

/// The time limit of who may wait for the end of a run.
const WHILE_WAITING: Duration = TIME_LIMIT.saturating_add(Duration::from_secs(MAX_WAIT_SECONDS as u64));

/// A function of the HTTP API that knows Postgres and nothing else.
const fn route(name: &'static str, method: &'static str, path: &'static str) -> Function {
    Function {
        name,
        trigger: Trigger::Route { method, path },
        plans: Plans::Generic,
        settings: &[DatabaseUrl, DbPooler],
        calls: &[],
        time_limit: TIME_LIMIT,
    }
}

impl Function {
    /// The same, and it tells SQS that a run waits.
    const fn sending(self) -> Self {
        Self { settings: &[DatabaseUrl, DbPooler, RunsQueueUrl], calls: &[SendMessage], ..self }
    }

    /// For whoever is about to make such a call. Costs a release build nothing.
    ///
    /// # Panics
    /// In a debug build, if [`Function::calls`] does not list it: on AWS the function would not be permitted to.
    pub fn assert_calls(&self, call: Call) {
        debug_assert!(
            self.calls.contains(&call),
            "the function {} calls {}, which runplane::functions does not list for it",
            self.name,
            call.action()
        );
    }
}

/// The function of this name. Meant for constants: a crate that the table does not know does not compile.
///
/// # Panics
/// If there is none.
pub const fn named(name: &str) -> &'static Function {
    let mut index = 0;
    while index < FUNCTIONS.len() {
        if is_same(FUNCTIONS[index].name.as_bytes(), name.as_bytes()) {
            return &FUNCTIONS[index];
        }
        index += 1;
    }
    panic!("runplane::functions::FUNCTIONS has no function of this name")
}

/// `==`, which cannot be used in constants yet.
const fn is_same(a: &[u8], b: &[u8]) -> bool {
    let mut index = 0;
    while index < a.len() && index < b.len() && a[index] == b[index] {
        index += 1;
    }
    index == a.len() && index == b.len()
}

#[cfg(test)]
mod tests;
