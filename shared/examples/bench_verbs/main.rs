//! The Rust half of `cargo xtask bench verbs` and `bench held`: calls the verbs over a number of connections for some
//! seconds and prints one line of JSON, `{"done": …, "seconds": …, "slices": [{"done": …, "seconds": …}, …],
//! "claim_ms": [p50, p99], "complete_ms": [p50, p99]}`; of what was not done no time is told (`[null, null]`).
//!
//! ```text
//! bench_verbs '{"work": "claim_complete", "size": 1, "connections": 8, "seconds": 5, "slices": 1, "any_tenant": false,
//!               "tenant": "…", "version": "…"}'                               DATABASE_URL in the environment
//! ```
//!
//! xtask starts it as a program of its own because it does not depend on this crate, and because the client's work then
//! is the same kind of work that pgbench's is: a process beside Postgres.

mod environment;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use runplane::db::{Db, Plans, Pooler};
use runplane::scope::Scope;
use serde::Deserialize;
use sqlx::Connection as _;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use uuid::Uuid;

use environment::Environment;

/// What a connection does, turn by turn.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Work {
    ClaimComplete,
    ClaimCompleteEach,
    Create,
    Cycle,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    work: Work,
    /// Runs in one turn.
    size: u32,
    connections: usize,
    seconds: u32,
    /// How many parts of equal length are reported.
    slices: u32,
    /// Whether claims name no tenant.
    any_tenant: bool,
    tenant: Uuid,
    version: Uuid,
}

#[tokio::main]
async fn main() -> Result<()> {
    let spec = std::env::args().nth(1).context("usage: bench_verbs <spec as JSON>")?;
    let spec: Spec = serde_json::from_str(&spec).context("the spec")?;
    if spec.slices == 0 || spec.size == 0 {
        bail!("slices and size are at least 1");
    }
    let url = std::env::var("DATABASE_URL").context("DATABASE_URL is not set")?;
    let length = Duration::from_secs(spec.seconds.into());

    // Nobody starts before everybody is connected: pgbench too reports its rate without the time to connect.
    let start = Arc::new(Barrier::new(spec.connections + 1));
    let done = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for number in 0..spec.connections {
        let db = Db::from_url(&url, Plans::Generic, Pooler::None)?;
        let (start, done) = (start.clone(), done.clone());
        tasks.spawn(async move {
            let connected = db.call(async |conn| conn.ping().await).await;
            start.wait().await;
            connected?;
            let scope = if spec.any_tenant { Scope::All } else { Scope::Tenant(spec.tenant) };
            let mut environment = Environment::new(db, scope, format!("worker-{number}"));
            let (started, mut times) = (Instant::now(), Times::default());
            while started.elapsed() < length {
                turn(&mut environment, spec, &done, &mut times).await?;
            }
            anyhow::Ok(times)
        });
    }
    start.wait().await;
    let started = Instant::now();
    let watched = tokio::spawn(watch(done.clone(), started, length, spec.slices));
    let mut times = Times::default();
    while let Some(task) = tasks.join_next().await {
        let task = task??;
        times.claims.extend(task.claims);
        times.completions.extend(task.completions);
    }
    let seconds = started.elapsed().as_secs_f64();
    let (slices, done) = (watched.await?, done.load(Ordering::Relaxed));
    let (claim_ms, complete_ms) = (percentiles(times.claims), percentiles(times.completions));
    println!(
        "{}",
        serde_json::json!({
            "done": done, "seconds": seconds, "slices": slices, "claim_ms": claim_ms, "complete_ms": complete_ms,
        })
    );
    Ok(())
}

/// How long each call took, in milliseconds.
#[derive(Default)]
struct Times {
    claims: Vec<f64>,
    completions: Vec<f64>,
}

/// The median, and what all but one in a hundred do not exceed.
fn percentiles(mut times: Vec<f64>) -> [Option<f64>; 2] {
    times.sort_by(f64::total_cmp);
    [50, 99].map(|percent| times.get((times.len() * percent).div_ceil(100).checked_sub(1)?).copied())
}

/// One turn of the loop. Counted is what has ended: what was completed, or created where nothing is completed.
async fn turn(environment: &mut Environment, spec: Spec, done: &AtomicU64, times: &mut Times) -> Result<()> {
    let milliseconds = |since: Instant| 1e3 * since.elapsed().as_secs_f64();
    let Spec { work, size, tenant, version, .. } = spec;
    if matches!(work, Work::Create | Work::Cycle) {
        environment.create(tenant, version, size).await?;
    }
    if matches!(work, Work::Create) {
        done.fetch_add(size.into(), Ordering::Relaxed);
        return Ok(());
    }
    let since = Instant::now();
    let claims = environment.claim(size).await?;
    times.claims.push(milliseconds(since));
    if claims.is_empty() {
        bail!("the queue ran dry: give --backlog a larger number");
    }
    if matches!(work, Work::ClaimCompleteEach) {
        for claim in &claims {
            let since = Instant::now();
            environment.complete(std::slice::from_ref(claim)).await?;
            times.completions.push(milliseconds(since));
            done.fetch_add(1, Ordering::Relaxed);
        }
    } else {
        let since = Instant::now();
        environment.complete(&claims).await?;
        times.completions.push(milliseconds(since));
        done.fetch_add(claims.len() as u64, Ordering::Relaxed);
    }
    Ok(())
}

/// What was done in each slice.
async fn watch(
    done: Arc<AtomicU64>,
    started: Instant,
    length: Duration,
    slices: u32,
) -> Vec<serde_json::Value> {
    let (mut seen, mut at) = (0, Duration::ZERO);
    let mut found = Vec::new();
    for slice in 1..=slices {
        tokio::time::sleep_until((started + length * slice / slices).into()).await;
        let (now, elapsed) = (done.load(Ordering::Relaxed), started.elapsed());
        found.push(serde_json::json!({ "done": now - seen, "seconds": (elapsed - at).as_secs_f64() }));
        (seen, at) = (now, elapsed);
    }
    found
}
