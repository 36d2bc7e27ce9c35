//! Get a connection.

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::Connection;
use crate::dag::ConnectionKind;
use crate::scope::Scope;

/// Why there is no connection to show or to delete.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// There is none in this scope.
    #[error("connection not found")]
    NotFound,
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// The connection.
///
/// # Errors
/// [`ConnectionError`].
pub async fn get_connection(
    conn: &mut PgConnection,
    scope: Scope,
    id: Uuid,
) -> Result<Connection, ConnectionError> {
    sqlx::query_as!(
        Connection,
        r#"select c.id, c.tenant_id, c.name, c.kind as "kind: ConnectionKind", c.config, c.secret_ref, c.created_at
           from connections c
           where c.id = $2 and ($1::uuid is null or c.tenant_id = $1)"#,
        scope.tenant(),
        id,
    )
    .fetch_optional(conn)
    .await?
    .ok_or(ConnectionError::NotFound)
}

/// The connection of a run's tenant that is called so; None: it has none, or there is no such run in this scope.
///
/// # Errors
/// [`sqlx::Error`].
pub async fn connection_of_run(
    conn: &mut PgConnection,
    scope: Scope,
    run_id: Uuid,
    name: &str,
) -> Result<Option<Connection>, sqlx::Error> {
    sqlx::query_as!(
        Connection,
        r#"select c.id, c.tenant_id, c.name, c.kind as "kind: ConnectionKind", c.config, c.secret_ref, c.created_at
           from pipeline_runs r
           join connections c on c.tenant_id = r.tenant_id and c.name = $3
           where r.id = $2 and ($1::uuid is null or r.tenant_id = $1)"#,
        scope.tenant(),
        run_id,
        name,
    )
    .fetch_optional(conn)
    .await
}
