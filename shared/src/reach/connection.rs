//! A connection as it is used.

use secrecy::SecretString;
use serde_json::Value;
use uuid::Uuid;

use super::ReachFailure;
use crate::catalog::{Connection, HttpConfig, LambdaConfig, SqlConfig, SqsConfig};
use crate::dag::ConnectionKind;

/// Where a connection leads, with what it takes to get there.
#[derive(Clone, Debug)]
pub enum Destination {
    /// Of kind `http`.
    Http(HttpDestination),
    /// Of kind `sql`.
    Sql(SqlDestination),
    /// Of kind `lambda`.
    Lambda(LambdaDestination),
    /// Of kind `sqs`.
    Sqs(SqsDestination),
}

/// An HTTP service.
#[derive(Clone, Debug)]
pub struct HttpDestination {
    /// Where, and how the secret is sent.
    pub config: HttpConfig,
    /// Whether an operator has opened private and loopback addresses to it.
    pub allow_private_addresses: bool,
    /// What `config.auth` sends; there is one if and only if it says how.
    pub secret: Option<SecretString>,
}

/// A Postgres database.
#[derive(Clone, Debug)]
pub struct SqlDestination {
    /// The connection's own id: lines to the database are kept apart by it.
    pub id: Uuid,
    /// Where.
    pub config: SqlConfig,
    /// Whether an operator has opened private and loopback addresses to it.
    pub allow_private_addresses: bool,
    /// The password.
    pub secret: Option<SecretString>,
}

/// A Lambda function.
#[derive(Clone, Debug)]
pub struct LambdaDestination {
    /// Which.
    pub config: LambdaConfig,
}

/// An SQS queue.
#[derive(Clone, Debug)]
pub struct SqsDestination {
    /// Which.
    pub config: SqsConfig,
}

impl Destination {
    /// Reads what is stored of a connection. `secret` is what its `secret_ref` names.
    ///
    /// # Errors
    /// `invalid_connection`: it was written past the API, and is none.
    pub fn read(connection: &Connection, secret: Option<SecretString>) -> Result<Self, ReachFailure> {
        let mut config = connection.config.clone();
        // An operator's, who sets it in SQL: no kind's config has a field for it.
        let allowed = config.as_object_mut().and_then(|fields| fields.remove("allow_private_addresses"));
        let allow_private_addresses = allowed == Some(Value::Bool(true));
        Ok(match connection.kind {
            ConnectionKind::Http => Self::Http(HttpDestination {
                config: typed(connection, config)?,
                allow_private_addresses,
                secret,
            }),
            ConnectionKind::Sql => Self::Sql(SqlDestination {
                id: connection.id,
                config: typed(connection, config)?,
                allow_private_addresses,
                secret,
            }),
            ConnectionKind::Lambda => Self::Lambda(LambdaDestination { config: typed(connection, config)? }),
            ConnectionKind::Sqs => Self::Sqs(SqsDestination { config: typed(connection, config)? }),
        })
    }
}

fn typed<T: serde::de::DeserializeOwned>(connection: &Connection, config: Value) -> Result<T, ReachFailure> {
    serde_json::from_value(config).map_err(|error| {
        let message = format!("the config of the connection {:?} cannot be used: {error}", connection.name);
        ReachFailure::new("invalid_connection", message)
    })
}
