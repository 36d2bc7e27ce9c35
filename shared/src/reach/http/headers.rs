//! What is sent along with a request.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use super::{invalid, unusable};
use crate::catalog::connections::HOW_IT_IS_SENT;
use crate::catalog::{HttpAuth, HttpAuthType};
use crate::reach::{Along, HttpDestination, ReachFailure};
use crate::traces::TRACEPARENT;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const TRACE: HeaderName = HeaderName::from_static(TRACEPARENT);

/// What is sent to whomever: neither the step's, nor the connection's.
pub(super) fn of_everybody() -> HeaderMap {
    let agent = HeaderValue::from_static(concat!("runplane/", env!("CARGO_PKG_VERSION")));
    HeaderMap::from_iter([
        (USER_AGENT, agent),
        (ACCEPT, HeaderValue::from_static("*/*")),
        (ACCEPT_ENCODING, HeaderValue::from_static("gzip")),
    ])
}

/// What is sent to where the step sends its request.
pub(super) fn read(
    with: &Map<String, Value>,
    destination: Option<&HttpDestination>,
    along: Along<'_>,
) -> Result<HeaderMap, ReachFailure> {
    let mut headers = of_everybody();
    // A connection, or a step, may have one of its own.
    if let Some(value) = along.traceparent.and_then(|one| HeaderValue::from_str(&one.to_string()).ok()) {
        headers.insert(TRACE, value);
    }
    for (name, value) in
        destination.iter().flat_map(|destination| destination.config.headers.iter().flatten())
    {
        let pair = HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(value).ok());
        let (header, value) = pair
            .filter(|(header, _)| !says_how_it_is_sent(header))
            .ok_or_else(|| unusable(format!("the header {name:?} of the connection cannot be sent")))?;
        headers.insert(header, value);
    }
    let secret = destination.map(credentials).transpose()?.flatten();
    for (name, value) in of_step(with)? {
        if secret.as_ref().is_some_and(|(header, _)| *header == name) {
            return Err(invalid(format!(
                "the header {name:?} carries the connection's secret: leave it out"
            )));
        }
        headers.insert(name, value);
    }
    if let Some((name, value)) = secret {
        headers.insert(name, value);
    }
    let key = HeaderValue::from_str(along.idempotency_key);
    headers
        .insert(IDEMPOTENCY_KEY, key.map_err(|_| invalid("the idempotency key cannot be sent in a header"))?);
    Ok(headers)
}

fn of_step(with: &Map<String, Value>) -> Result<Vec<(HeaderName, HeaderValue)>, ReachFailure> {
    let fields = match with.get("headers") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(fields)) => fields,
        Some(_) => return Err(invalid("`headers` must be an object")),
    };
    let mut headers = Vec::new();
    let mut names = BTreeSet::new();
    for (name, value) in fields {
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| invalid(format!("{name:?} is not the name of a header")))?;
        if says_how_it_is_sent(&header) {
            let message =
                format!("the header {name:?} cannot be set: whoever sends a request says how it is sent");
            return Err(invalid(message));
        }
        if !names.insert(header.as_str().to_owned()) {
            let message =
                format!("the header {name:?} is there twice: names of headers do not differ by case");
            return Err(invalid(message));
        }
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            Value::Array(_) | Value::Object(_) => {
                return Err(invalid(format!("the header {name:?} must be a text, a number or a boolean")));
            }
        };
        // Its value may be somebody's secret.
        let value = visible(&text)
            .ok_or_else(|| invalid(format!("the header {name:?} must have visible ASCII characters only")))?;
        headers.push((header, value));
    }
    Ok(headers)
}

/// The value of a header. Servers read other characters each in its own way.
fn visible(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(text).ok().filter(|_| text.is_ascii())
}

fn says_how_it_is_sent(name: &HeaderName) -> bool {
    HOW_IT_IS_SENT.contains(&name.as_str()) || name.as_str().starts_with("proxy-")
}

/// The header that carries the connection's secret.
fn credentials(destination: &HttpDestination) -> Result<Option<(HeaderName, HeaderValue)>, ReachFailure> {
    let Some(auth) = &destination.config.auth else { return Ok(None) };
    let secret = destination.secret.as_ref();
    let secret =
        secret.ok_or_else(|| unusable("the connection says how its secret is sent, and has none"))?;
    let (name, text) = header(auth, secret)?;
    // Whatever the text is, none of it is told.
    let mut value = visible(&text).ok_or_else(|| {
        let message = "the secret cannot be sent in a header: it must be one line of visible ASCII characters, without a line \
                       break at its end";
        ReachFailure::new("secret_unusable", message)
    })?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
}

fn header(auth: &HttpAuth, secret: &SecretString) -> Result<(HeaderName, String), ReachFailure> {
    let secret = secret.expose_secret();
    Ok(match auth.r#type {
        HttpAuthType::Bearer => (AUTHORIZATION, format!("Bearer {secret}")),
        HttpAuthType::Basic if secret.contains(':') => {
            (AUTHORIZATION, format!("Basic {}", BASE64_STANDARD.encode(secret)))
        }
        HttpAuthType::Basic => {
            return Err(ReachFailure::new("secret_unusable", "the secret must be of the form user:password"));
        }
        HttpAuthType::Header => {
            let name = auth.name.as_deref().and_then(|name| HeaderName::from_bytes(name.as_bytes()).ok());
            let name = name.filter(|name| !says_how_it_is_sent(name));
            (
                name.ok_or_else(|| unusable("the header of the connection's secret cannot be sent"))?,
                secret.to_owned(),
            )
        }
    })
}
