//! How things stand, for dashboards and alarms.

use sqlx::postgres::PgConnection;

/// How things stand.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Standing {
    /// For how many seconds nobody has told an event that should be told: a webhook's from when it was due and nobody came to the webhook, the bus's from when it
    /// happened. 0 if none waits.
    pub oldest_seconds: f64,
    /// Listeners whose last three deliveries failed.
    pub failing: i64,
}

/// Looks how things stand. Changes nothing.
///
/// # Errors
/// [`sqlx::Error`].
pub async fn standing(conn: &mut PgConnection) -> Result<Standing, sqlx::Error> {
    sqlx::query_file_as!(Standing, "sql/events_standing.sql").fetch_one(conn).await
}
