//! What each type of step does with its rendered `with`.

mod artifact;
mod fail;
mod outside;
mod wait;

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::Journal;
use super::attempt::{Failure, Tools};
use crate::dag::spec::{Step, StepKind};

pub(super) use outside::KnownConnections;

/// The error of a control plane, or a machine, that has no time just now.
pub(super) const UNAVAILABLE: &str = "unavailable";

/// What a step gives.
#[derive(Debug)]
pub(super) enum Given {
    /// Its result.
    Value(Value),
    /// It goes on then.
    Until(DateTime<Utc>),
}

/// Runs a step, or one of its items, once. Whoever calls ends what takes longer than `timeout`.
pub(super) async fn run<J: Journal>(
    tools: &Tools<J>,
    step: &Step,
    item: Option<usize>,
    mut with: Map<String, Value>,
    timeout: Duration,
) -> Result<Given, Failure> {
    match step.kind {
        StepKind::Noop => Ok(Given::Value(Value::Null)),
        StepKind::Transform => Ok(Given::Value(with.remove("value").unwrap_or_default())),
        StepKind::Wait => wait::until(&with, tools.run.clock.now()).map(Given::Until),
        StepKind::Artifact => artifact::store(tools, step, item, with).await.map(Given::Value),
        StepKind::Fail => Err(fail::failure(&with)),
        StepKind::Http | StepKind::Sql | StepKind::Lambda | StepKind::Sqs => {
            outside::call(tools, step, item, &with, timeout).await.map(Given::Value)
        }
    }
}

/// What a wait gives when it is over.
pub(super) fn waited(until: DateTime<Utc>) -> Value {
    json!({"until": until.to_rfc3339_opts(SecondsFormat::Millis, true)})
}

/// Whether steps of the kind are tried again after this error, when their `retry` names none.
pub(super) fn is_retried(kind: StepKind, error: &str) -> bool {
    match kind {
        StepKind::Artifact => error == UNAVAILABLE,
        StepKind::Noop | StepKind::Transform | StepKind::Wait | StepKind::Fail => false,
        StepKind::Http | StepKind::Sql | StepKind::Lambda | StepKind::Sqs => error == super::attempt::TIMEOUT,
    }
}
