//! Clients that create runs, one by one and several at once, and now and then change their minds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use super::client::Client;
use super::fate::Order;
use super::ledger::{Entry, Kind, Ledger};
use super::world::World;

/// Runs that have not ended, at most: faults are to come while there is work, not after it was all created.
const OPEN: i64 = 600;
/// Runs of one call at most.
const AT_ONCE: u32 = 25;

/// What creators share.
#[derive(Debug)]
pub struct Creators {
    /// Of the whole chaos.
    pub seed: u64,
    /// Runs to create.
    pub runs: u32,
    /// Whether clocks are wrong.
    pub clocks: bool,
    /// Whom runs are created for.
    pub world: Arc<World>,
    /// With any key.
    pub client: Client,
    /// What they are told.
    pub ledger: Arc<Ledger>,
    /// Runs that were accepted.
    pub accepted: watch::Sender<u32>,
    /// Runs that have not ended.
    pub open: watch::Receiver<i64>,
    next: AtomicU32,
}

impl Creators {
    /// Creators that have not created anything yet.
    pub fn new(
        (seed, runs, clocks): (u64, u32, bool),
        world: Arc<World>,
        client: Client,
        ledger: Arc<Ledger>,
        open: watch::Receiver<i64>,
    ) -> Self {
        let accepted = watch::Sender::new(0);
        Self { seed, runs, clocks, world, client, ledger, accepted, open, next: AtomicU32::new(0) }
    }

    /// One of several that go on until all runs are accepted, or it is told to stop.
    pub async fn create(&self) -> Option<()> {
        let mut open = self.open.clone();
        loop {
            // A watcher that is gone has seen the end.
            open.wait_for(|&open| open < OPEN).await.ok()?;
            let first = self.next.load(Ordering::Relaxed);
            let size = if first.is_multiple_of(3) { 1 } else { 1 + first % AT_ONCE };
            let first = self.next.fetch_add(size, Ordering::Relaxed);
            if first >= self.runs {
                return Some(());
            }
            let numbers = first..self.runs.min(first + size);
            if numbers.len() == 1 {
                self.one(first).await?;
            } else {
                self.several(numbers).await?;
            }
        }
    }

    async fn one(&self, number: u32) -> Option<()> {
        let order = self.order(number);
        let tenant = &self.world.tenants[order.tenant];
        let (body, key) = (self.body(number, &order), key(number));
        let (status, run) =
            self.client.with_key(&tenant.key).ask(Method::POST, "/api/runs", &body, Some(&key)).await?;
        if !matches!(status, 200 | 201) {
            self.client.unexpected(format!("create answered {status}: {run}"));
            return Some(());
        }
        self.told(tenant.id, number, &run);
        if order.cancel { self.cancel(&tenant.key, tenant.id, &run).await } else { Some(()) }
    }

    /// Each tenant's in a call of its own, as a credential is a tenant's.
    async fn several(&self, numbers: std::ops::Range<u32>) -> Option<()> {
        for (index, tenant) in self.world.tenants.iter().enumerate() {
            let own: Vec<u32> =
                numbers.clone().filter(|&number| self.order(number).tenant == index).collect();
            if own.is_empty() {
                continue;
            }
            let items = own.iter().map(|&number| {
                let mut body = self.body(number, &self.order(number));
                body["idempotency_key"] = key(number).into();
                body
            });
            let body = json!({ "items": items.collect::<Vec<_>>() });
            let client = self.client.with_key(&tenant.key);
            let (status, answer) = client.ask(Method::POST, "/api/runs/bulk", &body, None).await?;
            if status != 200 {
                self.client.unexpected(format!("creating several answered {status}: {answer}"));
            }
            for (&number, item) in own.iter().zip(answer["items"].as_array().into_iter().flatten()) {
                if !matches!(item["status"].as_u64(), Some(200 | 201)) {
                    self.client.unexpected(format!("an item of several answered {item}"));
                    continue;
                }
                self.told(tenant.id, number, &item["run"]);
                if self.order(number).cancel {
                    self.cancel(&tenant.key, tenant.id, &item["run"]).await?;
                }
            }
        }
        Some(())
    }

    fn order(&self, number: u32) -> Order {
        Order::of(self.seed, number, self.clocks)
    }

    fn body(&self, number: u32, order: &Order) -> Value {
        let mut body = json!({
            "pipeline_version_id": self.world.tenants[order.tenant].versions[order.pipeline],
            "dispatch": if order.push { "push" } else { "pull" },
            "priority": order.priority,
            "parameters": { "number": number },
            "max_attempts": order.max_attempts,
            "max_lost": order.max_lost,
            "concurrency_key": order.concurrency_key,
        });
        if order.clock != 0 {
            // "Now", says its clock. (Never is it left to decide a lease.)
            let now = Utc::now() + TimeDelta::hours(order.clock.into());
            body["run_after"] = now.to_rfc3339().into();
        }
        body
    }

    fn told(&self, tenant: Uuid, number: u32, run: &Value) {
        let entry = Entry::new(Kind::Created, tenant, id(run, "id"));
        let run_tenant_id = Some(id(run, "tenant_id"));
        let status = run["status"].as_str().map(str::to_owned);
        self.ledger.note(Entry { key: Some(key(number)), run_tenant_id, status, ..entry });
        self.accepted.send_modify(|accepted| *accepted += 1);
    }

    /// Whatever it answers: the run may have ended meanwhile.
    async fn cancel(&self, key: &str, tenant: Uuid, run: &Value) -> Option<()> {
        let run_id = id(run, "id");
        let path = format!("/api/runs/{run_id}/cancel");
        let (status, answer) = self.client.with_key(key).ask(Method::POST, &path, &json!({}), None).await?;
        if status == 200 {
            let run_tenant_id = Some(id(&answer, "tenant_id"));
            self.ledger.note(Entry { run_tenant_id, ..Entry::new(Kind::Cancelled, tenant, run_id) });
        }
        Some(())
    }
}

/// The key of a run's create.
fn key(number: u32) -> String {
    format!("run-{number}")
}

/// A UUID of an answer; nil when there is none, which no run has.
pub(super) fn id(value: &Value, field: &str) -> Uuid {
    value[field].as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}
