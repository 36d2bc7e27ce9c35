//! A step of a run as it is stored, sent and answered.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Where a step stands. docs/dag_spec.md says what leads to which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "UPPERCASE")]
#[sqlx(type_name = "text", rename_all = "UPPERCASE")]
pub enum StepStatus {
    /// Has not begun, or waits for its next attempt.
    Pending,
    /// Is being worked on, or is a wait that has begun.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly, after its last attempt.
    Failed,
    /// Was not to run; its reason says why.
    Skipped,
    /// Its run ended before it did.
    Cancelled,
}

impl StepStatus {
    /// As in SQL and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Skipped => "SKIPPED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Whether nothing more becomes of it.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Pending | Self::Running => false,
            Self::Succeeded | Self::Failed | Self::Skipped | Self::Cancelled => true,
        }
    }
}

/// Why a step was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum SkipReason {
    /// Its `if` was false.
    Condition,
    /// A step before it failed.
    UpstreamFailed,
    /// A step before it was skipped.
    UpstreamSkipped,
    /// Its `run_if` asks for a failure, and there was none.
    NotNeeded,
}

impl SkipReason {
    /// As in SQL and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Condition => "condition",
            Self::UpstreamFailed => "upstream_failed",
            Self::UpstreamSkipped => "upstream_skipped",
            Self::NotNeeded => "not_needed",
        }
    }
}

/// Why an attempt of a step failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepError {
    /// A word for programs, such as `timeout`; what the `on` of a `retry` names. 1 to 100 characters.
    pub error: String,
    /// A sentence for people, up to 8 KiB.
    pub message: String,
}

/// What is known of one step of a run, or of one item of a step that has `for_each`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StepRecord {
    /// Its id in the dag_spec. 1 to 63 characters.
    pub step_id: String,
    /// Which item of its `for_each`, from 0; left out: the step as a whole.
    pub item: Option<i32>,
    /// Where it stands.
    pub status: StepStatus,
    /// Why it was SKIPPED; only then.
    pub reason: Option<SkipReason>,
    /// How many attempts have begun, in this attempt of the run.
    pub attempts: i32,
    /// What it gave, up to 256 KiB; null unless it SUCCEEDED.
    pub output: Option<Value>,
    /// Where its output is when it was too large for the database: the key of an object in the deployment's bucket.
    pub output_ref: Option<String>,
    /// How long the output is as compact JSON, in bytes.
    pub output_bytes: Option<i64>,
    /// Why its last attempt failed; null when it SUCCEEDED.
    pub error: Option<StepError>,
    /// When its first attempt began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// PENDING: when its next attempt is due. RUNNING: when the wait is over.
    pub resume_at: Option<DateTime<Utc>>,
    /// Which attempt of the run it belongs to, as the run counts them; 0: kept from the run that this one retries. Whoever stores it may leave it
    /// out: it belongs to the attempt that is under way.
    #[serde(default)]
    pub run_attempt: i32,
}

/// What is stored at once, and under which token.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StepResults {
    /// Each step or item once, at most 1000 of them.
    pub steps: Vec<StepRecord>,
    /// How long this attempt of the run has been worked on so far, over all its claims, in milliseconds; waits do not count.
    #[serde(default)]
    pub worked_ms: i64,
}
