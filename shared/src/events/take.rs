//! Take deliveries that are due.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::Event;

/// A delivery that was taken to be sent. Unless it is settled within two minutes, it is due again.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Of one run, a later event has a greater one.
    pub id: i64,
    /// Who is told.
    pub listener_id: Uuid,
    /// Whose run it is.
    pub tenant_id: Uuid,
    /// Which attempt this is, 1-based.
    pub attempt: i32,
    /// When it was taken.
    pub taken_at: DateTime<Utc>,
    /// What is told.
    pub event: Event,
    /// Where it goes; None: to the bus.
    pub webhook: Option<Webhook>,
}

/// Where a delivery goes that is not for the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Where to.
    pub url: String,
    /// The name of the secret that it is signed with.
    pub secret_ref: String,
    /// Whether an operator has opened private and loopback addresses to it, and http.
    pub allow_private_addresses: bool,
}

/// How many deliveries are taken at most.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Of each webhook.
    pub webhook: i64,
    /// Of the bus.
    pub bus: i64,
    /// Of all.
    pub all: i64,
}

/// Takes deliveries that are due, of all listeners but `busy`; listeners have turns, and `turn` was the last one's.
///
/// # Errors
/// [`sqlx::Error`]; nothing was taken.
pub async fn take_deliveries(
    conn: &mut PgConnection,
    busy: &[Uuid],
    turn: Option<Uuid>,
    room: Room,
) -> Result<Vec<Delivery>, sqlx::Error> {
    let rows = sqlx::query_file!("sql/take_deliveries.sql", busy, turn, room.webhook, room.bus, room.all)
        .fetch_all(conn)
        .await?;
    let taken = rows.into_iter().map(|row| Delivery {
        id: row.id,
        listener_id: row.listener_id,
        tenant_id: row.tenant_id,
        attempt: row.attempts,
        taken_at: row.taken_at,
        event: Event {
            id: row.event_id,
            r#type: row.event_type,
            timestamp: row.happened_at,
            sequence: row.id,
            data: row.data,
        },
        webhook: row.url.zip(row.secret_ref).map(|(url, secret_ref)| Webhook {
            url,
            secret_ref,
            allow_private_addresses: row.allow_private_addresses,
        }),
    });
    Ok(taken.collect())
}
