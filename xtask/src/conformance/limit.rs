//! A limit of one at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use tokio::task::JoinSet;

use super::finding::Outcome;
use super::system::{Context, queue, worker};

const RUNS: usize = 8;
const CLAIMERS: usize = 8;
/// The work of a run.
const WORK: Duration = Duration::from_millis(100);
const LIMIT: Duration = Duration::from_secs(120);

#[derive(Default)]
struct Seen {
    at_work: AtomicUsize,
    most: AtomicUsize,
    done: AtomicUsize,
}

/// Eight runs of one `concurrency_key`, eight workers that claim all the time: all get done, one at a time.
pub(super) async fn run(context: &Arc<Context>) -> Result<Outcome> {
    let queue = queue("limit");
    for _ in 0..RUNS {
        context.created(&context.client.create(&queue, None, Some(&queue))).await?;
    }
    let (seen, since) = (Arc::new(Seen::default()), Instant::now());
    let mut workers = JoinSet::new();
    for number in 0..CLAIMERS {
        let (context, seen, queue) = (context.clone(), seen.clone(), queue.clone());
        workers
            .spawn(async move { work(&context, &seen, &queue, &worker(&format!("W{number}")), since).await });
    }
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    let (most, done) = (seen.most.load(SeqCst), seen.done.load(SeqCst));
    let observed = format!("{done} of {RUNS} done by {CLAIMERS} workers, never more than {most} at once");
    Ok(Outcome::judge(most == 1 && done == RUNS, observed))
}

async fn work(context: &Context, seen: &Seen, queue: &str, worker_id: &str, since: Instant) -> Result<()> {
    while seen.done.load(SeqCst) < RUNS && since.elapsed() < LIMIT {
        let Some(held) = context.try_claim(worker_id, queue).await? else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        seen.most.fetch_max(seen.at_work.fetch_add(1, SeqCst) + 1, SeqCst);
        tokio::time::sleep(WORK).await;
        // Before the system can know that it has ended: what is counted is never more than what there was.
        seen.at_work.fetch_sub(1, SeqCst);
        let end = context.send(&context.client.complete(&held, &json!({}))).await?;
        ensure!(end.ok(), "complete was answered {}: {}", end.status, end.body);
        seen.done.fetch_add(1, SeqCst);
    }
    Ok(())
}
