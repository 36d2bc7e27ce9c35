//! Connections: what the steps of a tenant's pipelines may reach.

mod check;
mod config;
mod create;
mod delete;
mod get;
mod list;
pub(in crate::catalog) mod urls;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::dag::ConnectionKind;

pub(crate) use check::HOW_IT_IS_SENT;
pub(in crate::catalog) use check::secret_ref as check_secret_ref;
pub use config::{
    ConnectionConfig, HttpAuth, HttpAuthType, HttpConfig, LambdaConfig, SqlConfig, SqlTls, SqsConfig,
};
pub use create::{CreateConnectionError, CreateConnectionRequest, create_connection};
pub use delete::delete_connection;
pub use get::{ConnectionError, connection_of_run, get_connection};
pub use list::{ConnectionFilter, list_connections};

/// A connection. Never a secret: `secret_ref` is the name of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Connection {
    /// UUIDv7.
    pub id: Uuid,
    /// Whose it is.
    pub tenant_id: Uuid,
    /// What steps call it by. No other connection of the tenant has it.
    pub name: String,
    /// Which steps may use it.
    pub kind: ConnectionKind,
    /// Where it leads, as its kind has it.
    #[schema(value_type = ConnectionConfig)]
    pub config: Value,
    /// The name of its secret.
    pub secret_ref: Option<String>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

super::page::listed!(Connection);
