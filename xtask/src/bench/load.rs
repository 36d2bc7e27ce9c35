//! A client of the HTTP API: workers that claim and complete, each over a connection that stays open. What it says of the API it says of
//! the service that Runplane replaces, too: their claims and completions are the same but for the token, and the bulk.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// Turns before the clock starts: every environment has its connection then, and its plans.
const WARM_UP: u32 = 20;

/// What is called, and how.
#[derive(Debug, Clone)]
pub struct Load {
    /// Without a slash at the end.
    pub base_url: String,
    /// Of a worker.
    pub api_key: Option<String>,
    /// At once.
    pub workers: u32,
    /// Runs of each call.
    pub size: u32,
    /// How long.
    pub length: Duration,
}

/// What was done.
#[derive(Debug, Default)]
pub struct Done {
    /// Runs, those of the warm-up too.
    pub total: u64,
    /// Runs within the measured time.
    pub runs: u64,
    /// How long that was, in seconds.
    pub seconds: f64,
    /// Milliseconds of each claim.
    pub claims: Vec<f64>,
    /// Milliseconds of each completion.
    pub completions: Vec<f64>,
}

impl Load {
    /// Works until the time is over. Fails when a call is refused, or when nothing waits any more.
    pub async fn run(&self) -> Result<Done> {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build()?;
        let start = Arc::new(Barrier::new(self.workers as usize + 1));
        let mut tasks = JoinSet::new();
        for number in 0..self.workers {
            let worker =
                Worker { load: self.clone(), client: client.clone(), name: format!("worker-{number}") };
            tasks.spawn(worker.work(start.clone()));
        }
        // Whoever fails before the start keeps the others waiting.
        tokio::select! {
            _ = start.wait() => {}
            Some(ended) = tasks.join_next() => {
                ended??;
            }
        }
        let started = Instant::now();
        let mut all = Done::default();
        while let Some(ended) = tasks.join_next().await {
            let done = ended??;
            all.total += done.total;
            all.runs += done.runs;
            all.claims.extend(done.claims);
            all.completions.extend(done.completions);
        }
        all.seconds = started.elapsed().as_secs_f64();
        Ok(all)
    }
}

struct Worker {
    load: Load,
    client: reqwest::Client,
    name: String,
}

impl Worker {
    async fn work(self, start: Arc<Barrier>) -> Result<Done> {
        let mut done = Done::default();
        for _ in 0..WARM_UP {
            self.turn(&mut done).await?;
        }
        start.wait().await;
        let mut counted = Done { total: done.runs, ..Done::default() };
        let started = Instant::now();
        while started.elapsed() < self.load.length {
            self.turn(&mut counted).await?;
        }
        counted.total += counted.runs;
        Ok(counted)
    }

    async fn turn(&self, done: &mut Done) -> Result<()> {
        let mut claim = json!({ "worker_id": self.name });
        let in_bulk = self.load.size > 1;
        if in_bulk {
            claim["max_runs"] = self.load.size.into();
        }
        let since = Instant::now();
        let answer = self.post("/api/runs/claim", &claim).await?;
        done.claims.push(1e3 * since.elapsed().as_secs_f64());
        if answer["claimed"] != true {
            bail!("the queue ran dry: give --backlog a larger number");
        }
        let since = Instant::now();
        let runs = if in_bulk {
            let claims = answer["claims"].as_array().context("no list of claims")?;
            let items = claims.iter().map(|claim| {
                let run = &claim["run"];
                json!({ "run_id": run["id"], "lease_token": run["lease_token"], "status": "SUCCEEDED" })
            });
            let items: Vec<Value> = items.collect();
            let answer = self.post("/api/runs/complete", &json!({ "items": items })).await?;
            let all = answer["items"].as_array().context("no list of answers")?;
            if all.len() != items.len() || all.iter().any(|item| item["status"] != 200) {
                bail!("a completion was refused: {answer}");
            }
            items.len()
        } else {
            let run = &answer["run"];
            let path = format!("/api/runs/{}/complete", run["id"].as_str().context("a run without an id")?);
            let mut complete = json!({ "status": "SUCCEEDED", "error_message": null });
            if run["lease_token"].is_string() {
                complete["lease_token"] = run["lease_token"].clone();
            }
            self.post(&path, &complete).await?;
            1
        };
        done.completions.push(1e3 * since.elapsed().as_secs_f64());
        done.runs += runs as u64;
        Ok(())
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.client.post(format!("{}{path}", self.load.base_url)).json(body);
        let request = match &self.load.api_key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        let response = request.send().await?;
        let status = response.status();
        let answer: Value = response.json().await.with_context(|| format!("{path} answered {status}"))?;
        if !status.is_success() {
            bail!("{path} answered {status}: {answer}");
        }
        Ok(answer)
    }
}
