//! What is examined: a system, who calls it, and the steps that several cases share.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::client::{Answer, Call, Claimed, Client};

/// How much longer than its lease a lost run may wait for its next claim.
const SLACK: Duration = Duration::from_secs(60);
const LONG_LEASE_SECONDS: u32 = 300;
/// How long a claim may take to find what is there: a worker may have to start.
pub(super) const SHORTLY: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(100);

/// What a system says about itself: an adapter's answer to `GET /conformance`.
#[derive(Debug, Clone, Deserialize)]
pub struct System {
    /// With its version.
    pub name: String,
    /// The shortest time after which it takes a silent worker's run away, of those that can be configured.
    pub lease_seconds: u32,
    /// The same as it is without configuration, and where that is written.
    pub by_default: String,
    /// Cases that it has nothing for, by name, and why.
    #[serde(default)]
    pub not_offered: BTreeMap<String, String>,
    /// Whether `get` shows what a worker has put out.
    #[serde(default = "yes")]
    pub keeps_outputs: bool,
    /// `POST /conformance/<what>` that its adapter answers:
    /// `expire` moves the time of a run's row so that its lease is over;
    /// `kill` kills the process of a worker;
    /// `lose_claim` cuts a worker's connection to its server after its next claim was sent.
    #[serde(default)]
    pub controls: Vec<String>,
}

impl System {
    /// Runplane, which needs no adapter.
    pub fn runplane() -> Self {
        Self {
            name: concat!("Runplane ", env!("CARGO_PKG_VERSION")).to_owned(),
            // The least that a claim may ask for.
            lease_seconds: 5,
            by_default: "300 s for a claim over HTTP (docs/api.md), 30 s for the worker that SQS wakes \
                         (`WORKER_LEASE_SECONDS`, docs/operations.md)"
                .to_owned(),
            not_offered: BTreeMap::new(),
            keeps_outputs: true,
            controls: Vec::new(),
        }
    }

    fn has(&self, control: &str) -> bool {
        self.controls.iter().any(|name| name == control)
    }

    fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_seconds.into())
    }
}

/// What a case works with.
#[derive(Debug)]
pub struct Context {
    /// What is examined.
    pub system: System,
    /// Who calls it.
    pub client: Client,
    /// Somebody of another tenant, where the system knows tenants.
    pub other: Option<Client>,
}

/// How long a run waited for its next claim.
#[derive(Debug, Clone)]
pub struct TakenOver {
    /// The next claim.
    pub by: Claimed,
    /// Since the claim before, in seconds.
    pub seconds: f64,
    /// Whether the lease's time was moved in the row instead of waited for.
    pub moved: bool,
}

impl Context {
    /// Asks the system what it is; one that does not know the question is taken for Runplane. Fails when it does not answer.
    pub async fn new(client: Client, other: Option<Client>) -> Result<Self> {
        let answer = client.send(&client.describe()).await?;
        let system = if answer.status == 200 {
            serde_json::from_value(answer.body).context("what the adapter says about its system")?
        } else {
            System::runplane()
        };
        Ok(Self { system, client, other })
    }

    /// Sends a call; its own caller judges the answer. Fails when there is none, or the server is at fault: then nothing
    /// can be said about the system.
    pub async fn send(&self, call: &Call) -> Result<Answer> {
        let answer = self.client.send(call).await?;
        ensure!(answer.status < 500, "{call:?} was answered {}: {}", answer.status, answer.body);
        Ok(answer)
    }

    /// Creates a run in `queue`; returns its id.
    pub async fn create(&self, queue: &str) -> Result<String> {
        self.created(&self.client.create(queue, None, None)).await
    }

    /// Sends a create; returns the id of the run.
    pub async fn created(&self, create: &Call) -> Result<String> {
        let answer = self.send(create).await?;
        let id = answer.run("id").as_str().filter(|_| answer.ok());
        Ok(id.with_context(|| format!("create was answered {}: {}", answer.status, answer.body))?.to_owned())
    }

    /// A claim of `worker_id` with a `claim_id` that nobody else uses, for a lease that no case outlives.
    pub fn claim(&self, worker_id: &str, queue: &str) -> Call {
        self.client.claim(worker_id, queue, LONG_LEASE_SECONDS, &Uuid::new_v4().to_string())
    }

    /// Claims once; `None` when there is nothing to claim.
    pub async fn try_claim(&self, worker_id: &str, queue: &str) -> Result<Option<Claimed>> {
        self.try_call(&self.claim(worker_id, queue), worker_id).await
    }

    async fn try_call(&self, claim: &Call, worker_id: &str) -> Result<Option<Claimed>> {
        let since = Instant::now();
        let answer = self.send(claim).await?;
        ensure!(answer.ok(), "claim was answered {}: {}", answer.status, answer.body);
        Ok(answer.claimed(worker_id, since))
    }

    /// Claims until there is something, for as long as `limit`; `None` when there is nothing in that time.
    pub async fn claim_within(
        &self,
        limit: Duration,
        worker_id: &str,
        queue: &str,
    ) -> Result<Option<Claimed>> {
        let since = Instant::now();
        loop {
            let claimed = self.try_claim(worker_id, queue).await?;
            if claimed.is_some() || since.elapsed() >= limit {
                return Ok(claimed);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Claims a run that waits. Fails when none comes within a minute.
    pub async fn claim_waiting(&self, worker_id: &str, queue: &str) -> Result<Claimed> {
        let claimed = self.claim_within(SLACK, worker_id, queue).await?;
        claimed.with_context(|| format!("nothing could be claimed from {queue}, where a run waits"))
    }

    /// The same for the shortest lease that the system has, with a worker that is going to let it end.
    pub async fn claim_briefly(&self, worker_id: &str, queue: &str) -> Result<Claimed> {
        let since = Instant::now();
        while since.elapsed() < SLACK {
            let claim_id = Uuid::new_v4().to_string();
            let claim = self.client.claim(worker_id, queue, self.system.lease_seconds, &claim_id);
            if let Some(claimed) = self.try_call(&claim, worker_id).await? {
                return Ok(claimed);
            }
            tokio::time::sleep(POLL).await;
        }
        bail!("nothing could be claimed from {queue}, where a run waits")
    }

    /// How many of the runs in `queue` can be claimed, up to `most`.
    pub async fn claimable(&self, queue: &str, most: usize) -> Result<usize> {
        for count in 0..most {
            let worker_id = worker(&format!("counting-{count}"));
            if self.claim_within(SHORTLY, &worker_id, queue).await?.is_none() {
                return Ok(count);
            }
        }
        Ok(most)
    }

    /// Has `held` say nothing any more, and waits until `worker_id` can claim its run; `None` when it cannot within a minute
    /// after the end of the lease.
    pub async fn take_over(&self, held: &Claimed, worker_id: &str, queue: &str) -> Result<Option<TakenOver>> {
        let moved = self.system.has("expire");
        let deadline = if moved { SLACK } else { self.system.lease() + SLACK };
        let added = if moved { self.system.lease() } else { Duration::ZERO };
        if moved {
            self.control("expire", json!({ "run_id": held.run_id })).await?;
        }
        while held.since.elapsed() < deadline {
            if let Some(by) = self.try_claim(worker_id, queue).await? {
                ensure!(
                    by.run_id == held.run_id,
                    "{worker_id} was to take over {}, and got {}",
                    held.run_id,
                    by.run_id
                );
                let seconds = (held.since.elapsed() + added).as_secs_f64();
                return Ok(Some(TakenOver { by, seconds, moved }));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(None)
    }

    /// Kills the process of a worker, where the system runs workers as processes. Returns whether it does.
    pub async fn kill(&self, worker_id: &str) -> Result<bool> {
        if self.system.has("kill") {
            self.control("kill", json!({ "worker_id": worker_id })).await?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Sends a claim whose answer is lost. Where the worker is a process beside its server, what is cut is its own connection;
    /// `Some` is then what it made of that.
    pub async fn lose_claim(&self, claim: &Call, worker_id: &str) -> Result<Option<Answer>> {
        if self.system.has("lose_claim") {
            self.control("lose_claim", json!({ "worker_id": worker_id })).await?;
            return Ok(Some(self.send(claim).await?));
        }
        self.client.lose(claim).await?;
        Ok(None)
    }

    async fn control(&self, what: &str, body: Value) -> Result<()> {
        let answer = self.send(&self.client.control(what, body)).await?;
        ensure!(answer.ok(), "/conformance/{what} was answered {}: {}", answer.status, answer.body);
        Ok(())
    }
}

fn yes() -> bool {
    true
}

/// A queue that nobody else uses.
pub fn queue(case: &str) -> String {
    format!("conformance-{}-{}", case.replace([' ', ':'], "-"), Uuid::new_v4().simple())
}

/// A worker whose name nobody else has.
pub fn worker(name: &str) -> String {
    format!("{name}-{}", Uuid::new_v4().simple())
}
