//! Two tenants: what one holds is not the other's, whatever the other knows.

use std::time::Instant;

use anyhow::Result;
use serde_json::json;
use uuid::Uuid;

use super::finding::Outcome;
use super::system::{Context, queue, worker};

/// The other tenant has run id and lease token, and can do nothing with them.
pub(super) async fn run(context: &Context) -> Result<Outcome> {
    let Some(other) = &context.other else {
        return Ok(Outcome::NotOffered("no caller of another tenant was given".to_owned()));
    };
    let queue = queue("tenants");
    context.create(&queue).await?;
    let b = worker("B");
    let claim_id = Uuid::new_v4().to_string();
    let claim = other.claim(&b, &queue, context.system.lease_seconds, &claim_id);
    let stolen = other.send(&claim).await?.claimed(&b, Instant::now());
    let held = context.claim_waiting(&worker("A"), &queue).await;
    let Ok(held) = held else {
        return Ok(Outcome::judge(false, format!("the other tenant's claim brought {stolen:?}")));
    };
    let mut answers = Vec::new();
    for (what, call) in [
        ("get", other.get(&held.run_id)),
        ("heartbeat", other.heartbeat(&held)),
        ("cancel", other.cancel(&held.run_id)),
        ("complete", other.complete(&held, &json!({ "by": "B" }))),
    ] {
        answers.push((what, other.send(&call).await?));
    }
    let own = context.send(&context.client.complete(&held, &json!({ "by": "A" }))).await?;
    let told: Vec<String> =
        answers.iter().map(|(what, answer)| format!("{what} {}", answer.said())).collect();
    let observed =
        format!("the other tenant's {}; the worker's own complete {}", told.join(", "), own.said());
    let refused = answers.iter().all(|(_, answer)| (400..500).contains(&answer.status));
    Ok(Outcome::judge(stolen.is_none() && refused && own.ok(), observed))
}
