//! Create a connection.

use serde::Deserialize;
use serde_json::{Map, Value};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Connection, ConnectionConfig, check};
use crate::dag::ConnectionKind;
use crate::problem::{FieldError, Problem};
use crate::runs::Faults;
use crate::strict;

/// What a client sends to create a connection. There is no way to send a secret.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct CreateConnectionRequest {
    /// Whose it becomes. A caller of a tenant may leave it out: it is that tenant then. A caller across tenants has to say.
    #[schema(required = false)]
    pub tenant_id: Uuid,
    /// 1 to 100 characters that no other connection of the tenant is called by.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Which steps may use it.
    #[serde(deserialize_with = "strict::word")]
    pub kind: ConnectionKind,
    /// Where it leads, as its kind has it.
    #[schema(value_type = ConnectionConfig)]
    pub config: Map<String, Value>,
    /// The name of a secret among those of the tenant, 1 to 256 letters, digits and `/_+=.@-`. Never the secret.
    #[schema(min_length = 1, max_length = 256, pattern = "^[A-Za-z0-9/_+=.@-]+$")]
    pub secret_ref: Option<String>,
}

impl CreateConnectionRequest {
    /// Checks every bound and returns the config as it is stored.
    ///
    /// # Errors
    /// `invalid_field` with every field that is out of bounds.
    pub fn check(&self) -> Result<ConnectionConfig, Problem> {
        let mut faults = Faults::default();
        faults.text("/name", &self.name, 100);
        if let Some(secret_ref) = &self.secret_ref {
            check::secret_ref(secret_ref, &mut faults);
        }
        let config = check::check(self.kind, &self.config, self.secret_ref.is_some(), &mut faults);
        faults.finish()?;
        // Without a config there was a fault.
        config.ok_or_else(|| Problem::invalid(vec![FieldError::new("/config", "is invalid")]))
    }
}

/// Why a connection was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateConnectionError {
    /// No such tenant.
    #[error("tenant not found")]
    TenantNotFound,
    /// Another connection of the tenant has this name.
    #[error("the tenant has a connection of this name")]
    NameTaken,
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// Inserts the connection with the config that [`CreateConnectionRequest::check`] has returned.
///
/// # Errors
/// [`CreateConnectionError`]; nothing was inserted.
pub async fn create_connection(
    conn: &mut PgConnection,
    request: &CreateConnectionRequest,
    config: &ConnectionConfig,
) -> Result<Connection, CreateConnectionError> {
    let row = sqlx::query_file_as!(
        Connection,
        "sql/create_connection.sql",
        Uuid::now_v7(),
        request.tenant_id,
        request.name,
        request.kind.as_str(),
        Json(config) as _,
        request.secret_ref,
    )
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(connection) = row {
        return Ok(connection);
    }
    let tenant = sqlx::query_scalar!("select t.id from tenants t where t.id = $1", request.tenant_id);
    Err(match tenant.fetch_optional(conn).await? {
        None => CreateConnectionError::TenantNotFound,
        Some(_) => CreateConnectionError::NameTaken,
    })
}
