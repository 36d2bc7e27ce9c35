//! Workers that claim over HTTP and behave as fate has it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::client::Client;
use super::create::id;
use super::fate::{Behaviour, Late};
use super::ledger::{Entry, Kind, Ledger};
use super::world::CALLS;

/// The shortest lease that the API gives, in seconds.
const LEASE_SECONDS: u64 = 5;
/// Runs of one claim at most.
const AT_ONCE: u32 = 12;
/// The pause of a worker that found nothing.
const IDLE: Duration = Duration::from_millis(100);
/// Runs that one worker has under way at most, those it stalls on included.
const UNDER_WAY: usize = 40;
/// How long a worker keeps a run that somebody had before: whoever comes back late is to find it held, not ended.
const AFTER_ANOTHER: Duration = Duration::from_secs(2);

/// A worker.
#[derive(Debug)]
pub struct Worker {
    /// As it calls itself.
    pub name: String,
    /// Its own.
    pub seed: u64,
    /// The seed of the whole chaos, from which it is drawn what becomes of a run.
    pub fates: u64,
    /// Whether it stalls and vanishes.
    pub stalls: bool,
    /// How wrong its clock is.
    pub clock: TimeDelta,
    /// Its tenant; none: across tenants.
    pub tenant: Option<Uuid>,
    /// Its queue; none: all of them.
    pub queue: Option<&'static str>,
    /// With its key.
    pub client: Client,
    /// What it is told.
    pub ledger: Arc<Ledger>,
}

/// A run that it was given.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub(super) run_id: Uuid,
    pub(super) tenant_id: Uuid,
    pub(super) token: Uuid,
    pub(super) number: u32,
    claim_count: u32,
    calls: bool,
    lease_expires_at: Option<DateTime<Utc>>,
}

impl Worker {
    /// Claims and works until `stop` says so; what is under way then is given up.
    pub async fn work(self: Arc<Self>, stop: CancellationToken) {
        let mut under_way = JoinSet::new();
        let mut rng = fastrand::Rng::with_seed(self.seed);
        while !stop.is_cancelled() {
            while under_way.try_join_next().is_some() {}
            if under_way.len() >= UNDER_WAY {
                under_way.join_next().await;
                continue;
            }
            let Some(claims) = self.claim(rng.u32(1..=AT_ONCE)).await else { return };
            if claims.is_empty() {
                tokio::time::sleep(IDLE).await;
                continue;
            }
            let (together, alone): (Vec<_>, Vec<_>) = claims.into_iter().partition(|claim| {
                // Of runs without calls that simply end, the ends are reported together.
                let ends = matches!(self.behaviour(claim), Behaviour::Finish | Behaviour::Fail { .. });
                !claim.calls && ends && claim.number % 4 > 0 && !self.waits(claim)
            });
            for claim in alone {
                let worker = Arc::clone(&self);
                under_way.spawn(async move { worker.treat(claim).await });
            }
            if !together.is_empty() {
                let worker = Arc::clone(&self);
                under_way.spawn(async move { worker.complete_all(together).await });
            }
        }
    }

    pub(super) fn behaviour(&self, claim: &Claim) -> Behaviour {
        Behaviour::of(self.fates, claim.number, claim.claim_count, self.stalls)
    }

    /// Whether somebody may come back late to this run.
    fn waits(&self, claim: &Claim) -> bool {
        self.stalls && claim.claim_count > 1
    }

    /// `None`: it was told to stop.
    async fn claim(&self, max_runs: u32) -> Option<Vec<Claim>> {
        let body = json!({
            "worker_id": self.name,
            "claim_id": Uuid::new_v4(),
            "lease_seconds": LEASE_SECONDS,
            "max_runs": max_runs,
            "queues": self.queue.map(|queue| [queue]),
        });
        let (status, answer) = self.client.ask(Method::POST, "/api/runs/claim", &body, None).await?;
        if status != 200 {
            self.client.unexpected(format!("claim answered {status}: {answer}"));
        }
        let claims = answer["claims"].as_array().into_iter().flatten().map(|claim| self.told(claim));
        Some(claims.collect())
    }

    fn told(&self, answer: &Value) -> Claim {
        let run = &answer["run"];
        let number = |field: &str| run[field].as_u64().unwrap_or_default();
        let first_step = &answer["pipeline_version"]["dag_spec"]["steps"][0];
        let claim = Claim {
            run_id: id(run, "id"),
            tenant_id: id(run, "tenant_id"),
            token: id(run, "lease_token"),
            number: run["parameters"]["number"].as_u64().unwrap_or_default() as u32,
            claim_count: number("claim_count") as u32,
            calls: first_step.is_object(),
            lease_expires_at: run["lease_expires_at"].as_str().and_then(|text| text.parse().ok()),
        };
        self.note(&claim, Kind::Claimed, |entry| Entry {
            worker: Some(self.name.clone()),
            claim_count: Some(claim.claim_count as i32),
            attempt: Some(number("attempt") as i32),
            ..entry
        });
        claim
    }

    /// `None`: it was told to stop, or has lost the run.
    async fn treat(&self, claim: Claim) -> Option<()> {
        if self.waits(&claim) {
            tokio::time::sleep(AFTER_ANOTHER).await;
        }
        match self.behaviour(&claim) {
            Behaviour::Vanish => {}
            Behaviour::HandBack => self.hand_back(&claim).await?,
            Behaviour::Fail { retryable } => self.complete(&claim, "FAILED", retryable).await?,
            Behaviour::Stall { then } => self.stall(claim, then).await?,
            finish => {
                self.steps(&claim).await?;
                if finish == Behaviour::FinishTwice {
                    self.steps_again(&claim).await?;
                }
                if claim.number.is_multiple_of(5) {
                    self.heartbeat(&claim).await?;
                }
                self.complete(&claim, "SUCCEEDED", true).await?;
                if finish == Behaviour::FinishTwice {
                    self.complete(&claim, "SUCCEEDED", true).await?;
                }
            }
        }
        Some(())
    }

    /// Sleeps past the lease and goes on.
    async fn stall(&self, claim: Claim, then: Late) -> Option<()> {
        if matches!(then, Late::Complete | Late::CompleteTogether) {
            self.steps(&claim).await?;
        }
        tokio::time::sleep(self.stalls_for(&claim, then)).await;
        match then {
            Late::Complete => {}
            Late::CompleteTogether => return self.complete_all(vec![claim]).await,
            Late::StoreSteps => self.steps(&claim).await?,
            Late::Heartbeat => self.heartbeat(&claim).await?,
            Late::HandBack => return self.hand_back(&claim).await,
        }
        self.complete(&claim, "SUCCEEDED", true).await
    }

    /// As long as its lease lasts, by its clock, and a bit longer: until somebody else has the run, or, for a heartbeat, until somebody has been given the slot
    /// and the run is nobody's yet. Whoever is an hour behind believes to have an hour, and nobody waits for that.
    fn stalls_for(&self, claim: &Claim, then: Late) -> Duration {
        let by_its_clock = claim.lease_expires_at.map(|end| end - (Utc::now() + self.clock));
        let left = by_its_clock.and_then(|left| left.to_std().ok()).unwrap_or_default();
        let longer = if then == Late::Heartbeat { 300 } else { 1_500 };
        left.min(Duration::from_secs(LEASE_SECONDS)) + Duration::from_millis(longer)
    }

    /// Those steps that call and have not SUCCEEDED yet, one after the other.
    async fn steps(&self, claim: &Claim) -> Option<()> {
        if !claim.calls {
            return Some(());
        }
        let path = format!("/api/runs/{}/steps", claim.run_id);
        let (status, answer) = self.client.ask(Method::GET, &path, &Value::Null, None).await?;
        if status != 200 {
            self.client.unexpected(format!("the steps answered {status}: {answer}"));
        }
        let items = answer["items"].as_array().into_iter().flatten();
        let done =
            items.filter(|step| step["status"] == "SUCCEEDED").filter_map(|step| step["step_id"].as_str());
        let done: HashSet<&str> = done.collect();
        for step in CALLS.into_iter().filter(|step| !done.contains(step)) {
            self.ledger.note(Entry {
                step_id: Some(step.to_owned()),
                lease_token: Some(claim.token),
                ..Entry::new(Kind::StepBegan, claim.tenant_id, claim.run_id)
            });
            self.store(claim, step, 1).await?;
        }
        Some(())
    }

    /// Stores those steps that call once more, and as if they had taken another attempt: what has SUCCEEDED has to stay as it is.
    async fn steps_again(&self, claim: &Claim) -> Option<()> {
        if claim.calls {
            for step in CALLS {
                self.store(claim, step, 2).await?;
            }
        }
        Some(())
    }
}
