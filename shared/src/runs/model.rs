//! A run as it is stored and as it is answered.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// Where a run stands. docs/architecture.md draws the transitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "UPPERCASE")]
#[sqlx(type_name = "text", rename_all = "UPPERCASE")]
pub enum RunStatus {
    /// Waits for a claim.
    Queued,
    /// Somebody holds its lease.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Ended because somebody said so.
    Cancelled,
}

impl RunStatus {
    /// Every status, in the order of a run's life.
    pub const ALL: [RunStatus; 5] =
        [Self::Queued, Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled];

    /// As in SQL and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// How a run reports its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Outcome {
    /// The work is done.
    Succeeded,
    /// The work failed.
    Failed,
}

impl From<Outcome> for RunStatus {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Succeeded => Self::Succeeded,
            Outcome::Failed => Self::Failed,
        }
    }
}

/// How a worker learns of a run. Either kind may be claimed by anyone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Dispatch {
    /// SQS wakes the Lambda worker.
    #[default]
    Push,
    /// The run waits for a claim.
    Pull,
}

impl Dispatch {
    /// As in SQL and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Pull => "pull",
        }
    }
}

/// Words a run is found by again. At most 16.
pub type Labels = BTreeMap<String, String>;

/// A run. Never its lease token: that is in the answer to the claim that made it, and nowhere else.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Run {
    /// UUIDv7.
    pub id: Uuid,
    /// Whose run it is.
    pub tenant_id: Uuid,
    /// The pipeline of the version.
    pub pipeline_id: Uuid,
    /// What runs.
    pub pipeline_version_id: Uuid,
    /// Where it stands.
    pub status: RunStatus,
    /// What started it: `manual` unless its creator said otherwise.
    pub trigger_type: String,
    /// What its creator gave to it.
    #[schema(value_type = Object)]
    pub parameters: Value,
    /// Which workers may claim it.
    pub queue: String,
    /// 0 to 9; 9 is claimed first.
    pub priority: i16,
    /// Words it is found by again.
    #[schema(value_type = BTreeMap<String, String>)]
    pub labels: Labels,
    /// Whether SQS is told about it.
    pub dispatch: Dispatch,
    /// When SQS has to be told that it waits; null = nothing to tell.
    pub dispatch_due_at: Option<DateTime<Utc>>,
    /// It is not claimed before.
    pub available_at: DateTime<Utc>,
    /// 1-based; rises when an attempt that failed is followed by another.
    pub attempt: i32,
    /// How many attempts it may have.
    pub max_attempts: i32,
    /// How many of its leases expired.
    pub lost: i32,
    /// How many may expire before it is given up.
    pub max_lost: i32,
    /// How often it was claimed.
    pub claim_count: i32,
    /// The worker that holds it, or held it when it ended.
    pub claimed_by: Option<String>,
    /// When that worker claimed it.
    pub claimed_at: Option<DateTime<Utc>>,
    /// The length of the lease, in seconds, as claimed.
    pub lease_seconds: Option<i32>,
    /// When the lease ends unless a heartbeat extends it. Only while RUNNING.
    pub lease_expires_at: Option<DateTime<Utc>>,
    /// The last heartbeat of the worker that holds it.
    pub heartbeat_at: Option<DateTime<Utc>>,
    /// Its first claim.
    pub started_at: Option<DateTime<Utc>>,
    /// Its end.
    pub finished_at: Option<DateTime<Utc>>,
    /// What its worker reported with the end.
    #[schema(value_type = Option<Object>)]
    pub output: Option<Value>,
    /// Why it failed or was cancelled, in a word for programs: its worker's, or `lease_expired`, `cancelled`, `expired`.
    pub error_code: Option<String>,
    /// Why it failed or was cancelled, in a sentence for people.
    pub error_message: Option<String>,
    /// The run that this one repeats.
    pub retry_of_run_id: Option<Uuid>,
    /// The first run of the lineage; its own id if it repeats none.
    pub root_run_id: Uuid,
    /// Cancelled if not started by then.
    pub start_by: Option<DateTime<Utc>>,
    /// At most one run of the tenant with this key is RUNNING at a time.
    pub concurrency_key: Option<String>,
    /// The schedule that made it, or the first run of its lineage. The schedule may be gone.
    pub schedule_id: Option<Uuid>,
    /// The time of that schedule that it is for.
    pub scheduled_for: Option<DateTime<Utc>>,
    /// The span that its trace goes on from, as the header `traceparent` of the W3C; null = nobody traces it.
    pub traceparent: Option<String>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When its row last changed.
    pub updated_at: DateTime<Utc>,
}

/// Builds a [`Run`] from a record of any statement that returns its columns, so that the list of fields stands once.
macro_rules! run_from {
    // The record by name, so that its other columns can be taken before or after.
    ($r:ident) => {
        $crate::runs::Run {
            id: $r.id,
            tenant_id: $r.tenant_id,
            pipeline_id: $r.pipeline_id,
            pipeline_version_id: $r.pipeline_version_id,
            status: $r.status,
            trigger_type: $r.trigger_type,
            parameters: $r.parameters,
            queue: $r.queue,
            priority: $r.priority,
            labels: $r.labels.0,
            dispatch: $r.dispatch,
            dispatch_due_at: $r.dispatch_due_at,
            available_at: $r.available_at,
            attempt: $r.attempt,
            max_attempts: $r.max_attempts,
            lost: $r.lost,
            max_lost: $r.max_lost,
            claim_count: $r.claim_count,
            claimed_by: $r.claimed_by,
            claimed_at: $r.claimed_at,
            lease_seconds: $r.lease_seconds,
            lease_expires_at: $r.lease_expires_at,
            heartbeat_at: $r.heartbeat_at,
            started_at: $r.started_at,
            finished_at: $r.finished_at,
            output: $r.output,
            error_code: $r.error_code,
            error_message: $r.error_message,
            retry_of_run_id: $r.retry_of_run_id,
            root_run_id: $r.root_run_id,
            start_by: $r.start_by,
            concurrency_key: $r.concurrency_key,
            schedule_id: $r.schedule_id,
            scheduled_for: $r.scheduled_for,
            traceparent: $r.traceparent,
            created_at: $r.created_at,
            updated_at: $r.updated_at,
        }
    };
}
pub(crate) use run_from;

/// [`run_from!`] for a record that may have no run in it: returns from a function that returns an `Option`.
macro_rules! run_if_any {
    ($r:ident) => {
        $crate::runs::Run {
            id: $r.id?,
            tenant_id: $r.tenant_id?,
            pipeline_id: $r.pipeline_id?,
            pipeline_version_id: $r.pipeline_version_id?,
            status: $r.status?,
            trigger_type: $r.trigger_type?,
            parameters: $r.parameters?,
            queue: $r.queue?,
            priority: $r.priority?,
            labels: $r.labels?.0,
            dispatch: $r.dispatch?,
            dispatch_due_at: $r.dispatch_due_at,
            available_at: $r.available_at?,
            attempt: $r.attempt?,
            max_attempts: $r.max_attempts?,
            lost: $r.lost?,
            max_lost: $r.max_lost?,
            claim_count: $r.claim_count?,
            claimed_by: $r.claimed_by,
            claimed_at: $r.claimed_at,
            lease_seconds: $r.lease_seconds,
            lease_expires_at: $r.lease_expires_at,
            heartbeat_at: $r.heartbeat_at,
            started_at: $r.started_at,
            finished_at: $r.finished_at,
            output: $r.output,
            error_code: $r.error_code,
            error_message: $r.error_message,
            retry_of_run_id: $r.retry_of_run_id,
            root_run_id: $r.root_run_id?,
            start_by: $r.start_by,
            concurrency_key: $r.concurrency_key,
            schedule_id: $r.schedule_id,
            scheduled_for: $r.scheduled_for,
            traceparent: $r.traceparent,
            created_at: $r.created_at?,
            updated_at: $r.updated_at?,
        }
    };
}
pub(crate) use run_if_any;
