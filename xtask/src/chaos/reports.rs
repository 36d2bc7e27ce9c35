//! What workers tell the API about their runs, and what they are told.

use chrono::Utc;
use reqwest::Method;
use serde_json::{Value, json};

use super::fate::Behaviour;
use super::ledger::{Entry, Kind};
use super::worker::{Claim, Worker};

// `None`: it was told to stop, or has lost the run.
impl Worker {
    pub(super) async fn store(&self, claim: &Claim, step: &str, attempts: u32) -> Option<()> {
        let path = format!("/api/runs/{}/steps", claim.run_id);
        // What its clock says goes into the row, and decides nothing.
        let now = (Utc::now() + self.clock).to_rfc3339();
        let body = json!({
            "lease_token": claim.token,
            "steps": [{ "step_id": step, "status": "SUCCEEDED", "attempts": attempts, "output": claim.number,
                        "started_at": now, "finished_at": now }],
        });
        let (status, answer) = self.client.ask(Method::PUT, &path, &body, None).await?;
        let (step_id, outcome) = (Some(step.to_owned()), Some("SUCCEEDED".to_owned()));
        self.is_told(claim, Kind::StepStored, status, &answer, |entry| Entry { step_id, outcome, ..entry })
            .then_some(())
    }

    pub(super) async fn heartbeat(&self, claim: &Claim) -> Option<()> {
        let path = format!("/api/runs/{}/heartbeat", claim.run_id);
        let body = json!({ "lease_token": claim.token });
        let (status, answer) = self.client.ask(Method::POST, &path, &body, None).await?;
        self.is_told(claim, Kind::Extended, status, &answer, |entry| entry).then_some(())
    }

    pub(super) async fn hand_back(&self, claim: &Claim) -> Option<()> {
        let path = format!("/api/runs/{}/release", claim.run_id);
        let body = json!({ "lease_token": claim.token });
        let (status, answer) = self.client.ask(Method::POST, &path, &body, None).await?;
        self.is_told(claim, Kind::Released, status, &answer, |entry| entry).then_some(())
    }

    pub(super) async fn complete(&self, claim: &Claim, outcome: &str, retryable: bool) -> Option<()> {
        let path = format!("/api/runs/{}/complete", claim.run_id);
        let body = report(claim, outcome, retryable);
        let (status, answer) = self.client.ask(Method::POST, &path, &body, None).await?;
        self.is_completed(claim, outcome, status, &answer).then_some(())
    }

    pub(super) async fn complete_all(&self, claims: Vec<Claim>) -> Option<()> {
        let items = claims.iter().map(|claim| {
            let (outcome, retryable) = self.outcome(claim);
            let mut item = report(claim, outcome, retryable);
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
            self.is_completed(claim, self.outcome(claim).0, status, told);
        }
        Some(())
    }

    /// What it reports, and whether another attempt may help.
    fn outcome(&self, claim: &Claim) -> (&'static str, bool) {
        match self.behaviour(claim) {
            Behaviour::Fail { retryable } => ("FAILED", retryable),
            _ => ("SUCCEEDED", true),
        }
    }

    pub(super) fn note(&self, claim: &Claim, kind: Kind, more: impl FnOnce(Entry) -> Entry) {
        // A worker across tenants belongs to whomever its run does.
        let entry = Entry::new(kind, self.tenant.unwrap_or(claim.tenant_id), claim.run_id);
        let (run_tenant_id, lease_token) = (Some(claim.tenant_id), Some(claim.token));
        self.ledger.note(more(Entry { run_tenant_id, lease_token, ..entry }));
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
