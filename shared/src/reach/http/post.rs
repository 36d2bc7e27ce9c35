//! Telling somebody something: one request, of whose answer only the status counts.

use std::time::Duration;

use chrono::Utc;
use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::request::Request;
use super::{Http, answer, headers, invalid, target};
use crate::reach::ReachFailure;
use crate::reach::guard;

/// What is told, and to whom.
#[derive(Clone, Debug)]
pub struct Post<'a> {
    /// `https://…`; `http://…` only where private addresses are open.
    pub url: &'a str,
    /// JSON.
    pub body: String,
    /// Headers besides those that every request has.
    pub headers: &'a [(HeaderName, HeaderValue)],
    /// Whether an operator has opened private and loopback addresses to it.
    pub allow_private_addresses: bool,
}

impl Http {
    /// Sends it, within `timeout`, to where it says and nowhere else: a redirect is an answer like others. A status from 200 to 299 is a success. The
    /// body of the answer is not read.
    ///
    /// # Errors
    /// `invalid_request`, `address_refused`, `connect`, `no_answer`, `timeout`, `tls`; and `http_<status>`, with what `Retry-After` asks for.
    pub async fn post(&self, post: Post<'_>, timeout: Duration) -> Result<(), ReachFailure> {
        tokio::time::timeout(timeout, self.tell(post)).await.unwrap_or_else(|_| {
            let message = format!("there was no answer within {} s", timeout.as_secs_f64());
            Err(ReachFailure::passing("timeout", message))
        })
    }

    async fn tell(&self, post: Post<'_>) -> Result<(), ReachFailure> {
        let url = target::absolute(post.url)?;
        if url.scheme() != "https" && !post.allow_private_addresses {
            return Err(invalid("`url` must begin with https://"));
        }
        if let Some(host) = url.host() {
            guard::check_host(&host, post.allow_private_addresses)?;
        }
        let everybody = headers::of_everybody();
        let kept = [USER_AGENT, ACCEPT].into_iter().filter_map(|name| {
            let value = everybody.get(&name).cloned()?;
            Some((name, value))
        });
        let mut headers: HeaderMap = kept.chain(post.headers.iter().cloned()).collect();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let request = Request { method: Method::POST, url, headers, body: Some(post.body.into_bytes()) };
        let answer = self.lines(post.allow_private_addresses).send(&request).await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|text| answer::retry_after(text, Utc::now()));
        let message = format!("{} answered {}", request.host(), status.as_u16());
        Err(ReachFailure::passing(format!("http_{}", status.as_u16()), message).after(retry_after))
    }
}
