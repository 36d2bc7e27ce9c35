//! A deliverer, webhooks and runs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use runplane::app::App;
use runplane::events::{self, Delivery};
use runplane::reach::http::Http;
use runplane::reach::secrets::{Secrets, variable};
use runplane::testing::{app, execute};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnectOptions;
use uuid::{Uuid, uuid};

use crate::deliver::{Delivered, deliver};
use crate::{Deliverer, FUNCTION};

pub const TENANT: Uuid = uuid!("580115b4-a291-4917-8dbd-247cfa13e2d6");
const VERSION: Uuid = uuid!("b31dbeba-3a2e-4fa9-a084-72c75f9f18a3");
pub const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub const OTHER: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Secrets of the demo tenant, that a test changes.
#[derive(Clone, Debug, Default)]
pub struct Vault(Arc<Mutex<HashMap<String, String>>>);

impl Vault {
    pub fn put(&self, name: &str, secret: &str) {
        self.0.lock().unwrap().insert(variable(TENANT, name), secret.to_owned());
    }
}

/// A deliverer without a bus; the demo tenant's secret `hooks` is [`KEY`].
pub async fn deliverer(options: PgConnectOptions) -> (Deliverer, Vault) {
    let app = Arc::into_inner(app(options, FUNCTION).await).unwrap();
    let vault = Vault::default();
    vault.put("hooks", KEY);
    let kept = vault.clone();
    let secrets = Secrets::of_variables(move |name| kept.0.lock().unwrap().get(name).cloned());
    (Deliverer { app, http: Http::new(), secrets, bus: None }, vault)
}

/// A webhook of the demo tenant that an operator has opened private addresses to.
pub async fn webhook(app: &App, url: &str) -> Uuid {
    webhook_with(app, url, true).await
}

pub async fn webhook_with(app: &App, url: &str, allow_private_addresses: bool) -> Uuid {
    let id = Uuid::now_v7();
    let insert = sqlx::query(
        "insert into listeners (id, tenant_id, name, url, secret_ref, allow_private_addresses) values ($1, $2, $1::text, $3, 'hooks', $4)",
    );
    execute(app, insert.bind(id).bind(TENANT).bind(url).bind(allow_private_addresses)).await;
    id
}

/// A run of the demo tenant.
pub async fn queued(app: &App) -> Uuid {
    let id = Uuid::now_v7();
    let insert = sqlx::query(
        "insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch)
         select $1, $1, v.tenant_id, v.pipeline_id, v.id, 'pull' from pipeline_versions v where v.id = $2",
    );
    execute(app, insert.bind(id).bind(VERSION)).await;
    id
}

/// A run that was created and cancelled: two events.
pub async fn lived(app: &App) -> Uuid {
    let id = queued(app).await;
    cancel(app, id).await;
    id
}

pub async fn cancel(app: &App, id: Uuid) {
    let cancel =
        sqlx::query("update pipeline_runs set status = 'CANCELLED', finished_at = now() where id = $1");
    execute(app, cancel.bind(id)).await;
}

/// So much time passes.
pub async fn pass(app: &App, interval: &str) {
    for change in [
        "update deliveries set due_at = due_at - interval 'I', until = until - interval 'I'",
        "update listener_health set failing_since = failing_since - interval 'I', rests_until = rests_until - interval 'I'",
    ] {
        execute(app, sqlx::query(AssertSqlSafe(change.replace('I', interval)))).await;
    }
}

/// One invocation.
pub async fn invoke(deliverer: &Deliverer) -> Delivered {
    let (delivered, result) = deliver(deliverer, Instant::now() + Duration::from_secs(60)).await;
    result.unwrap();
    assert!(!delivered.unfinished);
    delivered
}

/// What was delivered, and what failed.
pub fn counts(delivered: u64, failed: u64) -> Delivered {
    Delivered { delivered, failed, ..Delivered::default() }
}

/// The last error of a webhook, and whether it is paused.
pub async fn known(app: &App, id: Uuid) -> (Option<String>, bool) {
    let shown =
        app.call(async |conn| runplane::catalog::get_webhook(conn, runplane::scope::Scope::All, id).await);
    let shown = shown.await.unwrap();
    (shown.last_error, shown.webhook.paused)
}

/// What is due, taken by a deliverer that dies with it.
pub async fn taken_by_one_that_dies(app: &App) -> Vec<Delivery> {
    let room = events::Room { webhook: 16, bus: 100, all: 256 };
    app.call(async |conn| events::take_deliveries(conn, &[], None, room).await).await.unwrap()
}

/// Type and run of an event.
pub fn told(seen: &Value) -> (Value, Value) {
    (seen["event"]["type"].clone(), seen["event"]["data"]["run_id"].clone())
}

pub fn event(kind: &str, run: Uuid) -> (Value, Value) {
    (json!(kind), json!(run))
}
