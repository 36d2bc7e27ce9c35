//! A worker that never speaks again.

use anyhow::Result;

use super::client::Answer;
use super::finding::Outcome;
use super::system::{Context, queue, worker};

/// What two clocks may differ by, in seconds.
const EARLY: f64 = 0.1;

/// The run can be claimed again when the lease has ended, and not before.
pub(super) async fn run(context: &Context) -> Result<Outcome> {
    let queue = queue("dead-worker");
    context.create(&queue).await?;
    let (a, b) = (worker("A"), worker("B"));
    let held = context.claim_briefly(&a, &queue).await?;
    let killed = context.kill(&a).await?;
    let meanwhile = context.send(&context.client.get(&held.run_id)).await?;
    let lease = context.system.lease_seconds;
    let by_default = &context.system.by_default;
    let Some(taken_over) = context.take_over(&held, &b, &queue).await? else {
        let observed = format!(
            "not claimed again within a minute after its lease of {lease} s; by default: {by_default}"
        );
        return Ok(Outcome::DoesNotHold(observed));
    };
    let afterwards = context.send(&context.client.get(&held.run_id)).await?;
    let observed = format!(
        "{}; claimed again after {:.1} s, with a lease of {lease} s{}; meanwhile it was {}; afterwards {}. By default: {by_default}",
        if killed { "its process was killed" } else { "it fell silent" },
        taken_over.seconds,
        if taken_over.moved { " whose time was moved in the row" } else { "" },
        seen(&meanwhile),
        seen(&afterwards)
    );
    Ok(Outcome::judge(taken_over.seconds + EARLY >= f64::from(lease), observed))
}

/// What a look at the run tells about who has it.
fn seen(answer: &Answer) -> String {
    let fields = ["claimed_by", "claimed_at", "heartbeat_at", "lease_expires_at", "attempt", "lost"];
    let shown: Vec<&str> = fields.into_iter().filter(|field| !answer.run(field).is_null()).collect();
    let attempts = answer.body["attempts"].as_array().into_iter().flatten();
    let lost = attempts.filter(|attempt| attempt["outcome"] == "LOST").count();
    let lost = if lost > 0 { format!(", and {lost} LOST attempt in its history") } else { String::new() };
    format!("{}, with {}{lost}", answer.run_status(), shown.join(", "))
}
