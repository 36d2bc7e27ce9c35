//! What a connection must look like, by its kind.

use http::{HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use url::Url;

use super::config::{HttpAuthType, HttpConfig, LambdaConfig, SqlConfig, SqsConfig};
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
mod tests;
