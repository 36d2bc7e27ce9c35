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
use super::fate::Behaviour;
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
    /// With its key.
    pub client: Client,
    /// What it is told.
    pub ledger: Arc<Ledger>,
}

/// A run that it was given.
#[derive(Debug, Clone)]
struct Claim {
    run_id: Uuid,
    tenant_id: Uuid,
    token: Uuid,
    number: u32,
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
                // Of runs without calls that simply succeed, the ends are reported together.
                !claim.calls && self.behaviour(claim) == Behaviour::Finish && claim.number % 4 > 0
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

    fn behaviour(&self, claim: &Claim) -> Behaviour {
        Behaviour::of(self.fates, claim.number, claim.claim_count, self.stalls)
    }

    /// `None`: it was told to stop.
    async fn claim(&self, max_runs: u32) -> Option<Vec<Claim>> {
        let body = json!({
            "worker_id": self.name,
            "claim_id": Uuid::new_v4(),
            "lease_seconds": LEASE_SECONDS,
            "max_runs": max_runs,
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

    fn note(&self, claim: &Claim, kind: Kind, more: impl FnOnce(Entry) -> Entry) {
        // A worker across tenants belongs to whomever its run does.
        let entry = Entry::new(kind, self.tenant.unwrap_or(claim.tenant_id), claim.run_id);
        let (run_tenant_id, lease_token) = (Some(claim.tenant_id), Some(claim.token));
        self.ledger.note(more(Entry { run_tenant_id, lease_token, ..entry }));
    }

    /// `None`: it was told to stop, or has lost the run.
    async fn treat(&self, claim: Claim) -> Option<()> {
        match self.behaviour(&claim) {
            Behaviour::Vanish => {}
            Behaviour::HandBack => self.hand_back(&claim).await?,
            Behaviour::Fail { retryable } => self.complete(&claim, "FAILED", retryable).await?,
            Behaviour::Stall => {
                self.steps(&claim).await?;
                tokio::time::sleep(self.stalls_for(&claim)).await;
                self.complete(&claim, "SUCCEEDED", true).await?;
            }
            finish => {
                self.steps(&claim).await?;
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

    /// As long as its lease lasts, by its clock, and a bit longer. Whoever is an hour behind believes to have an hour, and nobody waits for that.
    fn stalls_for(&self, claim: &Claim) -> Duration {
        let by_its_clock = claim.lease_expires_at.map(|end| end - (Utc::now() + self.clock));
        let left = by_its_clock.and_then(|left| left.to_std().ok()).unwrap_or_default();
        left.min(Duration::from_secs(LEASE_SECONDS)) + Duration::from_millis(1_500)
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
                ..Entry::new(Kind::StepBegan, claim.tenant_id, claim.run_id)
            });
            // What its clock says goes into the row, and decides nothing.
            let now = (Utc::now() + self.clock).to_rfc3339();
            let body = json!({
                "lease_token": claim.token,
                "steps": [{ "step_id": step, "status": "SUCCEEDED", "attempts": 1, "output": claim.number,
                            "started_at": now, "finished_at": now }],
            });
            let (status, answer) = self.client.ask(Method::PUT, &path, &body, None).await?;
            if !self.is_told(claim, Kind::StepStored, status, &answer, |entry| Entry {
                step_id: Some(step.to_owned()),
                ..entry
            }) {
                return None;
            }
        }
        Some(())
    }

    async fn heartbeat(&self, claim: &Claim) -> Option<()> {
        let path = format!("/api/runs/{}/heartbeat", claim.run_id);
        let body = json!({ "lease_token": claim.token });
        let (status, answer) = self.client.ask(Method::POST, &path, &body, None).await?;
        self.is_told(claim, Kind::Extended, status, &answer, |entry| entry).then_some(())
    }

    async fn hand_back(&self, claim: &Claim) -> Option<()> {
        let path = format!("/api/runs/{}/release", claim.run_id);
        let body = json!({ "lease_token": claim.token });
        let (status, answer) = self.client.ask(Method::POST, &path, &body, None).await?;
        self.is_told(claim, Kind::Released, status, &answer, |entry| entry).then_some(())
    }

    async fn complete(&self, claim: &Claim, outcome: &str, retryable: bool) -> Option<()> {
        let path = format!("/api/runs/{}/complete", claim.run_id);
        let body = report(claim, outcome, retryable);
        let (status, answer) = self.client.ask(Method::POST, &path, &body, None).await?;
        self.is_completed(claim, outcome, status, &answer).then_some(())
    }

    async fn complete_all(&self, claims: Vec<Claim>) -> Option<()> {
        let items = claims.iter().map(|claim| {
            let mut item = report(claim, "SUCCEEDED", true);
            item["run_id"] = json!(claim.run_id);
            item
        });
        let body = json!({ "items": items.collect::<Vec<_>>() });
        let (status, answer) = self.client.ask(Method::POST, "/api/runs/complete", &body, None).await?;
        if status != 200 {
            self.client.unexpected(format!("completing several answered {status}: {answer}"));
        }
        for (claim, item) in claims.iter().zip(answer["items"].as_array().into_iter().flatten()) {
            let status = item["status"].as_u64().unwrap_or_default() as u16;
            let told = if status == 200 { item } else { &item["problem"] };
            self.is_completed(claim, "SUCCEEDED", status, told);
        }
        Some(())
    }

    fn is_completed(&self, claim: &Claim, outcome: &str, status: u16, answer: &Value) -> bool {
        self.is_told(claim, Kind::Completed, status, answer, |entry| Entry {
            outcome: Some(outcome.to_owned()),
            status: answer["run"]["status"].as_str().map(str::to_owned),
            ..entry
        })
    }

    /// Notes what was told: that it took place, or that the token is worth nothing. Anything else is a surprise.
    fn is_told(
        &self,
        claim: &Claim,
        kind: Kind,
        status: u16,
        answer: &Value,
        more: impl FnOnce(Entry) -> Entry,
    ) -> bool {
        match status {
            200 => self.note(claim, kind, more),
            409 => {
                let code = answer["code"].as_str().map(str::to_owned);
                self.note(claim, Kind::Refused, |entry| more(Entry { code, ..entry }));
            }
            _ => self.client.unexpected(format!("{} answered {status}: {answer}", kind.as_str())),
        }
        status == 200
    }
}

fn report(claim: &Claim, outcome: &str, retryable: bool) -> Value {
    let mut body = json!({ "status": outcome, "lease_token": claim.token });
    if outcome == "FAILED" {
        body["error_code"] = "chaos".into();
        body["error_message"] = "as fate has it".into();
        body["retryable"] = retryable.into();
    }
    body
}
