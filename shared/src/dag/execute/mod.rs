//! Running a dag_spec: what is ready is started, what has ended is stored, and what takes too long is handed back.
//!
//! | file | what is in it |
//! |---|---|
//! | `journal` | what it needs of the control plane |
//! | `execution` | the loop: plan, start, wait, store |
//! | `state` | what is known of each step and item |
//! | `resume` | the same, from what was stored |
//! | `context` | what expressions see |
//! | `begin`, `attempt`, `ending` | one step's `if` and items; one attempt of a step or an item; how steps and runs end |
//! | `kinds` | what each type of step does |
//! | `spill` | outputs that are too large for the database |
//!
//! What is to be done next is not decided here: that is [`plan`](super::plan).

mod attempt;
mod begin;
mod context;
mod ending;
mod execution;
mod journal;
mod kinds;
mod resume;
mod spill;
mod state;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use uuid::Uuid;

use super::evaluate::Evaluators;
use super::spec::{Spec, SpecError};
use crate::reach::Reach;
use crate::runs::ClaimedRun;
use crate::traces::{self, Traceparent};
use execution::Execution;

pub use journal::{Journal, JournalError, Stored};
pub use spill::{Spill, Spilled};

/// The `error_code` of a run whose dag_spec cannot be run.
pub const INVALID_DAG_SPEC: &str = "invalid_dag_spec";
/// Of a run whose dag_spec is not for this worker.
pub const UNSUPPORTED_STEP: &str = "unsupported_step";
/// Of a run in which a step has failed.
pub const STEP_FAILED: &str = "step_failed";
/// Of a run that has worked for longer than it may.
pub const RUN_TIMEOUT: &str = "run_timeout";
/// Of a run whose steps have ended well, but not its output.
pub const OUTPUT_FAILED: &str = "output_failed";

/// An output that is kept in the database, as compact JSON, in bytes.
pub const MAX_OUTPUT_BYTES: usize = 256 * 1024;
/// All outputs of a run that its expressions may read, in bytes.
pub const MAX_CONTEXT_BYTES: usize = 4 * 1024 * 1024;

/// A claimed run, and what its steps are run with.
#[derive(Debug)]
pub struct Work<J> {
    /// Whose steps they are.
    pub run: RunContext,
    /// What to do.
    pub dag_spec: Value,
    /// Where results are kept.
    pub journal: Arc<J>,
    /// Cancelled when the run has to be handed back at once.
    pub leave: CancellationToken,
    /// When attempts have to have ended: none is started that might take longer.
    pub ends_at: Option<Instant>,
    /// Nothing can have been stored of its steps yet: it was never claimed before, and retries nothing.
    pub untouched: bool,
    /// Where large outputs go; without one they are refused.
    pub spill: Option<Arc<dyn Spill>>,
    /// What steps reach outside.
    pub reach: Arc<Reach>,
}

/// What expressions see of the run, and what its executor has to know.
#[derive(Clone, Debug)]
pub struct RunContext {
    /// The run.
    pub id: Uuid,
    /// Whose it is.
    pub tenant_id: Uuid,
    /// What runs.
    pub pipeline_version_id: Uuid,
    /// What started it.
    pub trigger_type: String,
    /// The time of its schedule that it is for, if it has one.
    pub scheduled_for: Option<DateTime<Utc>>,
    /// 1-based.
    pub attempt: i32,
    /// Its first claim.
    pub started_at: DateTime<Utc>,
    /// Its parameters.
    pub params: Value,
    /// What its trace goes on from.
    pub traceparent: Option<Traceparent>,
    /// What time it is, by the clock of the control plane.
    pub clock: Clock,
}

impl RunContext {
    /// Of a run that was claimed a moment ago.
    pub fn of(claimed: &ClaimedRun) -> Self {
        let run = &claimed.run;
        let claimed_at = run.claimed_at.unwrap_or(run.updated_at);
        Self {
            id: run.id,
            tenant_id: run.tenant_id,
            pipeline_version_id: run.pipeline_version_id,
            trigger_type: run.trigger_type.clone(),
            scheduled_for: run.scheduled_for,
            attempt: run.attempt,
            started_at: run.started_at.unwrap_or(claimed_at),
            params: run.parameters.clone(),
            traceparent: run.traceparent.as_deref().and_then(Traceparent::read),
            clock: Clock::starting_at(claimed_at),
        }
    }
}

/// The control plane's clock, as well as it is known here: whatever the clock of this machine says, times that are stored are comparable.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    time: DateTime<Utc>,
    at: Instant,
}

impl Clock {
    /// It is that time now.
    pub fn starting_at(time: DateTime<Utc>) -> Self {
        Self { time, at: Instant::now() }
    }

    /// What time it is.
    pub fn now(&self) -> DateTime<Utc> {
        self.time + TimeDelta::from_std(self.at.elapsed()).unwrap_or_default()
    }
}

/// How an execution has ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// All steps have ended, and the run has succeeded.
    Succeeded {
        /// What its spec makes of their outputs.
        output: Option<Value>,
    },
    /// The run has failed.
    Failed {
        /// A word for programs.
        error_code: String,
        /// A sentence for people.
        error_message: String,
        /// Whether another attempt may go better.
        retryable: bool,
    },
    /// It goes on later, or elsewhere: it has to be handed back.
    HandBack {
        /// Not before then; at once if there is none.
        until: Option<DateTime<Utc>>,
    },
}

impl Ended {
    fn failed(error_code: &str, error_message: String, retryable: bool) -> Self {
        Self::Failed { error_code: error_code.to_owned(), error_message, retryable }
    }
}

/// Runs what is left of a run's steps, until all have ended or the run has to be handed back. Nothing of it is under way any more when this returns.
/// Dropping it stops everything, wherever it is: for when the lease is lost.
///
/// # Errors
/// [`JournalError::Lost`]: the run is somebody else's. [`JournalError::Refused`]: a defect of ours. While the control plane is out of reach it is
/// asked again and again.
pub async fn execute<J: Journal>(work: Work<J>, evaluators: &Arc<Evaluators>) -> Result<Ended, JournalError> {
    let span = traces::run(&work.run);
    let ended = execution(work, evaluators).instrument(span.clone()).await;
    traces::ended(&span, &ended);
    ended
}

async fn execution<J: Journal>(work: Work<J>, evaluators: &Arc<Evaluators>) -> Result<Ended, JournalError> {
    let spec = match Spec::read(&work.dag_spec) {
        Ok(spec) => spec,
        // Another attempt would find the same spec.
        Err(error @ SpecError::Opaque(_)) => {
            return Ok(Ended::failed(UNSUPPORTED_STEP, format!("{error} (at /kind of the dag_spec)"), false));
        }
        Err(error @ SpecError::Invalid(_)) => {
            return Ok(Ended::failed(INVALID_DAG_SPEC, error.to_string(), false));
        }
    };
    Execution::begin(work, spec, Arc::clone(evaluators)).await?.run().await
}
