//! A run that is cancelled while a worker is at it.

use anyhow::Result;
use serde_json::json;

use super::finding::Outcome;
use super::repeat;
use super::system::Context;

/// The worker is told with its next heartbeat, and cannot complete any more.
pub(super) async fn run(context: &Context) -> Result<Outcome> {
    let held = repeat::held(context).await?;
    let client = &context.client;
    let cancelled = context.send(&client.cancel(&held.run_id)).await?;
    let beat = context.send(&client.heartbeat(&held)).await?;
    let end = context.send(&client.complete(&held, &json!({ "by": "A" }))).await?;
    let seen = context.send(&client.get(&held.run_id)).await?;
    let observed = format!(
        "cancel was answered {}, the next heartbeat {}, complete {}; the run is {}",
        cancelled.said(),
        beat.said(),
        end.said(),
        seen.run_seen()
    );
    let holds = cancelled.ok() && !beat.ok() && !end.ok() && seen.run_status() == "CANCELLED";
    Ok(Outcome::judge(holds, observed))
}
