//! What a step gets of an answer, or why it fails.

mod retry_after;

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::Utc;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, SET_COOKIE};
use http::{HeaderMap, Method, StatusCode};
use reqwest::Response;
use serde_json::{Map, Value};

pub(super) use self::retry_after::read as retry_after;
use super::body::{self, Packing};
use super::invalid;
use super::request::Request;
use crate::reach::ReachFailure;

/// Values of a JSON body, about: each takes some hundred bytes of memory, however short it is.
const MAX_VALUES: usize = 300_000;
/// What is shown of the body of an answer that is a failure.
const SHOWN_CHARS: usize = 500;
/// How long is waited for it: that it failed is known already.
const SHOWN_WITHIN: Duration = Duration::from_secs(2);

/// The statuses that a step takes for a success.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expected {
    /// First and last of each range.
    ranges: Vec<(u16, u16)>,
}

impl Expected {
    pub(super) fn read(with: &Map<String, Value>) -> Result<Self, ReachFailure> {
        let ranges = match with.get("success_status") {
            None => vec![(200, 299)],
            Some(Value::Array(all)) => all.iter().map(range).collect::<Option<_>>().ok_or_else(|| {
                invalid("`success_status` must have statuses from 100 to 599, or classes such as \"2xx\"")
            })?,
            Some(_) => return Err(invalid("`success_status` must be a list")),
        };
        Ok(Self { ranges })
    }

    pub(super) fn is_success(&self, status: StatusCode) -> bool {
        self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&status.as_u16()))
    }
}

fn range(value: &Value) -> Option<(u16, u16)> {
    match value {
        Value::String(class) => {
            let class = ["1xx", "2xx", "3xx", "4xx", "5xx"].iter().position(|name| name == class)?;
            let first = u16::try_from(class).ok()? * 100 + 100;
            Some((first, first + 99))
        }
        // A whole number may be written 200.0.
        other => {
            let status = other.as_f64()?;
            let code = (100..=599).find(|code| f64::from(*code) == status)?;
            Some((code, code))
        }
    }
}

/// What a step gets.
pub(super) async fn read(
    request: &Request,
    mut answer: Response,
    expected: &Expected,
    idle: Duration,
) -> Result<Value, ReachFailure> {
    let status = answer.status();
    if !expected.is_success(status) {
        return Err(failed(request, answer).await);
    }
    let packing = body::packing(&answer);
    let has_none = request.method == Method::HEAD || matches!(status.as_u16(), 204 | 304);
    let bytes = if has_none { Vec::new() } else { body::read(&mut answer, idle).await? };
    let headers = answer.headers();
    let (body, encoded) = read_body(headers, bytes, packing)?;
    let is_unpacked = packing == Packing::Gzip && !has_none;
    let mut result = Map::new();
    result.insert("status".to_owned(), status.as_u16().into());
    result.insert("headers".to_owned(), Value::Object(of(headers, is_unpacked)));
    result.insert("body".to_owned(), body);
    if let Some(encoded) = encoded {
        result.insert("body_base64".to_owned(), encoded.into());
    }
    Ok(Value::Object(result))
}

/// JSON, or a text, or neither: then null, and beside it the same in base64.
fn read_body(
    headers: &HeaderMap,
    bytes: Vec<u8>,
    packing: Packing,
) -> Result<(Value, Option<String>), ReachFailure> {
    if bytes.is_empty() {
        return Ok((Value::Null, None));
    }
    if packing == Packing::Other {
        return Ok((Value::Null, Some(BASE64_STANDARD.encode(bytes))));
    }
    if is_json(headers) {
        // A mark of the order of bytes is no JSON, and some send it. Whoever nests deeper than the parser goes gets an error as well.
        let json = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
        let values = json.iter().filter(|byte| b"[{,".contains(byte)).count();
        if values > MAX_VALUES {
            let message = format!("the body has more than {MAX_VALUES} values of JSON");
            return Err(ReachFailure::new("body_too_large", message));
        }
        let value = serde_json::from_slice(json).map_err(|error| {
            ReachFailure::new("invalid_body", format!("the body is said to be JSON, and is not: {error}"))
        })?;
        return Ok((value, None));
    }
    Ok(match String::from_utf8(bytes) {
        Ok(text) => (Value::String(text), None),
        Err(error) => (Value::Null, Some(BASE64_STANDARD.encode(error.as_bytes()))),
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}

/// By name, without cookies: they are credentials.
fn of(headers: &HeaderMap, is_unpacked: bool) -> Map<String, Value> {
    let left_out = |name: &&http::HeaderName| {
        **name == SET_COOKIE || (is_unpacked && (**name == CONTENT_ENCODING || **name == CONTENT_LENGTH))
    };
    let names = headers.keys().filter(|name| !left_out(name));
    names
        .map(|name| {
            let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
            (name.as_str().to_owned(), Value::from(values.collect::<Vec<_>>().join(", ")))
        })
        .collect()
}

async fn failed(request: &Request, mut answer: Response) -> ReachFailure {
    let status = answer.status();
    let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.and_then(|text| self::retry_after(text, Utc::now()));
    let reason = status.canonical_reason().map(|reason| format!(" {reason}")).unwrap_or_default();
    let mut message = format!("{} answered {}{reason}", request.host(), status.as_u16());
    let shown = shown(&mut answer).await;
    if !shown.is_empty() {
        message = format!("{message}: {shown}");
    }
    let error = format!("http_{}", status.as_u16());
    match status.as_u16() {
        408 | 425 | 429 | 500..=599 => ReachFailure::passing(error, message).after(retry_after),
        _ => ReachFailure::new(error, message),
    }
}

/// The beginning of a body, on one line and without what nothing can store.
async fn shown(answer: &mut Response) -> String {
    if body::packing(answer) == Packing::Other {
        return String::new();
    }
    // No character has more than four bytes.
    let bytes = body::beginning(answer, SHOWN_CHARS * 4 + 4, SHOWN_WITHIN).await;
    let text = String::from_utf8_lossy(&bytes);
    let mut chars = text.trim().chars();
    let clear = |char: char| if char.is_control() { ' ' } else { char };
    let mut shown: String = chars.by_ref().take(SHOWN_CHARS).map(clear).collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests;
