//! The Rust half of `cargo xtask bench verbs`: calls the verbs over a number of connections for some seconds and prints
//! one line of JSON, `{"done": …, "seconds": …}`.
//!
//! ```text
//! bench_verbs <claim_complete|create> <connections> <seconds> <tenant> <version>     DATABASE_URL in the environment
//! ```
//!
//! xtask starts it as a program of its own because it does not depend on this crate, and because the client's work then
//! is the same kind of work that pgbench's is: a process beside Postgres.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use runplane::dag::ParamsCache;
use runplane::db::{Db, Plans, Pooler};
use runplane::runs::{self, ClaimOptions, CompleteRequest, CreateRequest, Dispatch, Marks, Outcome};
use runplane::scope::Scope;
use sqlx::Connection as _;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use uuid::Uuid;

#[derive(Clone, Copy)]
enum Case {
    ClaimComplete,
    Create,
}

#[derive(Clone, Copy)]
struct Work {
    case: Case,
    tenant: Uuid,
    version: Uuid,
    length: Duration,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [case, connections, seconds, tenant, version] = args.as_slice() else {
        bail!("usage: bench_verbs <claim_complete|create> <connections> <seconds> <tenant> <version>");
    };
    let work = Work {
        case: match case.as_str() {
            "claim_complete" => Case::ClaimComplete,
            "create" => Case::Create,
            other => bail!("no such case: {other}"),
        },
        tenant: tenant.parse()?,
        version: version.parse()?,
        length: Duration::from_secs(seconds.parse()?),
    };
    let url = std::env::var("DATABASE_URL").context("DATABASE_URL is not set")?;
    let connections: usize = connections.parse()?;

    // Nobody starts before everybody is connected: pgbench too reports its rate without the time to connect.
    let start = Arc::new(Barrier::new(connections + 1));
    let mut tasks = JoinSet::new();
    for number in 0..connections {
        let (db, start) = (Db::from_url(&url, Plans::Generic, Pooler::None)?, start.clone());
        tasks.spawn(async move {
            let connected = db.call(async |conn| conn.ping().await).await;
            start.wait().await;
            connected?;
            repeat(&db, work, &format!("worker-{number}")).await
        });
    }
    start.wait().await;
    let started = Instant::now();
    let mut done = 0;
    while let Some(task) = tasks.join_next().await {
        done += task??;
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("{}", serde_json::json!({ "done": done, "seconds": seconds }));
    Ok(())
}

/// One connection, one call after the other; returns how many were finished.
async fn repeat(db: &Db, work: Work, worker: &str) -> Result<u64> {
    let mut done = 0;
    // As an execution environment has it.
    let (cache, marks) = (ParamsCache::default(), Marks::default());
    let started = Instant::now();
    while started.elapsed() < work.length {
        match work.case {
            Case::ClaimComplete => claim_complete(db, &marks, work.tenant, worker).await?,
            Case::Create => create(db, &cache, work.tenant, work.version).await?,
        }
        done += 1;
    }
    Ok(done)
}

async fn claim_complete(db: &Db, marks: &Marks, tenant: Uuid, worker: &str) -> Result<()> {
    let scope = Scope::Tenant(tenant);
    let options = ClaimOptions {
        worker,
        queues: None,
        lease_seconds: runs::DEFAULT_LEASE_SECONDS,
        claim_id: None,
        max_runs: 1,
        pushed_only: false,
    };
    let mut claim = db.call(async |conn| runs::claim(conn, scope, marks, options).await).await?;
    let claim = claim.claims.pop().context("the queue ran dry: give --backlog a larger number")?;
    let request = CompleteRequest {
        status: Outcome::Succeeded,
        lease_token: Some(claim.run.lease_token),
        error_message: None,
        error_code: None,
        retryable: None,
        output: None,
    };
    db.call(async |conn| runs::complete(conn, scope, claim.run.run.id, &request).await).await?;
    Ok(())
}

async fn create(db: &Db, cache: &ParamsCache, tenant: Uuid, version: Uuid) -> Result<()> {
    let request = CreateRequest {
        tenant_id: tenant,
        pipeline_version_id: version,
        parameters: None,
        trigger_type: None,
        dispatch: Some(Dispatch::Pull),
        queue: None,
        priority: None,
        run_after: None,
        start_by: None,
        max_attempts: None,
        max_lost: None,
        labels: None,
        concurrency_key: None,
    };
    db.call(async |conn| runs::create(conn, cache, &request, None).await).await?;
    Ok(())
}
