//! A worker that stalls past its lease, and then completes.

use anyhow::Result;
use serde_json::json;

use super::client::{Answer, Claimed};
use super::finding::Outcome;
use super::system::{Context, queue, worker};

/// A completes while B is at work.
pub(super) async fn while_another_works(context: &Context) -> Result<Outcome> {
    let Some((a, b)) = two_claims(context).await? else { return Ok(nobody_took_over()) };
    let client = &context.client;
    let told = context.send(&client.complete(&a, &json!({ "by": "A" }))).await?;
    let meanwhile = context.send(&client.get(&a.run_id)).await?;
    let of_b = context.send(&client.complete(&b, &json!({ "by": "B" }))).await?;
    let end = context.send(&client.get(&a.run_id)).await?;
    let observed = format!(
        "A was answered {}, the run was {} then; B was answered {}; {}",
        told.said(),
        meanwhile.run_seen(),
        of_b.said(),
        result(&end)
    );
    let holds = !told.ok() && meanwhile.run_status() == "RUNNING" && of_b.ok() && is_of_b(context, &end);
    Ok(Outcome::judge(holds, observed))
}

/// A completes after B has completed.
pub(super) async fn after_another_completed(context: &Context) -> Result<Outcome> {
    let Some((a, b)) = two_claims(context).await? else { return Ok(nobody_took_over()) };
    let client = &context.client;
    let of_b = context.send(&client.complete(&b, &json!({ "by": "B" }))).await?;
    let before = context.send(&client.get(&a.run_id)).await?;
    let told = context.send(&client.complete(&a, &json!({ "by": "A" }))).await?;
    let end = context.send(&client.get(&a.run_id)).await?;
    let observed = format!("B was answered {}, then A {}; {}", of_b.said(), told.said(), result(&end));
    let unchanged =
        ["status", "output", "finished_at"].iter().all(|field| before.run(field) == end.run(field));
    Ok(Outcome::judge(of_b.ok() && !told.ok() && unchanged && is_of_b(context, &end), observed))
}

/// The claim of a worker that stalls, and the one of its successor.
async fn two_claims(context: &Context) -> Result<Option<(Claimed, Claimed)>> {
    let queue = queue("zombie");
    context.create(&queue).await?;
    let a = context.claim_briefly(&worker("A"), &queue).await?;
    let taken_over = context.take_over(&a, &worker("B"), &queue).await?;
    Ok(taken_over.map(|taken_over| (a, taken_over.by)))
}

fn nobody_took_over() -> Outcome {
    Outcome::DoesNotHold("nobody could take the run over within a minute after the lease".to_owned())
}

fn is_of_b(context: &Context, end: &Answer) -> bool {
    let by_b = end.run("output")["by"] == "B" || !context.system.keeps_outputs;
    end.run_status() == "SUCCEEDED" && by_b
}

fn result(end: &Answer) -> String {
    match end.run("output")["by"].as_str() {
        Some(who) => format!("in the end the run is {}, with the output of {who}", end.run_seen()),
        None => format!("in the end the run is {}", end.run_seen()),
    }
}
