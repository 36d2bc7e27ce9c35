//! What a connection must look like, by its kind.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use http::{HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::config::{ConnectionConfig, HttpAuthType, HttpConfig, LambdaConfig, SqlConfig, SqsConfig};
use super::urls;
use crate::dag::ConnectionKind;
use crate::problem::FieldError;
use crate::runs::Faults;
use crate::strict;

/// A page of a hundred connections stays below 4 MB.
const MAX_CONFIG_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 20;
/// Postgres cuts longer names.
const MAX_NAME_BYTES: usize = 63;
/// Headers that say how a request is sent, which is not a connection's to say.
pub(crate) const HOW_IT_IS_SENT: [&str; 8] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "idempotency-key",
    "te",
    "transfer-encoding",
    "upgrade",
];
/// Parts of the names of headers that carry credentials, which belong into a secret.
const CREDENTIALS: [&str; 6] = ["auth", "cookie", "credential", "password", "secret", "token"];

/// What is wrong with a connection of this kind, with pointers into the request; and its config, typed, if it can be read.
pub(super) fn check(
    kind: ConnectionKind,
    config: &Map<String, Value>,
    has_secret: bool,
    faults: &mut Faults,
) -> Option<ConnectionConfig> {
    // A tenant would get into networks that only its operator may open to it.
    if config.contains_key("allow_private_addresses") {
        faults
            .add("/config/allow_private_addresses", "can be set by an operator only: see docs/operations.md");
        return None;
    }
    if has_secret && matches!(kind, ConnectionKind::Lambda | ConnectionKind::Sqs) {
        faults.add("/secret_ref", format!("a connection of kind {} has no use for a secret", kind.as_str()));
    }
    let config = match kind {
        ConnectionKind::Http => ConnectionConfig::Http(read::<HttpConfig>(config, faults)?),
        ConnectionKind::Sql => ConnectionConfig::Sql(read::<SqlConfig>(config, faults)?),
        ConnectionKind::Lambda => ConnectionConfig::Lambda(read::<LambdaConfig>(config, faults)?),
        ConnectionKind::Sqs => ConnectionConfig::Sqs(read::<SqsConfig>(config, faults)?),
    };
    match &config {
        ConnectionConfig::Http(config) => http(config, has_secret, faults),
        ConnectionConfig::Sql(config) => sql(config, faults),
        ConnectionConfig::Lambda(config) if is_function(&config.function) => {}
        ConnectionConfig::Lambda(_) => faults.add(
            "/config/function",
            "must be the name of a function or its ARN, with :<version or alias> at the end if you like",
        ),
        ConnectionConfig::Sqs(config) => urls::queue("/config/queue_url", &config.queue_url, faults),
    }
    Some(config)
}

/// The name of a secret, and nothing else.
pub(in crate::catalog) fn secret_ref(secret_ref: &str, faults: &mut Faults) {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte);
    if !(1..=256).contains(&secret_ref.len()) || !secret_ref.bytes().all(fits) {
        faults.add("/secret_ref", "must be the name of a secret: 1 to 256 letters, digits and /_+=.@-");
    }
}

fn read<T: DeserializeOwned>(config: &Map<String, Value>, faults: &mut Faults) -> Option<T> {
    let config = Value::Object(config.clone());
    let bytes = config.to_string().len();
    if bytes > MAX_CONFIG_BYTES {
        faults.add("/config", format!("must be at most {MAX_CONFIG_BYTES} bytes of JSON, is {bytes}"));
        return None;
    }
    // A derived struct would also take its fields from an array, in order.
    if config["auth"].is_array() {
        faults.add("/config/auth", "must be an object");
        return None;
    }
    match strict::read::<T, _>(&config) {
        Ok(config) => Some(config),
        Err(found) => {
            for FieldError { pointer, detail } in found {
                let detail = if detail == "is not a field of this request" {
                    "is not a field of a connection of this kind".to_owned()
                } else {
                    detail
                };
                faults.add(format!("/config{pointer}"), detail);
            }
            None
        }
    }
}

fn http(config: &HttpConfig, has_secret: bool, faults: &mut Faults) {
    urls::web("/config/base_url", &config.base_url, faults);
    let headers = config.headers.iter().flatten();
    if headers.clone().count() > MAX_HEADERS {
        faults.add("/config/headers", format!("must be at most {MAX_HEADERS} headers"));
    }
    let mut names = BTreeSet::new();
    for (name, value) in headers {
        let pointer = format!("/config/headers/{}", strict::escape(name));
        header_name(&pointer, name, faults);
        let lower = name.to_ascii_lowercase();
        if CREDENTIALS.iter().any(|part| lower.contains(part)) || is_key(&lower) {
            faults.add(
                &pointer,
                "cannot be set here: credentials are named by secret_ref and sent as `auth` says",
            );
        }
        if value.len() > 1024 || !value.is_ascii() || HeaderValue::from_str(value).is_err() {
            faults.add(&pointer, "must have at most 1024 visible ASCII characters");
        }
        if !names.insert(lower) {
            faults.add(&pointer, "is there twice: the names of headers do not differ by case");
        }
    }
    match (&config.auth, has_secret) {
        (Some(_), false) => faults.add("/secret_ref", "is required: `auth` says how it is sent"),
        (None, true) => faults.add("/config/auth", "is required: it says how the secret is sent"),
        (Some(_), true) | (None, false) => {}
    }
    if let Some(auth) = &config.auth {
        let pointer = "/config/auth/name";
        match (auth.r#type, &auth.name) {
            (HttpAuthType::Header, Some(name)) => {
                header_name(pointer, name, faults);
                if names.contains(&name.to_ascii_lowercase()) {
                    faults.add(pointer, "is among `headers` too: it carries the secret and nothing else");
                }
            }
            (HttpAuthType::Header, None) => {
                faults.add(pointer, "is required: the header that carries the secret");
            }
            (HttpAuthType::Bearer | HttpAuthType::Basic, Some(_)) => {
                faults.add(pointer, "goes with the type header only");
            }
            (HttpAuthType::Bearer | HttpAuthType::Basic, None) => {}
        }
    }
}

/// Whether a header of this name is likely to carry a key. An idempotency key is none of these, and refused for another reason.
fn is_key(lower: &str) -> bool {
    lower != "idempotency-key" && (lower.ends_with("-key") || lower.ends_with("apikey"))
}

fn sql(config: &SqlConfig, faults: &mut Faults) {
    faults.text("/config/host", &config.host, 255);
    let odd = |char: char| char.is_whitespace() || char.is_control() || "/\\@?#,[]".contains(char);
    let is_address = || config.host.parse::<Ipv6Addr>().is_ok();
    if config.host.contains(odd) || (config.host.contains(':') && !is_address()) {
        faults.add("/config/host", "must be a name or an address, without port and path");
    }
    faults.range("/config/port", config.port.unwrap_or(5432), 1, 65535);
    for (pointer, name) in [("/config/database", &config.database), ("/config/user", &config.user)] {
        if !(1..=MAX_NAME_BYTES).contains(&name.len()) {
            faults.add(pointer, format!("must have 1 to {MAX_NAME_BYTES} bytes, has {}", name.len()));
        }
        faults.nul(pointer, name);
    }
}

fn header_name(pointer: &str, name: &str, faults: &mut Faults) {
    if name.len() > 100 || HeaderName::from_bytes(name.as_bytes()).is_err() {
        faults.add(pointer, "must be the name of an HTTP header of at most 100 characters");
    }
    if HOW_IT_IS_SENT.contains(&name.to_ascii_lowercase().as_str()) {
        faults.add(pointer, "cannot be set: whoever sends a request says how it is sent");
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
mod tests;
