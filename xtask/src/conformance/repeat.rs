//! A call that is sent twice.

use anyhow::Result;
use serde_json::json;
use uuid::Uuid;

use super::client::Claimed;
use super::finding::Outcome;
use super::system::{Context, queue, worker};

/// The same completion twice.
pub(super) async fn complete(context: &Context) -> Result<Outcome> {
    let held = held(context).await?;
    let complete = context.client.complete(&held, &json!({ "by": "A" }));
    let first = context.send(&complete).await?;
    let between = context.send(&context.client.get(&held.run_id)).await?;
    let second = context.send(&complete).await?;
    let end = context.send(&context.client.get(&held.run_id)).await?;
    let unchanged =
        ["status", "output", "finished_at"].iter().all(|field| between.run(field) == end.run(field));
    let observed =
        format!("answered {}, then {}; the run is {}", first.said(), second.said(), end.run_seen());
    let same = first.status == second.status && first.run_status() == second.run_status();
    Ok(Outcome::judge(first.ok() && same && unchanged && end.run_status() == "SUCCEEDED", observed))
}

/// A completion with another outcome than the one before.
pub(super) async fn another_outcome(context: &Context) -> Result<Outcome> {
    let held = held(context).await?;
    let first = context.send(&context.client.complete(&held, &json!({ "by": "A" }))).await?;
    let second = context.send(&context.client.fail(&held)).await?;
    let end = context.send(&context.client.get(&held.run_id)).await?;
    let observed = format!(
        "SUCCEEDED was answered {}, then FAILED {}; the run is {}",
        first.said(),
        second.said(),
        end.run_seen()
    );
    Ok(Outcome::judge(first.ok() && !second.ok() && end.run_status() == "SUCCEEDED", observed))
}

/// The same create twice, at once.
pub(super) async fn create(context: &Context) -> Result<Outcome> {
    let queue = queue("repeat-create");
    let create = context.client.create(&queue, Some(&key()), None);
    let (first, second) = (context.created(&create).await?, context.created(&create).await?);
    let claimable = context.claimable(&queue, 3).await?;
    let same = if first == second { "the same run" } else { "another run" };
    let observed = format!("the second create was answered with {same}; {claimable} could be claimed");
    Ok(Outcome::judge(first == second && claimable == 1, observed))
}

/// The same create again, after its run has ended.
pub(super) async fn create_after_the_end(context: &Context) -> Result<Outcome> {
    let queue = queue("repeat-create-later");
    let create = context.client.create(&queue, Some(&key()), None);
    let first = context.created(&create).await?;
    let held = context.claim_waiting(&worker("A"), &queue).await?;
    context.send(&context.client.complete(&held, &json!({ "by": "A" }))).await?;
    let second = context.created(&create).await?;
    let claimable = context.claimable(&queue, 2).await?;
    let same = if first == second { "the same run" } else { "another run" };
    let observed = format!("the second create was answered with {same}; {claimable} could be claimed");
    Ok(Outcome::judge(first == second && claimable == 0, observed))
}

fn key() -> String {
    Uuid::new_v4().to_string()
}

/// A run that a worker holds.
pub(super) async fn held(context: &Context) -> Result<Claimed> {
    let queue = queue("held");
    context.create(&queue).await?;
    context.claim_waiting(&worker("A"), &queue).await
}
