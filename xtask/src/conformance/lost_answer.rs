//! A call that took place, whose answer never arrived: the same call again.

use std::time::Instant;

use anyhow::{Result, ensure};
use serde_json::json;
use uuid::Uuid;

use super::finding::Outcome;
use super::repeat;
use super::system::{Context, SHORTLY, queue, worker};

/// Still one run.
pub(super) async fn create(context: &Context) -> Result<Outcome> {
    let queue = queue("lost-create");
    let create = context.client.create(&queue, Some(&Uuid::new_v4().to_string()), None);
    context.client.lose(&create).await?;
    let again = context.send(&create).await?;
    let claimable = context.claimable(&queue, 3).await?;
    let observed = format!("again: {}; {claimable} could be claimed", again.said());
    // 200, not 201: it knows that it has the run already.
    Ok(Outcome::judge(again.status == 200 && claimable == 1, observed))
}

/// Two runs wait; the answer to the claim of one is lost. Afterwards this worker and another one have to hold both.
pub(super) async fn claim(context: &Context) -> Result<Outcome> {
    let queue = queue("lost-claim");
    let runs = [context.create(&queue).await?, context.create(&queue).await?];
    let (a, b) = (worker("A"), worker("B"));
    let claim = context.claim(&a, &queue);
    let since = Instant::now();
    let first = context.lose_claim(&claim, &a).await?.and_then(|answer| answer.claimed(&a, since));
    let mut running = 0;
    for run in &runs {
        let seen = context.send(&context.client.get(run)).await?;
        running += usize::from(seen.run_status() == "RUNNING");
    }
    ensure!(running > 0, "the claim whose answer was lost has not taken place");
    let of_a = match first {
        // A worker that has tried again by itself.
        Some(claimed) => Some(claimed),
        None => context.send(&claim).await?.claimed(&a, since),
    };
    let of_b = context.claim_within(SHORTLY, &b, &queue).await?;
    let held: Vec<&str> = [&of_a, &of_b].into_iter().flatten().map(|held| held.run_id.as_str()).collect();
    let Some(stuck) = runs.iter().find(|run| !held.contains(&run.as_str())) else {
        return Ok(Outcome::Holds(
            "the worker has got the same run again, and another worker the other".to_owned(),
        ));
    };
    let seen = context.send(&context.client.get(stuck)).await?;
    let observed = format!(
        "the repeated claim brought {}; the run of the lost one is {} without a worker that knows of it, until its lease ends",
        if of_a.is_some() { "another run" } else { "nothing" },
        seen.run_seen()
    );
    Ok(Outcome::DoesNotHold(observed))
}

/// Done, once.
pub(super) async fn complete(context: &Context) -> Result<Outcome> {
    let held = repeat::held(context).await?;
    let complete = context.client.complete(&held, &json!({ "by": "A" }));
    context.client.lose(&complete).await?;
    let between = context.send(&context.client.get(&held.run_id)).await?;
    let again = context.send(&complete).await?;
    let end = context.send(&context.client.get(&held.run_id)).await?;
    let unchanged =
        ["status", "output", "finished_at"].iter().all(|field| between.run(field) == end.run(field));
    let observed = format!("again: {}; the run is {}", again.said(), end.run_seen());
    Ok(Outcome::judge(again.ok() && unchanged && end.run_status() == "SUCCEEDED", observed))
}
