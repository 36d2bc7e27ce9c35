//! What a step may be connected to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a connection leads to: the type of the steps that may use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum ConnectionKind {
    /// An HTTP service.
    Http,
    /// A Postgres database.
    Sql,
    /// A Lambda function.
    Lambda,
    /// An SQS queue.
    Sqs,
}

impl ConnectionKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Http, Self::Sql, Self::Lambda, Self::Sqs];

    /// As it is stored, and as the steps' `type` says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Sql => "sql",
            Self::Lambda => "lambda",
            Self::Sqs => "sqs",
        }
    }
}

/// A tenant's connections by name.
pub type Connections = BTreeMap<String, ConnectionKind>;
