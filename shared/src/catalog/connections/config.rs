//! Where a connection leads: one form for each kind, without anything secret.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::strict;

/// Where a connection leads, as its kind has it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ConnectionConfig {
    /// Of kind `http`.
    Http(HttpConfig),
    /// Of kind `sql`.
    Sql(SqlConfig),
    /// Of kind `lambda`.
    Lambda(LambdaConfig),
    /// Of kind `sqs`.
    Sqs(SqsConfig),
}

/// An HTTP service.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct HttpConfig {
    /// `http://` or `https://`, without credentials, query and fragment: what the paths of steps are appended to.
    #[schema(max_length = 2048)]
    pub base_url: String,
    /// Sent with every request; at most 20, none that carries a credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<BTreeMap<String, String>>,
    /// How the secret is sent; without it none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<HttpAuth>,
}

/// How the secret is sent.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct HttpAuth {
    /// The scheme.
    #[serde(deserialize_with = "strict::word")]
    pub r#type: HttpAuthType,
    /// The header, which is not among `headers`; for the type `header` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The scheme by which a secret is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HttpAuthType {
    /// `Authorization: Bearer <secret>`.
    Bearer,
    /// `Authorization: Basic <secret in base64>`, the secret being `user:password`.
    Basic,
    /// The secret as the value of a header.
    Header,
}

/// A Postgres database. The secret is the password.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SqlConfig {
    /// A name or an address, without port: 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    pub host: String,
    /// 1 to 65535; 5432 if left out.
    #[schema(minimum = 1, maximum = 65535)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<i32>,
    /// 1 to 63 bytes.
    #[schema(min_length = 1, max_length = 63)]
    pub database: String,
    /// 1 to 63 bytes.
    #[schema(min_length = 1, max_length = 63)]
    pub user: String,
    /// `require` if left out.
    #[serde(default, deserialize_with = "strict::optional_word", skip_serializing_if = "Option::is_none")]
    pub tls: Option<SqlTls>,
    /// Whether statements may only read; false if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
}

/// How the line to a database is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SqlTls {
    /// Not at all.
    Disable,
    /// Always, whoever answers.
    Require,
    /// Always, and the server's certificate has to be valid and its own.
    VerifyFull,
}

/// A Lambda function.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LambdaConfig {
    /// Its name or ARN, with a version or an alias if you like: `resize`, `resize:live`, `arn:aws:lambda:…:function:resize:7`.
    #[schema(min_length = 1, max_length = 256)]
    pub function: String,
}

/// An SQS queue.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SqsConfig {
    /// As SQS names it: `https://sqs.<region>.amazonaws.com/<account, 12 digits>/<name>`.
    #[schema(max_length = 2048)]
    pub queue_url: String,
}
