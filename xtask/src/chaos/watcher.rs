//! How many runs have not ended yet: what creators wait for, and what the end waits for.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use tokio::sync::watch;

/// The pause between two looks.
const EVERY: Duration = Duration::from_millis(300);
/// How long one look may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Looks until nobody listens any more. While Postgres is away nothing is known, and the last look stands.
pub async fn watch(database_url: String, open: watch::Sender<i64>) {
    let mut connection = None;
    while !open.is_closed() {
        let looked = tokio::time::timeout(LIMIT, look(&database_url, connection.take())).await;
        if let Ok(Ok((count, used))) = looked {
            connection = Some(used);
            open.send_replace(count);
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn look(database_url: &str, connection: Option<PgConnection>) -> sqlx::Result<(i64, PgConnection)> {
    let mut connection = match connection {
        Some(connection) => connection,
        None => PgConnection::connect(database_url).await?,
    };
    // Each has an index of its own, of what has not ended.
    let count = "select (select count(*) from pipeline_runs where status = 'QUEUED')
                      + (select count(*) from pipeline_runs where status = 'RUNNING')";
    let count = sqlx::query_scalar(count).fetch_one(&mut connection).await?;
    Ok((count, connection))
}
