//! What the clients of the chaos were told, and what they did: the driver's own log, which the database is held against afterwards.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// What happened between a client and the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Told: the run is there (201, or 200 for a repeated key).
    Created,
    /// Told: the run is this worker's, under this token.
    Claimed,
    /// Told: the lease goes on.
    Extended,
    /// Told: the outcome stands (200). `outcome` is what was reported, `status` what the run is now.
    Completed,
    /// Told: the run is handed back.
    Released,
    /// Told: the run is CANCELLED.
    Cancelled,
    /// Told: the results of this step are stored.
    StepStored,
    /// Did: a step's work has begun. Noted before anything else of it happens.
    StepBegan,
    /// Told: a report under a token is refused (409), `code` says why.
    Refused,
    /// Told: the run as a GET shows it, in `status`.
    Seen,
}

impl Kind {
    /// As the table says it: `created`, `step_stored`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Claimed => "claimed",
            Self::Extended => "extended",
            Self::Completed => "completed",
            Self::Released => "released",
            Self::Cancelled => "cancelled",
            Self::StepStored => "step_stored",
            Self::StepBegan => "step_began",
            Self::Refused => "refused",
            Self::Seen => "seen",
        }
    }
}

/// One line. What a kind does not know is `None`.
#[derive(Debug, Clone)]
pub struct Entry {
    /// By the clock of this machine, which Postgres has too.
    pub at: DateTime<Utc>,
    /// What happened.
    pub kind: Kind,
    /// Whose credential the client used.
    pub tenant_id: Uuid,
    /// The run it was about.
    pub run_id: Uuid,
    /// The tenant that the answer says the run is of.
    pub run_tenant_id: Option<Uuid>,
    /// Of a claim, or the report under it.
    pub lease_token: Option<Uuid>,
    /// `Idempotency-Key` of the create.
    pub key: Option<String>,
    /// Who claimed.
    pub worker: Option<String>,
    /// `SUCCEEDED` or `FAILED`, as reported.
    pub outcome: Option<String>,
    /// The run's status, as told.
    pub status: Option<String>,
    /// As told.
    pub claim_count: Option<i32>,
    /// As told.
    pub attempt: Option<i32>,
    /// Which step.
    pub step_id: Option<String>,
    /// The `code` of the problem.
    pub code: Option<String>,
}

impl Entry {
    /// A line of now with nothing but what every line has.
    pub fn new(kind: Kind, tenant_id: Uuid, run_id: Uuid) -> Self {
        Self {
            at: Utc::now(),
            kind,
            tenant_id,
            run_id,
            run_tenant_id: None,
            lease_token: None,
            key: None,
            worker: None,
            outcome: None,
            status: None,
            claim_count: None,
            attempt: None,
            step_id: None,
            code: None,
        }
    }
}

/// All lines, in the order in which they were noted.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Vec<Entry>>);

impl Ledger {
    /// Adds a line.
    pub fn note(&self, entry: Entry) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }

    /// How many lines of a kind there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .filter(|entry| entry.kind == kind)
            .count()
    }

    /// Tenant and run of one of those that were created, drawn by `rng`.
    pub fn any_created(&self, rng: &mut fastrand::Rng) -> Option<(Uuid, Uuid)> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Most lines are younger ones of the same runs: one of the lines before a random one is a create.
        let from = rng.usize(0..lines.len().max(1));
        let before = lines.get(..=from)?.iter().rev();
        before.take(1_000).find(|line| line.kind == Kind::Created).map(|line| (line.tenant_id, line.run_id))
    }

    /// Takes all lines out.
    pub fn take(&self) -> Vec<Entry> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
