//! What a step's `with` asks for.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Map, Value};
use url::Url;

use super::{headers, invalid, target};
use crate::reach::{Along, HttpDestination, ReachFailure};

/// A request, as it is sent next.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Vec<u8>>,
}

impl Request {
    pub(super) fn read(
        with: &Map<String, Value>,
        destination: Option<&HttpDestination>,
        along: Along<'_>,
    ) -> Result<Self, ReachFailure> {
        let method = method(with.get("method"))?;
        let url = target::read(with, destination)?;
        let mut headers = headers::read(with, destination, along)?;
        let body = match with.get("body") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some((text.clone().into_bytes(), "text/plain; charset=utf-8")),
            Some(other) => Some((other.to_string().into_bytes(), "application/json")),
        };
        if let Some((_, content_type)) = body {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(content_type));
        }
        Ok(Self { method, url, headers, body: body.map(|(bytes, _)| bytes) })
    }

    /// The other side, as messages name it. Paths and queries may have secrets in them.
    pub(super) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }
}

fn method(method: Option<&Value>) -> Result<Method, ReachFailure> {
    match method {
        None => Ok(Method::GET),
        Some(Value::String(text)) => match text.as_str() {
            "GET" => Ok(Method::GET),
            "HEAD" => Ok(Method::HEAD),
            "POST" => Ok(Method::POST),
            "PUT" => Ok(Method::PUT),
            "PATCH" => Ok(Method::PATCH),
            "DELETE" => Ok(Method::DELETE),
            _ => Err(invalid("`method` must be GET, HEAD, POST, PUT, PATCH or DELETE")),
        },
        Some(_) => Err(invalid("`method` must be a text")),
    }
}
