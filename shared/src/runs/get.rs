//! Get: one run with everything that is known about it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Dispatch, Labels, Run, RunStatus, run_from};
use crate::scope::Scope;
use crate::steps::{ItemGroup, StepRow, StepSummary, summaries};

/// A run with its version, its steps, its attempts, and what it waits for.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RunDetails {
    /// The run.
    pub run: Run,
    /// What runs.
    pub pipeline_version: PipelineVersion,
    /// Those of the dag_spec in its order, then what its workers have reported besides, at most 1000; without their outputs.
    pub steps: Vec<StepSummary>,
    /// Attempts that ended badly, oldest first.
    pub attempts: Vec<Attempt>,
    /// Why nobody works on it; null unless it is QUEUED.
    pub waiting_for: Option<WaitingFor>,
}

/// A version as a run shows it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PipelineVersion {
    /// The run's `pipeline_version_id`.
    pub id: Uuid,
    /// Its name within the pipeline.
    pub version: String,
    /// DRAFT, APPROVED or DEPRECATED.
    pub status: String,
    /// What to do.
    #[schema(value_type = Object)]
    pub dag_spec: Value,
}

/// An attempt that ended badly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    /// 1-based.
    pub attempt: i32,
    /// `FAILED` or `LOST`.
    pub outcome: String,
    /// Who held it.
    pub claimed_by: String,
    /// From then.
    pub claimed_at: DateTime<Utc>,
    /// Until then.
    pub ended_at: DateTime<Utc>,
    /// Why, for programs.
    pub error_code: Option<String>,
    /// Why, for people.
    pub error_message: Option<String>,
}

/// What a QUEUED run waits for.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct WaitingFor {
    /// What.
    pub reason: WaitingReason,
    /// Since when.
    pub since: DateTime<Utc>,
    /// `delayed` and `backoff`: until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// `worker`, of a run that is pushed: how often SQS was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dispatches: Option<i32>,
    /// `worker`, of a run that is pushed: when SQS is told again if nobody has claimed it by then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_dispatch_at: Option<DateTime<Utc>>,
}

/// Why nobody works on a QUEUED run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum WaitingReason {
    /// Its creator wants it later, or whoever handed it back.
    Delayed,
    /// The attempt before failed, and the next one waits.
    Backoff,
    /// Its tenant is paused.
    TenantPaused,
    /// Its pipeline is paused.
    PipelinePaused,
    /// As many runs of its tenant are RUNNING as may be.
    TenantLimit,
    /// As many runs of its pipeline are RUNNING as may be.
    PipelineLimit,
    /// A run with the same `concurrency_key` is RUNNING.
    ConcurrencyKey,
    /// SQS has to be told about it first.
    Dispatch,
    /// It waits for a worker that claims it.
    Worker,
}

/// Why a run cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum GetError {
    /// There is none in this scope.
    #[error("run not found")]
    NotFound,
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// The run as it stands.
///
/// # Errors
/// [`GetError`].
pub async fn get(conn: &mut PgConnection, scope: Scope, run_id: Uuid) -> Result<RunDetails, GetError> {
    let row = sqlx::query_file!("sql/get.sql", scope.tenant(), run_id)
        .fetch_optional(conn)
        .await?
        .ok_or(GetError::NotFound)?;
    let attempts = row.attempts.0;
    let (steps, items) = (row.steps.0, row.items.0);
    let waiting_for = row.waiting_reason.map(|reason| {
        let ahead = matches!(reason, WaitingReason::Delayed | WaitingReason::Backoff);
        let told = reason == WaitingReason::Worker && row.redispatch_at.is_some();
        WaitingFor {
            reason,
            since: row.waiting_since,
            until: ahead.then_some(row.available_at),
            dispatches: told.then_some(row.dispatches),
            next_dispatch_at: row.redispatch_at.filter(|_| told),
        }
    });
    let (version, status, dag_spec) = (row.version, row.version_status, row.dag_spec);
    let run = run_from!(row);
    let steps = summaries(&dag_spec, steps, &items, run.attempt, run.finished_at.is_some());
    let pipeline_version = PipelineVersion { id: run.pipeline_version_id, version, status, dag_spec };
    Ok(RunDetails { run, pipeline_version, steps, attempts, waiting_for })
}
