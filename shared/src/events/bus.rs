//! The listener that stands for the event bus.

use sqlx::postgres::PgConnection;
use uuid::Uuid;

/// Its id.
pub const BUS: Uuid = Uuid::nil();

/// Has events noted for the bus from now on, or none any more. Whether there is one is a setting of whoever delivers, which brings its row in step.
///
/// # Errors
/// [`sqlx::Error`]; it is as it was.
pub async fn keep_bus(conn: &mut PgConnection, there_is_one: bool) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/keep_bus.sql", there_is_one).execute(conn).await?;
    Ok(())
}
