//! A webhook, and what there is for it.

use runplane::catalog::{self, CreateWebhookRequest, Webhook};
use runplane::events::{self, Delivery, Outcome, Room, Settled};
use runplane::reach::ReachFailure;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::support::World;

pub type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

pub const ROOM: Room = Room { webhook: 16, bus: 100, all: 256 };

/// A webhook of the tenant, with these fields besides.
pub async fn webhook(conn: &mut PgConnection, world: World, more: Value) -> Webhook {
    let mut body = json!({
        "tenant_id": world.tenant, "name": Uuid::now_v7(), "url": "https://hooks.example.com/", "secret_ref": "hooks",
    });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let request: CreateWebhookRequest = serde_json::from_value(body).unwrap();
    request.check().unwrap();
    catalog::create_webhook(conn, &request).await.unwrap()
}

/// What a listener has still to be told, in order: type and reason.
pub async fn pending(conn: &mut PgConnection, listener: Uuid) -> Vec<String> {
    sqlx::query_scalar(
        "select event_type || coalesce(' ' || (data ->> 'reason'), '') from deliveries
         where listener_id = $1 and not given_up order by id",
    )
    .bind(listener)
    .fetch_all(conn)
    .await
    .unwrap()
}

/// The data of the last event that was noted.
pub async fn last(conn: &mut PgConnection) -> Value {
    sqlx::query_scalar("select data from deliveries order by id desc limit 1").fetch_one(conn).await.unwrap()
}

/// Takes what is due, of everybody.
pub async fn take(conn: &mut PgConnection) -> Vec<Delivery> {
    let mut taken = events::take_deliveries(conn, &[], None, ROOM).await.unwrap();
    taken.sort_by_key(|delivery| delivery.id);
    taken
}

/// Types of what was taken.
pub fn types(taken: &[Delivery]) -> Vec<&str> {
    taken.iter().map(|delivery| delivery.event.r#type.as_str()).collect()
}

/// Each of them was acknowledged.
pub async fn acknowledge(conn: &mut PgConnection, taken: &[Delivery]) -> Settled {
    let outcomes: Vec<_> = taken.iter().map(|delivery| Outcome::new(delivery, Ok(()))).collect();
    events::settle_deliveries(conn, &outcomes).await.unwrap()
}

/// Each of them failed so.
pub async fn fail(conn: &mut PgConnection, taken: &[Delivery], failure: ReachFailure) -> Settled {
    let outcomes: Vec<_> =
        taken.iter().map(|delivery| Outcome::new(delivery, Err(failure.clone()))).collect();
    events::settle_deliveries(conn, &outcomes).await.unwrap()
}

pub fn refused() -> ReachFailure {
    ReachFailure::passing("connect", "hooks.example.com could not be reached")
}

/// So much time passes: everything that is kept of events lies so much further back.
pub async fn pass(conn: &mut PgConnection, interval: &str) {
    let sql = format!(
        "update deliveries set due_at = due_at - interval '{interval}', until = until - interval '{interval}';
         update listener_health set failing_since = failing_since - interval '{interval}',
           rests_until = rests_until - interval '{interval}', last_failed_at = last_failed_at - interval '{interval}',
           last_delivered_at = last_delivered_at - interval '{interval}'"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.unwrap();
}

/// What is known of a webhook.
pub async fn details(conn: &mut PgConnection, id: Uuid) -> runplane::catalog::WebhookDetails {
    catalog::get_webhook(conn, runplane::scope::Scope::All, id).await.unwrap()
}
