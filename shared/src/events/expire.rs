//! Give up what has waited for too long, and forget what was given up long ago.

use sqlx::postgres::PgConnection;

/// What a batch did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Deliveries that waited for three days.
    pub given_up: u64,
    /// Deliveries that were given up a month ago, or belong to no listener any more.
    pub deleted: u64,
    /// There may be more.
    pub more: bool,
}

/// Does a batch: up to `limit` deliveries of each listener.
///
/// # Errors
/// [`sqlx::Error`]; nothing was changed.
pub async fn expire_deliveries(conn: &mut PgConnection, limit: i64) -> Result<Expired, sqlx::Error> {
    let row = sqlx::query_file!("sql/expire_deliveries.sql", limit).fetch_one(conn).await?;
    Ok(Expired { given_up: row.given_up.unsigned_abs(), deleted: row.deleted.unsigned_abs(), more: row.more })
}
