//! Clients that go on while a deployed stack is updated, as those of a team do that knows nothing of the update. Each creates runs, claims them,
//! extends their leases, completes and reads them. What is not answered, or answered with "later", it sends once more: the same request, after the
//! pause that the API names for it. Whatever then still fails is what a client with one retry would notice.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::conformance::client::{Answer, Call, Claimed, Client};

/// Clients at the same time.
const CLIENTS: u32 = 4;
/// The pause before the one retry: `Retry-After` of an answer that says `unavailable` (docs/api.md).
const PAUSE: Duration = Duration::from_secs(2);
/// How long the lease of a claim lives: no update of the emulator takes as long, so that no lease is lost.
const LEASE_SECONDS: u32 = 300;

/// What clients got done.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// Runs that were created, claimed, kept and completed.
    pub runs: u64,
    /// Requests, those that were sent once more not counted twice.
    pub requests: u64,
    /// Requests that were sent once more.
    pub repeated: u64,
}

/// Lets clients of the API work, each on a queue of its own that begins with `queue`, from before `during` until after it; each gets
/// at least one run done before it begins, and one after it has ended. Fails when `during` does, and when a request fails twice, or is answered otherwise
/// than it has to be.
pub async fn under_load(
    client: &Client,
    queue: &str,
    during: impl Future<Output = Result<()>>,
) -> Result<Done> {
    let (stop, mut clients) = (CancellationToken::new(), JoinSet::new());
    let (ready, mut first_done) = tokio::sync::mpsc::channel(CLIENTS as usize);
    for number in 0..CLIENTS {
        let one =
            Loaded { client: client.clone(), queue: format!("{queue}-{number}"), done: Done::default() };
        clients.spawn(one.work(ready.clone(), stop.clone()));
    }
    drop(ready);
    // One that fails before it is ready hangs up, and says why below.
    for _ in 0..CLIENTS {
        first_done.recv().await;
    }
    let updated = during.await;
    stop.cancel();
    let mut all = Done::default();
    while let Some(ended) = clients.join_next().await {
        let done = ended.context("a client has panicked")??;
        all.runs += done.runs;
        all.requests += done.requests;
        all.repeated += done.repeated;
    }
    updated.map(|()| all)
}

/// One client.
struct Loaded {
    client: Client,
    queue: String,
    done: Done,
}

impl Loaded {
    /// Run after run. When it is told to stop, one more: on what the stack is then.
    async fn work(mut self, ready: tokio::sync::mpsc::Sender<()>, stop: CancellationToken) -> Result<Done> {
        self.run().await?;
        // Nobody listens any more once `during` has begun.
        let _ = ready.send(()).await;
        drop(ready);
        while !stop.is_cancelled() {
            self.run().await?;
        }
        self.run().await?;
        Ok(self.done)
    }

    /// A run from its creation to its end.
    async fn run(&mut self) -> Result<()> {
        let key = Uuid::now_v7().to_string();
        let created = self.ask(&self.client.create(&self.queue, Some(&key), None)).await?;
        let run_id = created.run("id").as_str().context("a run without an id was created")?.to_owned();
        let held = self.claim().await?;
        ensure!(held.run_id == run_id, "{} was claimed from a queue that has only {run_id}", held.run_id);
        self.ask(&self.client.heartbeat(&held)).await?;
        self.ask(&self.client.complete(&held, &json!({ "by": self.queue }))).await?;
        let read = self.ask(&self.client.get(&run_id)).await?;
        ensure!(
            read.run_status() == "SUCCEEDED" && *read.run("claim_count") == 1 && *read.run("lost") == 0,
            "a completed run is {}",
            read.body
        );
        self.done.runs += 1;
        Ok(())
    }

    async fn claim(&mut self) -> Result<Claimed> {
        let claim_id = Uuid::now_v7().to_string();
        let (call, since) =
            (self.client.claim(&self.queue, &self.queue, LEASE_SECONDS, &claim_id), Instant::now());
        let answer = self.ask(&call).await?;
        answer.claimed(&self.queue, since).with_context(|| format!("nothing was claimed: {}", answer.body))
    }

    /// A request, and once more if need be.
    async fn ask(&mut self, call: &Call) -> Result<Answer> {
        self.done.requests += 1;
        let first = match self.client.send(call).await {
            Ok(answer) if answer.ok() => return Ok(answer),
            Ok(answer) if answer.status >= 500 || answer.status == 429 => answer.said(),
            Ok(answer) => bail!("{} was answered with {}", call.path(), answer.said()),
            Err(error) => format!("{error:#}"),
        };
        self.done.repeated += 1;
        tokio::time::sleep(PAUSE).await;
        let second = match self.client.send(call).await {
            Ok(answer) if answer.ok() => return Ok(answer),
            Ok(answer) => answer.said(),
            Err(error) => format!("{error:#}"),
        };
        bail!("{} failed twice, {} s apart: {first}; {second}", call.path(), PAUSE.as_secs())
    }
}
