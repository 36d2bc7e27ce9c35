//! Where an answer sends a request on to.

use http::header::{
    CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, HeaderName, LOCATION,
};
use http::{Method, StatusCode};
use reqwest::Response;
use url::Url;

use super::answer::Expected;
use super::request::Request;
use super::{headers, target};
use crate::reach::ReachFailure;

/// Headers that tell of a body.
const OF_THE_BODY: [HeaderName; 4] = [CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE];

/// What is asked next, where an answer sends the request on. One that a step expects by its status is kept, as is one that does not say where to.
pub(super) fn next(
    request: &Request,
    answer: &Response,
    expected: &Expected,
) -> Result<Option<Request>, ReachFailure> {
    let status = answer.status();
    let is_one = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = answer.headers().get(LOCATION).filter(|_| is_one && !expected.is_success(status));
    let Some(location) = location else { return Ok(None) };
    let url = std::str::from_utf8(location.as_bytes()).ok().and_then(|text| request.url.join(text).ok());
    let mut url = url.ok_or_else(|| refused(request, "to something that is no URL"))?;
    url.set_fragment(None);
    check(request, &url)?;

    let (method, body) = ask(request, status);
    let mut headers = request.headers.clone();
    if body.is_none() {
        for name in OF_THE_BODY {
            headers.remove(name);
        }
    }
    if url.origin() != request.url.origin() {
        // A request that changes something, or tells something, is for whom it was meant for.
        if body.is_some() || !(method == Method::GET || method == Method::HEAD) {
            return Err(refused(request, "to another origin, with a request that is more than a GET"));
        }
        // For good: who is sent back by somebody else is sent by somebody else.
        headers = headers::of_everybody();
    }
    Ok(Some(Request { method, url, headers, body }))
}

fn check(request: &Request, url: &Url) -> Result<(), ReachFailure> {
    match url.scheme() {
        "https" => {}
        "http" if request.url.scheme() == "http" => {}
        "http" => return Err(refused(request, "from https to http")),
        _ => return Err(refused(request, "to something that is neither https nor http")),
    }
    if target::has_user(url) {
        return Err(refused(request, "to a URL with credentials in it"));
    }
    Ok(())
}

/// As browsers do: what a redirect makes of a method and a body.
fn ask(request: &Request, status: StatusCode) -> (Method, Option<Vec<u8>>) {
    let is_post = request.method == Method::POST;
    match status.as_u16() {
        301 | 302 if is_post => (Method::GET, None),
        303 if request.method != Method::HEAD => (Method::GET, None),
        _ => (request.method.clone(), request.body.clone()),
    }
}

fn refused(request: &Request, what: &str) -> ReachFailure {
    ReachFailure::new("redirect_refused", format!("{} redirects {what}", request.host()))
}

#[cfg(test)]
mod tests;
