//! A stand-in for the executor of the domain crate, until that is there: steps that are strings do nothing, a `wait` is handed back, a `fail` fails.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use runplane::dag::execute::{Journal, JournalError};
use runplane::steps::{StepRecord, StepResults, StepStatus};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

#[derive(Debug)]
pub struct Work<J> {
    pub run: RunContext,
    pub dag_spec: Value,
    pub journal: Arc<J>,
    pub leave: CancellationToken,
    pub ends_at: Option<tokio::time::Instant>,
    pub untouched: bool,
    pub spill: Option<()>,
}

#[derive(Clone, Debug)]
#[expect(dead_code, reason = "the stand-in reads next to nothing")]
pub struct RunContext {
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub pipeline_version_id: Uuid,
    pub trigger_type: String,
    pub attempt: i32,
    pub started_at: DateTime<Utc>,
    pub params: Value,
    pub clock: Clock,
}

#[derive(Clone, Copy, Debug)]
pub struct Clock(DateTime<Utc>);

impl Clock {
    pub fn starting_at(time: DateTime<Utc>) -> Self {
        Self(time)
    }
}

#[derive(Debug)]
pub enum Ended {
    Succeeded { output: Option<Value> },
    Failed { error_code: String, error_message: String, retryable: bool },
    HandBack { until: Option<DateTime<Utc>> },
}

#[derive(Debug)]
pub struct Evaluators;

impl Evaluators {
    pub fn new(_program: PathBuf, _arguments: Vec<String>, _limits: Limits) -> Self {
        Self
    }
}

#[derive(Debug, Default)]
pub struct Limits;

pub async fn execute<J: Journal>(
    work: Work<J>,
    _evaluators: &Arc<Evaluators>,
) -> Result<Ended, JournalError> {
    let (now, _) = (work.run.clock.0, &work.spill);
    let stored = if work.untouched { Vec::new() } else { work.journal.load().await?.records };
    let steps = work.dag_spec["steps"].as_array().cloned().unwrap_or_default();
    for step in steps {
        if work.leave.is_cancelled() || work.ends_at.is_some_and(|at| at <= tokio::time::Instant::now()) {
            return Ok(Ended::HandBack { until: None });
        }
        let id = step.as_str().or(step["id"].as_str()).unwrap_or_default().to_owned();
        let known = stored.iter().find(|record| record.step_id == id);
        if known.is_some_and(|record| record.status.is_terminal()) {
            continue;
        }
        let mut record = record(&id, StepStatus::Succeeded, now);
        if step["type"] == "fail" {
            record.status = StepStatus::Failed;
            work.journal.store(&results(record)).await?;
            let error_message = step["with"]["message"].as_str().unwrap_or_default().to_owned();
            return Ok(Ended::Failed { error_code: "step_failed".into(), error_message, retryable: true });
        }
        if let Some(seconds) = step["with"]["seconds"].as_i64() {
            let begun = known.and_then(|record| record.resume_at);
            let until = begun.unwrap_or(now + TimeDelta::seconds(seconds));
            if until > now {
                record.resume_at = Some(until);
                record.status = StepStatus::Running;
                work.journal.store(&results(record)).await?;
                return Ok(Ended::HandBack { until: Some(until) });
            }
        }
        if let Some(artifact_type) = step["with"]["artifact_type"].as_str() {
            let payload = step["with"]["payload"].as_object().cloned().unwrap_or_default();
            work.journal.artifact(Uuid::now_v7(), artifact_type, &payload, &id).await?;
        }
        // Plays a step that takes its time.
        if let Some(seconds) = step["with"]["value"]["busy_seconds"].as_u64() {
            tokio::select! {
                () = work.leave.cancelled() => return Ok(Ended::HandBack { until: None }),
                () = tokio::time::sleep(std::time::Duration::from_secs(seconds)) => {}
            }
        }
        work.journal.store(&results(record)).await?;
    }
    Ok(Ended::Succeeded { output: None })
}

fn results(record: StepRecord) -> StepResults {
    StepResults { steps: vec![record], worked_ms: 0 }
}

fn record(id: &str, status: StepStatus, now: DateTime<Utc>) -> StepRecord {
    StepRecord {
        step_id: id.to_owned(),
        item: None,
        status,
        reason: None,
        attempts: 1,
        output: None,
        output_ref: None,
        output_bytes: None,
        error: None,
        started_at: Some(now),
        finished_at: status.is_terminal().then_some(now),
        resume_at: None,
        run_attempt: 0,
    }
}

pub mod evaluate {
    pub fn serve(_memory: Option<&str>) {}
}
