//! Claim: take a run, and with it a lease.

use std::cmp::Reverse;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::fields::Faults;
use super::marks::{Kind, Learnt, Marks};
use super::{DEFAULT_LEASE_SECONDS, Dispatch, Labels, Run, RunStatus, run_if_any};
use crate::problem::Problem;
use crate::scope::Scope;

/// How many runs one claim may take.
pub const MAX_RUNS: i32 = 100;
/// How many tenants one claim looks at: if none of them may have another run, the next claim goes on.
const MAX_PROBES: i32 = 32;

/// What a worker sends to claim a run.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ClaimRequest {
    /// Who claims: 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub worker_id: String,
    /// Only this tenant's runs. Left out, it is the caller's tenant; every tenant's in turn for a caller across tenants.
    pub tenant_id: Option<Uuid>,
    /// Only runs of these queues, at most 10; all if left out.
    #[schema(max_items = 10)]
    pub queues: Option<Vec<String>>,
    /// The lease, 5 to 43200 seconds; 300 if left out.
    #[schema(minimum = 5, maximum = 43200)]
    pub lease_seconds: Option<i32>,
    /// An id of the caller's own: the same one again returns the same claim while its lease lives.
    pub claim_id: Option<Uuid>,
    /// Up to so many runs at once, 1 to 100; the answer has `claims` then. One run, outside of a list, if left out.
    #[schema(minimum = 1, maximum = 100)]
    pub max_runs: Option<i32>,
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
        faults.range("/max_runs", self.max_runs.unwrap_or(1), 1, MAX_RUNS);
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
            max_runs: self.max_runs.unwrap_or(1),
            pushed_only: false,
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
    /// How many runs at most, 1 to 100.
    pub max_runs: i32,
    /// Only runs that are pushed: what the SQS-triggered worker can run.
    pub pushed_only: bool,
}

/// A run that was claimed, and the version that says what to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// The run with its lease token.
    pub run: ClaimedRun,
    /// What to do.
    pub pipeline_version: ClaimedVersion,
    /// Whether the end of the run frees a slot that another one may be waiting for: its tenant or pipeline has a limit, or it has a
    /// concurrency key.
    pub limited: bool,
}

/// What a claim has led to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claimed {
    /// The runs: those of a tenant together, the best first.
    pub claims: Vec<Claim>,
    /// There may be more to claim that was not looked at: ask again at once.
    pub more: bool,
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
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// Claims the best runs that are due: by priority, then `available_at`, then id; if none is due, takes over one whose lease has
/// expired. Never more of a tenant, a pipeline or a concurrency key than may be RUNNING. `Scope::All` gives the tenants turns.
/// The claims of one environment share their `marks`.
///
/// # Errors
/// [`ClaimError`]; nothing was claimed.
pub async fn claim(
    conn: &mut PgConnection,
    scope: Scope,
    marks: &Marks,
    options: ClaimOptions<'_>,
) -> Result<Claimed, ClaimError> {
    let kind = Kind { queues: options.queues.map(<[String]>::to_vec), pushed_only: options.pushed_only };
    let told = marks.tell(&kind, scope.tenant(), options.worker);
    let rows = sqlx::query_file!(
        "sql/claim.sql",
        scope.tenant(),
        options.queues,
        options.pushed_only,
        options.worker,
        options.lease_seconds,
        options.claim_id.map(|claim_id| within(scope, claim_id)),
        options.max_runs,
        MAX_PROBES,
        told.turn,
        told.began,
        &told.tenants,
        &told.times as _,
        &told.runs as _,
        told.may_start_over,
        told.leases_seen,
        told.note,
    )
    .fetch_all(conn)
    .await
    .inspect_err(|error| {
        if took_too_long(error) {
            marks.took_too_long(&kind, scope.tenant());
        }
    })?;

    let mut claims = Vec::with_capacity(rows.len());
    let (mut learnt, mut more) = (Learnt::default(), false);
    for row in rows {
        if row.in_use {
            return Err(ClaimError::ClaimIdInUse);
        }
        // Of every row, although only the last one has it all.
        let places = row.new_tenants.into_iter().flatten().zip(row.new_priorities.into_iter().flatten());
        let marks = row.new_times.into_iter().flatten().zip(row.new_runs.into_iter().flatten());
        more = row.more;
        learnt = Learnt {
            last_turn: row.last_turn,
            broken_off: row.more && row.id.is_none(),
            started_over: row.started_over,
            searched: Duration::try_from_secs_f64(row.search_seconds).unwrap_or_default(),
            emptied: row.emptied.unwrap_or_default(),
            marks: places.zip(marks).map(|((tenant, priority), mark)| (tenant, priority, mark)).collect(),
            leases_seen: row.new_leases_seen,
        };
        claims.extend((|| {
            let (lease_token, status) = (row.lease_token?, row.version_status?);
            let (dag_spec, limited) = (row.dag_spec?, row.bounded?);
            let run = run_if_any!(row);
            let pipeline_version = ClaimedVersion { id: run.pipeline_version_id, status, dag_spec };
            Some(Claim { run: ClaimedRun { run, lease_token }, pipeline_version, limited })
        })());
    }
    marks.learn(&kind, scope.tenant(), &told, &learnt);
    for of_tenant in claims.chunk_by_mut(|a, b| a.run.run.tenant_id == b.run.run.tenant_id) {
        of_tenant.sort_by_key(|claim| {
            (Reverse(claim.run.run.priority), claim.run.run.available_at, claim.run.run.id)
        });
    }
    Ok(Claimed { claims, more })
}

/// Whether Postgres has given the statement up. After an outage nothing is known about the search.
fn took_too_long(error: &sqlx::Error) -> bool {
    const QUERY_CANCELED: &str = "57014";
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == QUERY_CANCELED)
}

/// The answer to a claim: `{"claimed":false}`, or `{"claimed":true}` with the run and its version; with `max_runs`, `claims` instead
/// of the pair.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ClaimReply {
    /// Whether a run was claimed.
    pub claimed: bool,
    /// The run with its lease token; only if one was claimed, and no `max_runs` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<ClaimedRun>,
    /// What to do; only with `run`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_version: Option<ClaimedVersion>,
    /// The runs; only, and always, with `max_runs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims: Option<Vec<ClaimPair>>,
    /// There may be more that was not looked at: ask again at once. Left out if not so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// One of several runs that were claimed at once.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ClaimPair {
    /// The run with its lease token.
    pub run: ClaimedRun,
    /// What to do.
    pub pipeline_version: ClaimedVersion,
}

impl ClaimReply {
    /// With the pair of the first run, or, if the request named `max_runs`, with all in a list.
    pub fn of(claimed: Claimed, max_runs: Option<i32>) -> Self {
        let Claimed { claims, more } = claimed;
        let pairs = claims
            .into_iter()
            .map(|claim| ClaimPair { run: claim.run, pipeline_version: claim.pipeline_version });
        let mut pairs: Vec<ClaimPair> = pairs.collect();
        let claimed = !pairs.is_empty();
        let (run, pipeline_version, claims) = match max_runs {
            Some(_) => (None, None, Some(pairs)),
            None => {
                let (run, version) = pairs.pop().map(|pair| (pair.run, pair.pipeline_version)).unzip();
                (run, version, None)
            }
        };
        Self { claimed, run, pipeline_version, claims, more }
    }
}

/// What is stored of a caller's `claim_id`: it is the scope's own, so that no tenant can find out, or take, what another one uses. A caller that is across
/// tenants has it as it is.
fn within(scope: Scope, claim_id: Uuid) -> Uuid {
    let Some(tenant) = scope.tenant() else { return claim_id };
    let digest = Sha256::new().chain_update(tenant).chain_update(claim_id).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
