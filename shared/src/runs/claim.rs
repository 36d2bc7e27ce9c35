//! Claim: take a run, and with it a lease.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::fields::Faults;
use super::{DEFAULT_LEASE_SECONDS, Dispatch, Labels, Run, RunStatus, run_from};
use crate::problem::Problem;
use crate::scope::Scope;

/// What a worker sends to claim a run.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ClaimRequest {
    /// Who claims: 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub worker_id: String,
    /// Only this tenant's runs; every tenant's in turn if left out.
    pub tenant_id: Option<Uuid>,
    /// Only runs of these queues, at most 10; all if left out.
    #[schema(max_items = 10)]
    pub queues: Option<Vec<String>>,
    /// The lease, 5 to 43200 seconds; 300 if left out.
    #[schema(minimum = 5, maximum = 43200)]
    pub lease_seconds: Option<i32>,
    /// An id of the caller's own: the same one again returns the same claim while its lease lives.
    pub claim_id: Option<Uuid>,
}

impl ClaimRequest {
    /// Checks every bound.
    ///
    /// # Errors
    /// `invalid_field` or `payload_too_large`, with every field that is out of bounds.
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = Faults::default();
        faults.text("/worker_id", &self.worker_id, 200);
        faults.range("/lease_seconds", self.lease_seconds.unwrap_or(DEFAULT_LEASE_SECONDS), 5, 43200);
        if let Some(queues) = &self.queues {
            if queues.is_empty() || queues.len() > 10 {
                faults.add("/queues", format!("must be 1 to 10 queues, are {}", queues.len()));
            }
            for (index, queue) in queues.iter().enumerate().take(10) {
                faults.text(&format!("/queues/{index}"), queue, 100);
            }
        }
        faults.finish()
    }

    /// The claim as the verb takes it.
    pub fn options(&self) -> ClaimOptions<'_> {
        ClaimOptions {
            worker: &self.worker_id,
            queues: self.queues.as_deref(),
            lease_seconds: self.lease_seconds.unwrap_or(DEFAULT_LEASE_SECONDS),
            claim_id: self.claim_id,
            again: false,
        }
    }
}

/// Who claims, what, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct ClaimOptions<'a> {
    /// 1 to 200 characters.
    pub worker: &'a str,
    /// Only runs of these queues.
    pub queues: Option<&'a [String]>,
    /// 5 to 43200.
    pub lease_seconds: i32,
    /// Makes the claim repeatable.
    pub claim_id: Option<Uuid>,
    /// Whether the call before this one failed with [`ClaimError::ClaimIdTaken`].
    pub again: bool,
}

/// A run that was claimed, and the version that says what to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// The run with its lease token.
    pub run: ClaimedRun,
    /// What to do.
    pub pipeline_version: ClaimedVersion,
    /// Whether its tenant or its pipeline has a `max_running`, or the run a `concurrency_key`: when it ends, another may begin.
    pub limited: bool,
}

/// A run with the token that its claim was given.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ClaimedRun {
    /// The run.
    #[serde(flatten)]
    pub run: Run,
    /// The fence: every heartbeat and the completion carry it.
    pub lease_token: Uuid,
}

/// The version of a claimed run.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ClaimedVersion {
    /// The run's `pipeline_version_id`.
    pub id: Uuid,
    /// APPROVED, or DEPRECATED since the run was created.
    pub status: String,
    /// What to do.
    #[schema(value_type = Object)]
    pub dag_spec: Value,
}

/// Why nothing could be claimed (that nothing waits is no error).
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// The claim_id has made a claim that lives, and another worker holds it.
    #[error("claim_id is in use by another worker")]
    ClaimIdInUse,
    /// The claim_id stands on another run: one that the same call is claiming beside us, or one whose lease has expired.
    /// Call again with [`ClaimOptions::again`], after the end of a transaction if there is one: Postgres has given it up.
    #[error("claim_id is on another run")]
    ClaimIdTaken,
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// Builds a [`Claim`] from a record of the claim statements, and whether a limit holds for it.
macro_rules! claim_from {
    ($r:ident, $limited:expr) => {{
        let limited = $limited;
        let (lease_token, status, dag_spec) = ($r.lease_token, $r.version_status, $r.dag_spec);
        let run = run_from!($r);
        let pipeline_version = ClaimedVersion { id: run.pipeline_version_id, status, dag_spec };
        Claim { run: ClaimedRun { run, lease_token }, pipeline_version, limited }
    }};
}
pub(super) use claim_from;

/// Claims the best run that is due: by priority, then `available_at`, then id; if none is due, takes over one whose lease has
/// expired. `Scope::All` gives the tenants turns, going on after `last_tenant`, the one whose run was claimed before.
/// `None`: nothing waits.
///
/// # Errors
/// [`ClaimError`]; nothing was claimed.
pub async fn claim(
    conn: &mut PgConnection,
    scope: Scope,
    last_tenant: Uuid,
    options: ClaimOptions<'_>,
) -> Result<Option<Claim>, ClaimError> {
    if let (true, Some(claim_id)) = (options.again, options.claim_id) {
        if let Some(claim) = claimed_before(conn, scope, claim_id, options.worker).await? {
            return Ok(Some(claim));
        }
        forget_expired_claim_id(conn, scope, claim_id).await?;
    }
    match (claim_once(conn, scope, last_tenant, options).await, options.claim_id) {
        (Ok(None), Some(claim_id)) => claimed_before(conn, scope, claim_id, options.worker).await,
        (Err(error), Some(_)) if is_claim_id_taken(&error) => Err(ClaimError::ClaimIdTaken),
        (claimed, _) => Ok(claimed?),
    }
}

async fn claim_once(
    conn: &mut PgConnection,
    scope: Scope,
    last_tenant: Uuid,
    options: ClaimOptions<'_>,
) -> Result<Option<Claim>, sqlx::Error> {
    let row = sqlx::query_file!(
        "sql/claim.sql",
        scope.tenant(),
        last_tenant,
        options.queues,
        options.worker,
        options.lease_seconds,
        options.claim_id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| claim_from!(row, false)))
}

fn is_claim_id_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.constraint()) == Some("pipeline_runs_claim_id")
}

/// The claim that this claim_id has made before, while its lease lives.
async fn claimed_before(
    conn: &mut PgConnection,
    scope: Scope,
    claim_id: Uuid,
    worker: &str,
) -> Result<Option<Claim>, ClaimError> {
    let row = sqlx::query_file!("sql/claim_again.sql", scope.tenant(), claim_id).fetch_optional(conn).await?;
    match row.map(|row| claim_from!(row, false)) {
        // Two workers with one claim_id would both do the work.
        Some(claim) if claim.run.run.claimed_by.as_deref() != Some(worker) => Err(ClaimError::ClaimIdInUse),
        claim => Ok(claim),
    }
}

/// Frees a claim_id whose lease has expired: its run keeps its token and goes on waiting for whoever takes it over.
async fn forget_expired_claim_id(
    conn: &mut PgConnection,
    scope: Scope,
    claim_id: Uuid,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update pipeline_runs set claim_id = null
         where claim_id = $2 and status = 'RUNNING' and lease_expires_at <= now()
           and ($1::uuid is null or tenant_id = $1)",
        scope.tenant(),
        claim_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The answer to a claim: `{"claimed":false}`, or `{"claimed":true}` with the run and its version.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ClaimReply {
    /// Whether a run was claimed.
    pub claimed: bool,
    /// The run with its lease token; only if one was claimed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<ClaimedRun>,
    /// What to do; only if a run was claimed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_version: Option<ClaimedVersion>,
}

impl From<Option<Claim>> for ClaimReply {
    fn from(claim: Option<Claim>) -> Self {
        let claimed = claim.is_some();
        let (run, pipeline_version) = claim.map(|claim| (claim.run, claim.pipeline_version)).unzip();
        Self { claimed, run, pipeline_version }
    }
}
