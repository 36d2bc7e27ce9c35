//! Where a request goes.

use percent_encoding::percent_decode;
use serde_json::{Map, Value};
use url::Url;

use super::{invalid, unusable};
use crate::reach::{HttpDestination, ReachFailure};

/// Servers take no longer ones.
const MAX_URL_BYTES: usize = 8192;

/// The URL of a step: its `url`, or its `path` below the connection's `base_url`; and its `query`.
pub(super) fn read(
    with: &Map<String, Value>,
    destination: Option<&HttpDestination>,
) -> Result<Url, ReachFailure> {
    let mut url = match destination {
        None => absolute(text(with, "url")?)?,
        Some(destination) => below(&destination.config.base_url, text(with, "path")?)?,
    };
    let pairs = pairs(with.get("query"))?;
    if !pairs.is_empty() {
        url.query_pairs_mut().extend_pairs(pairs);
    }
    Ok(url)
}

/// What was rendered may be of any type.
fn text<'a>(with: &'a Map<String, Value>, field: &str) -> Result<&'a str, ReachFailure> {
    with.get(field).and_then(Value::as_str).ok_or_else(|| invalid(format!("`{field}` must be a text")))
}

/// A URL by itself.
pub(super) fn absolute(text: &str) -> Result<Url, ReachFailure> {
    // A parser takes these out, or reads them as something else, each in its own way.
    if is_too_long(text) {
        return Err(invalid(format!("`url` must have at most {MAX_URL_BYTES} bytes")));
    }
    if has_odd(text) {
        return Err(invalid(
            "`url` must not contain spaces, control characters or backslashes: encode values, as with @uri",
        ));
    }
    let url = Url::parse(text).map_err(|error| invalid(format!("`url` is no URL: {error}")))?;
    // A parser reads `https:example.com` as well.
    let is_absolute =
        text.split_once("://").is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case(url.scheme()));
    if !is_absolute || !is_http(&url) {
        return Err(invalid("`url` must begin with https:// or http:// and have a host"));
    }
    if has_user(&url) {
        return Err(invalid("`url` must not contain credentials: they belong to a connection"));
    }
    Ok(url)
}

/// `path`, which may have a query, appended to the path of `base`; and never out of it.
fn below(base: &str, path: &str) -> Result<Url, ReachFailure> {
    let base = Url::parse(base).ok().filter(|url| is_http(url) && !has_user(url));
    let base =
        base.ok_or_else(|| unusable("the base_url of the connection is no https:// or http:// URL"))?;
    if is_too_long(path) {
        return Err(invalid(format!("`path` must have at most {MAX_URL_BYTES} bytes")));
    }
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    };
    if !path.starts_with('/') || path.starts_with("//") {
        return Err(invalid("`path` must begin with one /"));
    }
    if has_odd(path) || query.is_some_and(has_odd) {
        return Err(invalid(
            "`path` must not contain spaces, control characters or backslashes: encode values, as with @uri",
        ));
    }
    if path.contains('#') || query.is_some_and(|query| query.contains('#')) {
        return Err(invalid("`path` must not contain a #: write %23"));
    }
    if climbs(path) {
        return Err(invalid("`path` must not contain . or .. between slashes, in whatever encoding"));
    }
    let prefix = base.path().trim_end_matches('/');
    let mut url = base.clone();
    url.set_path(&format!("{prefix}{path}"));
    url.set_query(query);
    url.set_fragment(None);
    // Whatever was overlooked above: a request with the connection's secret goes below its base_url, or nowhere.
    let rest = url.path().strip_prefix(prefix);
    if url.origin() != base.origin() || !rest.is_some_and(|rest| rest.starts_with('/')) {
        return Err(invalid("`path` must lead below the base_url of the connection"));
    }
    Ok(url)
}

/// Whether a path has a segment by which a server, or something in front of it, would go up: also where it decodes first, or twice, and where what
/// follows a `;` is a parameter of the segment.
fn climbs(path: &str) -> bool {
    let mut bytes = path.as_bytes().to_vec();
    loop {
        let up = |segment: &[u8]| {
            let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
            name == b"." || name == b".."
        };
        if bytes.split(|byte| b"/\\".contains(byte)).any(up) {
            return true;
        }
        // Each decoding makes it shorter.
        let decoded: Vec<u8> = percent_decode(&bytes).collect();
        if decoded == bytes {
            return false;
        }
        bytes = decoded;
    }
}

fn is_http(url: &Url) -> bool {
    ["http", "https"].contains(&url.scheme()) && url.has_host()
}

/// Whether it contains credentials.
pub(super) fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// A URL or a path that no server would take; what looks at it here takes longer the longer it is.
fn is_too_long(text: &str) -> bool {
    text.len() > MAX_URL_BYTES
}

fn has_odd(text: &str) -> bool {
    text.contains(|char: char| char.is_whitespace() || char.is_control() || char == '\\')
}

/// The fields of `query`, a list once for each of its items.
fn pairs(query: Option<&Value>) -> Result<Vec<(&str, String)>, ReachFailure> {
    let mut pairs = Vec::new();
    let fields = match query {
        None | Some(Value::Null) => return Ok(pairs),
        Some(Value::Object(fields)) => fields,
        Some(_) => return Err(invalid("`query` must be an object")),
    };
    for (name, value) in fields {
        let values = match value {
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in values {
            match value {
                Value::Null => {}
                Value::String(text) => pairs.push((name.as_str(), text.clone())),
                Value::Number(_) | Value::Bool(_) => pairs.push((name.as_str(), value.to_string())),
                Value::Array(_) | Value::Object(_) => {
                    let message = format!(
                        "`query` must have texts, numbers and booleans, or lists of these; {name:?} has something else"
                    );
                    return Err(invalid(message));
                }
            }
        }
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests;
