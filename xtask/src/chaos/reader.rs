//! A client that looks at runs while all this happens.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use super::client::Client;
use super::create::id;
use super::ledger::{Entry, Kind, Ledger};
use super::world::World;

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(40);

/// Looks at one run after the other until its client is told to stop.
pub(super) async fn read(seed: u64, client: Client, world: Arc<World>, ledger: Arc<Ledger>) {
    let mut rng = fastrand::Rng::with_seed(seed);
    loop {
        tokio::time::sleep(PAUSE).await;
        let Some((tenant, run)) = ledger.any_created(&mut rng) else { continue };
        let Some(owner) = world.tenants.iter().find(|one| one.id == tenant) else { continue };
        let client = client.with_key(&owner.key);
        let asked = client.ask(Method::GET, &format!("/api/runs/{run}"), &Value::Null, None).await;
        let Some((status, answer)) = asked else { return };
        if status != 200 {
            client.unexpected(format!("get answered {status}: {answer}"));
            continue;
        }
        let told = answer["run"]["status"].as_str().map(str::to_owned);
        let run_tenant_id = Some(id(&answer["run"], "tenant_id"));
        ledger.note(Entry { status: told, run_tenant_id, ..Entry::new(Kind::Seen, tenant, run) });
    }
}
