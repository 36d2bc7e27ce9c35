//! What the worker asks of the API: each call once, and what its answer means.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::failure::Failure;
use crate::http::{Answer, Client, Miss, Request};

/// How long an answer may take. The API gives up on itself after 5 seconds.
pub const ANSWER: Duration = Duration::from_secs(10);

/// Why a call came to nothing.
#[derive(Debug)]
pub enum Trouble {
    /// A 409: it is not ours, or not any more.
    Conflict {
        /// The problem's word.
        code: String,
        /// Its sentence.
        detail: String,
    },
    /// Another 4xx: the same call will always be refused.
    Refused {
        /// The problem's sentence, with its places.
        detail: String,
    },
    /// No answer, one that asks to try again, or one that says nothing about the call: whoever answers does not know us (401, 403), or is not the
    /// API. Nobody knows whether it was done.
    Away {
        /// What was heard instead.
        why: String,
        /// How long the API has asked to be left alone.
        after: Option<Duration>,
    },
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Conflict { detail, .. } | Self::Refused { detail } => f.write_str(detail),
            Self::Away { why, .. } => f.write_str(why),
        }
    }
}

impl From<Miss> for Trouble {
    fn from(miss: Miss) -> Self {
        let after = miss.after();
        // In one line.
        let why = miss.failure.to_string().lines().map(str::trim).collect::<Vec<_>>().join("; ");
        let Failure::Refused(refusal) = &miss.failure else { return Self::Away { why, after } };
        match refusal.status().as_u16() {
            409 => Self::Conflict { code: refusal.code().to_owned(), detail: refusal.detail().to_owned() },
            401 | 403 | 408 | 429 => Self::Away { why, after },
            400..=499 => Self::Refused { detail: why },
            _ => Self::Away { why, after },
        }
    }
}

/// A run that was claimed, as far as the worker looks at it.
#[derive(Clone, Debug, Deserialize)]
pub struct ClaimedRun {
    /// The run.
    pub id: Uuid,
    /// Whose it is.
    pub tenant_id: Uuid,
    /// What runs.
    pub pipeline_version_id: Uuid,
    /// What started it.
    pub trigger_type: String,
    /// The time of its schedule that it is for, if it has one.
    #[serde(default)]
    pub scheduled_for: Option<DateTime<Utc>>,
    /// 1-based.
    pub attempt: i32,
    /// How often it was claimed, this time included.
    pub claim_count: i32,
    /// What its creator gave to it.
    pub parameters: Value,
    /// Its first claim.
    pub started_at: DateTime<Utc>,
    /// This claim, by the clock of the control plane.
    pub claimed_at: DateTime<Utc>,
    /// The run that it retries.
    pub retry_of_run_id: Option<Uuid>,
    /// What its trace goes on from; none, too, from a control plane that knows nothing of it.
    #[serde(default)]
    pub traceparent: Option<String>,
    /// The fence.
    pub lease_token: Uuid,
}

/// A run and what to do.
#[derive(Clone, Debug, Deserialize)]
pub struct Claim {
    /// The run.
    pub run: ClaimedRun,
    /// What to do.
    pub pipeline_version: ClaimedVersion,
}

/// What to do.
#[derive(Clone, Debug, Deserialize)]
pub struct ClaimedVersion {
    /// The steps.
    pub dag_spec: Value,
}

impl ClaimedVersion {
    /// The `kind` of a spec that is for its own workers.
    pub fn opaque_kind(&self) -> Option<&Value> {
        self.dag_spec.get("kind").filter(|kind| !kind.is_null() && *kind != "dag_v1")
    }
}

/// What a claim has led to.
#[derive(Clone, Debug, Deserialize)]
pub struct Claimed {
    /// The runs.
    pub claims: Vec<Claim>,
    /// There may be more that was not looked at.
    #[serde(default)]
    pub more: bool,
}

/// The answer to one heartbeat.
#[derive(Debug)]
pub enum Beat {
    /// The lease goes on.
    Extended,
    /// It does not: a sentence says why.
    Refused(String),
    /// Nobody knows.
    Unknown,
}

/// A run as it stands after it was completed.
#[derive(Clone, Debug, Deserialize)]
pub struct CompletedRun {
    /// Where it stands: QUEUED if there is another attempt.
    pub status: String,
    /// Not claimed before.
    pub available_at: DateTime<Utc>,
}

/// What every claim of this worker says.
#[derive(Clone, Debug)]
pub struct Claimant {
    /// Its name.
    pub worker_id: String,
    /// Whose runs; None: every tenant's.
    pub tenant_id: Option<Uuid>,
    /// Of which queues; None: of all.
    pub queues: Option<Vec<String>>,
    /// For how long, in seconds.
    pub lease_seconds: u16,
}

/// Claims up to `max_runs` runs. With the same `claim_id` again it is the same claim.
///
/// # Errors
/// [`Trouble`]; with [`Trouble::Away`] runs may have been claimed.
pub async fn claim(
    client: &Client,
    claimant: &Claimant,
    claim_id: Uuid,
    max_runs: usize,
) -> Result<Claimed, Trouble> {
    let mut body = fields(json!({
        "worker_id": claimant.worker_id, "lease_seconds": claimant.lease_seconds, "claim_id": claim_id, "max_runs": max_runs
    }));
    if let Some(tenant) = claimant.tenant_id {
        body.insert("tenant_id".to_owned(), json!(tenant));
    }
    if let Some(queues) = &claimant.queues {
        body.insert("queues".to_owned(), json!(queues));
    }
    read(client.once(&Request::post("/api/runs/claim").body(body).within(ANSWER)).await?)
}

/// Extends the leases of up to 100 runs, each under its token; an answer for each, in their order.
///
/// # Errors
/// [`Trouble`], of all of them.
pub async fn heartbeat_all(
    client: &Client,
    leases: &[(Uuid, Uuid)],
    within: Duration,
) -> Result<Vec<Beat>, Trouble> {
    #[derive(Deserialize)]
    struct Items {
        items: Vec<Item>,
    }
    #[derive(Deserialize)]
    struct Item {
        status: u16,
        problem: Option<Problem>,
    }
    #[derive(Deserialize)]
    struct Problem {
        detail: String,
    }
    let items: Vec<_> =
        leases.iter().map(|(run, token)| json!({ "run_id": run, "lease_token": token })).collect();
    let body = fields(json!({ "items": items }));
    let Items { items } =
        read(client.once(&Request::post("/api/runs/heartbeat").body(body).within(within)).await?)?;
    let mut beats: Vec<Beat> = items
        .into_iter()
        .map(|Item { status, problem }| match (status, problem) {
            (200, _) => Beat::Extended,
            (409, Some(Problem { detail })) => Beat::Refused(detail),
            _ => Beat::Unknown,
        })
        .collect();
    beats.resize_with(leases.len(), || Beat::Unknown);
    Ok(beats)
}

/// Completes a run; `report` has its `status` and what goes with it. The same again is the same.
///
/// # Errors
/// [`Trouble`].
pub async fn complete(
    client: &Client,
    run: &ClaimedRun,
    report: &Map<String, Value>,
) -> Result<CompletedRun, Trouble> {
    #[derive(Deserialize)]
    struct Completed {
        run: CompletedRun,
    }
    let mut body = report.clone();
    body.insert("lease_token".to_owned(), json!(run.lease_token));
    let request = Request::post(format!("/api/runs/{}/complete", run.id)).body(body).within(ANSWER);
    let Completed { run } = read(client.once(&request).await?)?;
    Ok(run)
}

/// The fields of an object written in Rust.
pub fn fields(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// An answer as what it has to be.
///
/// # Errors
/// [`Trouble::Away`] if it is something else: then it is not the API that answers.
pub fn read<T: DeserializeOwned>(answer: Answer) -> Result<T, Trouble> {
    serde_json::from_value(answer.body).map_err(|error| Trouble::Away {
        why: format!("the answer is not what the API answers ({error}): is --url the API's?"),
        after: None,
    })
}
