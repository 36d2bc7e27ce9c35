//! Where a connection leads: one form for each kind, without anything secret.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;
use utoipa::ToSchema;

use crate::dag::ConnectionKind;
use crate::problem::FieldError;
use crate::runs::Faults;
use crate::strict;

const MAX_URL_CHARS: usize = 2048;
const MAX_HEADERS: usize = 20;
/// Headers that carry credentials, which belong into a secret, or that say how a request is sent, which is not a connection's to say.
const NOT_FOR_HEADERS: [&str; 14] = [
    "api-key",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "idempotency-key",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "upgrade",
    "x-api-key",
    "x-auth-token",
];

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
    pub headers: Option<BTreeMap<String, String>>,
    /// How the secret is sent; without it none is.
    pub auth: Option<HttpAuth>,
}

/// How the secret is sent.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct HttpAuth {
    /// The scheme.
    pub r#type: HttpAuthType,
    /// The header; for the type `header` only.
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
    pub port: Option<i32>,
    /// 1 to 63 characters.
    #[schema(min_length = 1, max_length = 63)]
    pub database: String,
    /// 1 to 63 characters.
    #[schema(min_length = 1, max_length = 63)]
    pub user: String,
    /// `require` if left out.
    pub tls: Option<SqlTls>,
    /// Whether statements may only read; false if left out.
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
    /// As AWS names it: `https://sqs.<region>.amazonaws.com/<account>/<name>`.
    #[schema(max_length = 2048)]
    pub queue_url: String,
}

/// What is wrong with a connection of this kind, with pointers into the request.
pub(super) fn check(
    kind: ConnectionKind,
    config: &Map<String, Value>,
    has_secret: bool,
    faults: &mut Faults,
) {
    // A tenant would get into networks that only its operator may open to it.
    if config.contains_key("allow_private_addresses") {
        faults
            .add("/config/allow_private_addresses", "can be set by an operator only: see docs/operations.md");
        return;
    }
    let no_secret = |faults: &mut Faults| {
        if has_secret {
            faults.add(
                "/secret_ref",
                format!("a connection of kind {} has no use for a secret", kind.as_str()),
            );
        }
    };
    match kind {
        ConnectionKind::Http => {
            read(config, faults, |config: HttpConfig, faults| http(&config, has_secret, faults))
        }
        ConnectionKind::Sql => read(config, faults, |config: SqlConfig, faults| sql(&config, faults)),
        ConnectionKind::Lambda => {
            no_secret(faults);
            read(config, faults, |config: LambdaConfig, faults| {
                if !is_function(&config.function) {
                    faults.add(
                        "/config/function",
                        "must be the name of a function or its ARN, with :<version or alias> at the end if you like",
                    );
                }
            });
        }
        ConnectionKind::Sqs => {
            no_secret(faults);
            read(config, faults, |config: SqsConfig, faults| {
                web_url("/config/queue_url", &config.queue_url, faults)
            });
        }
    }
}

fn read<T: DeserializeOwned>(
    config: &Map<String, Value>,
    faults: &mut Faults,
    then: impl FnOnce(T, &mut Faults),
) {
    match strict::read::<T, _>(&Value::Object(config.clone())) {
        Ok(config) => then(config, faults),
        Err(found) => {
            for FieldError { pointer, detail } in found {
                let detail = if detail == "is not a field of this request" {
                    "is not a field of a connection of this kind".to_owned()
                } else {
                    detail
                };
                faults.add(format!("/config{pointer}"), detail);
            }
        }
    }
}

fn http(config: &HttpConfig, has_secret: bool, faults: &mut Faults) {
    web_url("/config/base_url", &config.base_url, faults);
    let headers = config.headers.iter().flatten();
    if headers.clone().count() > MAX_HEADERS {
        faults.add("/config/headers", format!("must be at most {MAX_HEADERS} headers"));
    }
    for (name, value) in headers {
        let pointer = format!("/config/headers/{}", strict::escape(name));
        header_name(&pointer, name, faults);
        if NOT_FOR_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            faults.add(
                &pointer,
                "cannot be set here: credentials are named by secret_ref and sent as `auth` says",
            );
        }
        if value.len() > 1024 || HeaderValue::from_str(value).is_err() {
            faults.add(&pointer, "must have at most 1024 visible ASCII characters");
        }
    }
    match (&config.auth, has_secret) {
        (Some(_), false) => faults.add("/secret_ref", "is required: `auth` says how it is sent"),
        (None, true) => faults.add("/config/auth", "is required: it says how the secret is sent"),
        (Some(_), true) | (None, false) => {}
    }
    if let Some(auth) = &config.auth {
        match (auth.r#type, &auth.name) {
            (HttpAuthType::Header, Some(name)) => header_name("/config/auth/name", name, faults),
            (HttpAuthType::Header, None) => {
                faults.add("/config/auth/name", "is required: the header that carries the secret")
            }
            (HttpAuthType::Bearer | HttpAuthType::Basic, Some(_)) => {
                faults.add("/config/auth/name", "goes with the type header only")
            }
            (HttpAuthType::Bearer | HttpAuthType::Basic, None) => {}
        }
    }
}

fn sql(config: &SqlConfig, faults: &mut Faults) {
    faults.text("/config/host", &config.host, 255);
    let odd =
        |char: char| char.is_whitespace() || char.is_control() || ['/', '@', '?', '#', ','].contains(&char);
    if config.host.contains(odd) {
        faults.add("/config/host", "must be a name or an address, without port and path");
    }
    faults.range("/config/port", config.port.unwrap_or(5432), 1, 65535);
    faults.text("/config/database", &config.database, 63);
    faults.text("/config/user", &config.user, 63);
}

fn header_name(pointer: &str, name: &str, faults: &mut Faults) {
    if name.len() > 100 || HeaderName::from_bytes(name.as_bytes()).is_err() {
        faults.add(pointer, "must be the name of an HTTP header of at most 100 characters");
    }
}

/// An absolute URL that says where, and nothing else.
fn web_url(pointer: &str, text: &str, faults: &mut Faults) {
    faults.text(pointer, text, MAX_URL_CHARS);
    let odd = |char: char| char.is_whitespace() || char.is_control();
    let Some(url) = Url::parse(text).ok().filter(|url| url.has_host() && !text.contains(odd)) else {
        faults.add(pointer, "must be a URL with a host, as in https://example.com/v1");
        return;
    };
    if !["http", "https"].contains(&url.scheme()) {
        faults.add(pointer, "must begin with http:// or https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        faults.add(pointer, "must not contain credentials: they are named by secret_ref");
    }
    if url.query().is_some() || url.fragment().is_some() {
        faults.add(pointer, "must not have a query or a fragment");
    }
}

/// `[arn:<partition>:lambda:<region>:<account>:function:]<name>[:<version or alias>]`.
fn is_function(text: &str) -> bool {
    let is_word = |text: &str, max: usize| {
        (1..=max).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let parts: Vec<_> = text.split(':').collect();
    let name = match parts.as_slice() {
        ["arn", partition, "lambda", region, account, "function", name @ ..] => {
            let account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
            if !(partition.starts_with("aws") && is_word(partition, 20) && is_word(region, 30) && account) {
                return false;
            }
            name
        }
        name => name,
    };
    match name {
        [name] => is_word(name, 64),
        [name, qualifier] => is_word(name, 64) && (*qualifier == "$LATEST" || is_word(qualifier, 128)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pointers(kind: ConnectionKind, config: Value, has_secret: bool) -> Vec<String> {
        let mut faults = Faults::default();
        check(kind, config.as_object().unwrap(), has_secret, &mut faults);
        let problem = faults.finish().err();
        problem.into_iter().flat_map(|problem| problem.errors).map(|fault| fault.pointer).collect()
    }

    #[test]
    fn each_kind_has_its_form() {
        use ConnectionKind::{Http, Lambda, Sql, Sqs};
        let good = [
            (Http, json!({"base_url": "https://example.com"}), false),
            (Http, json!({"base_url": "http://10.0.0.1:8080/v1/", "headers": {"Accept": "text/csv"}}), false),
            (Http, json!({"base_url": "https://example.com", "auth": {"type": "bearer"}}), true),
            (
                Http,
                json!({"base_url": "https://example.com", "auth": {"type": "header", "name": "X-Key"}}),
                true,
            ),
            (Sql, json!({"host": "db", "database": "d", "user": "u"}), false),
            (
                Sql,
                json!({"host": "::1", "port": 1, "database": "d", "user": "u", "tls": "verify_full", "read_only": true}),
                true,
            ),
            (Lambda, json!({"function": "resize"}), false),
            (Lambda, json!({"function": "resize:live"}), false),
            (
                Lambda,
                json!({"function": "arn:aws:lambda:eu-central-1:123456789012:function:resize:$LATEST"}),
                false,
            ),
            (Sqs, json!({"queue_url": "https://sqs.eu-central-1.amazonaws.com/123456789012/q.fifo"}), false),
        ];
        for (kind, config, has_secret) in good {
            assert_eq!(pointers(kind, config.clone(), has_secret), [""; 0], "{kind:?} {config}");
        }
    }

    #[test]
    fn what_a_kind_does_not_know_is_refused_where_it_stands() {
        use ConnectionKind::{Http, Lambda, Sql, Sqs};
        let url = "https://example.com";
        let bad = [
            (Http, json!({}), false, vec!["/config/base_url"]),
            (Http, json!({"base_url": url, "a": 1, "b/c": 1}), false, vec!["/config/a", "/config/b~1c"]),
            (Http, json!({"base_url": "ftp://example.com"}), false, vec!["/config/base_url"]),
            (Http, json!({"base_url": "https://u:p@example.com"}), false, vec!["/config/base_url"]),
            (Http, json!({"base_url": "https://example.com?key=1"}), false, vec!["/config/base_url"]),
            (Http, json!({"base_url": "example.com"}), false, vec!["/config/base_url"]),
            (Http, json!({"base_url": "https://exa\nmple.com"}), false, vec!["/config/base_url"]),
            (Http, json!({"base_url": "https://a\0b"}), false, vec!["/config/base_url", "/config/base_url"]),
            (
                Http,
                json!({"base_url": url, "headers": {"Authorization": "x"}}),
                false,
                vec!["/config/headers/Authorization"],
            ),
            (Http, json!({"base_url": url, "headers": {"a b": "x"}}), false, vec!["/config/headers/a b"]),
            (Http, json!({"base_url": url, "headers": {"a": "x\r\ny"}}), false, vec!["/config/headers/a"]),
            (Http, json!({"base_url": url, "auth": {"type": "bearer"}}), false, vec!["/secret_ref"]),
            (Http, json!({"base_url": url}), true, vec!["/config/auth"]),
            (Http, json!({"base_url": url, "auth": {"type": "header"}}), true, vec!["/config/auth/name"]),
            (
                Http,
                json!({"base_url": url, "auth": {"type": "basic", "name": "x"}}),
                true,
                vec!["/config/auth/name"],
            ),
            (Http, json!({"base_url": url, "auth": {"type": "digest"}}), true, vec!["/config/auth/type"]),
            (
                Http,
                json!({"base_url": url, "allow_private_addresses": true}),
                false,
                vec!["/config/allow_private_addresses"],
            ),
            (
                Sql,
                json!({"host": "", "port": 0, "database": "", "user": ""}),
                true,
                vec!["/config/host", "/config/port", "/config/database", "/config/user"],
            ),
            (Sql, json!({"host": "u@db", "database": "d", "user": "u"}), true, vec!["/config/host"]),
            (
                Sql,
                json!({"host": "db", "database": "d", "user": "u", "password": "p"}),
                true,
                vec!["/config/password"],
            ),
            (
                Sql,
                json!({"host": "db", "database": "d", "user": "u", "tls": "prefer"}),
                true,
                vec!["/config/tls"],
            ),
            (Lambda, json!({"function": "a b"}), false, vec!["/config/function"]),
            (Lambda, json!({"function": "arn:aws:s3:::bucket"}), false, vec!["/config/function"]),
            (Lambda, json!({"function": "f"}), true, vec!["/secret_ref"]),
            (Sqs, json!({"queue_url": "q"}), false, vec!["/config/queue_url"]),
        ];
        for (kind, config, has_secret, expected) in bad {
            assert_eq!(pointers(kind, config.clone(), has_secret), expected, "{kind:?} {config}");
        }
    }
}
