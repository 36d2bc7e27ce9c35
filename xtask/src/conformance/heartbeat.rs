//! A worker that takes longer than its lease, and says so.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use super::finding::Outcome;
use super::system::{Context, queue, worker};

const POLL: Duration = Duration::from_millis(200);

/// The run is nobody else's for two and a half leases, and then completed.
pub(super) async fn run(context: &Context) -> Result<Outcome> {
    let queue = queue("heartbeat");
    context.create(&queue).await?;
    let (a, b) = (worker("A"), worker("B"));
    let held = context.claim_briefly(&a, &queue).await?;
    let lease = Duration::from_secs(context.system.lease_seconds.into());
    let (since, mut beaten, mut beats) = (Instant::now(), Instant::now(), 0);
    while since.elapsed() < lease * 5 / 2 {
        if beaten.elapsed() >= lease / 3 {
            let beat = context.send(&context.client.heartbeat(&held)).await?;
            (beaten, beats) = (Instant::now(), beats + 1);
            if !beat.ok() {
                let observed = format!("heartbeat {beats} was answered {}", beat.said());
                return Ok(Outcome::DoesNotHold(observed));
            }
        }
        if context.try_claim(&b, &queue).await?.is_some() {
            let after = since.elapsed().as_secs_f64();
            let observed = format!(
                "taken over after {after:.1} s, and {beats} heartbeats, with a lease of {} s",
                lease.as_secs()
            );
            return Ok(Outcome::DoesNotHold(observed));
        }
        tokio::time::sleep(POLL).await;
    }
    let end = context.send(&context.client.complete(&held, &json!({ "by": "A" }))).await?;
    let observed = format!(
        "held for {:.1} s by {beats} heartbeats with a lease of {} s, then completed: {}",
        since.elapsed().as_secs_f64(),
        lease.as_secs(),
        end.said()
    );
    Ok(Outcome::judge(end.ok(), observed))
}
