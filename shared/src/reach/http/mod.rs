//! HTTP services: one request, whatever it is redirected to, and what came back.
//!
//! | file | what is in it |
//! |---|---|
//! | `target` | where a request goes |
//! | `headers` | what is sent along, and what of it to whom |
//! | `request` | what a step's `with` asks for |
//! | `client` | lines to servers, which lead to addresses that were checked |
//! | `redirect` | where an answer sends a request on to |
//! | `body` | an answer's body, up to a bound, unpacked |
//! | `answer` | what a step gets of an answer, or why it fails |
//! | `post` | a request of whose answer only the status counts |

mod answer;
mod body;
mod client;
mod headers;
mod post;
mod redirect;
mod request;
mod target;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

pub use self::post::Post;

use self::answer::Expected;
use self::client::Lines;
use self::request::Request;
use super::guard::{self, Lookup, System};
use super::{Along, HttpDestination, ReachFailure};

/// The longest body of an answer, in bytes, unpacked.
pub const MAX_BODY_BYTES: usize = 5_000_000;
/// Redirects that are followed, one after the other.
pub const MAX_REDIRECTS: usize = 5;

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For a line: looking up the name, connecting and agreeing on encryption.
    pub connect: Duration,
    /// For the next bytes of a body.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), idle: Duration::from_secs(30) }
    }
}

/// Reaches HTTP services. One for each process: it keeps lines that may be used again.
#[derive(Debug)]
pub struct Http {
    /// For connections that an operator has opened private addresses to. A line that is kept leads to an address that was checked for whoever opened
    /// it: so there is one for each of both.
    opened: Lines,
    public: Lines,
    limits: Limits,
}

impl Default for Http {
    fn default() -> Self {
        Self::new()
    }
}

impl Http {
    /// One that looks names up as the system does.
    pub fn new() -> Self {
        Self::with_lookup(Arc::new(System))
    }

    /// One that looks names up there.
    pub fn with_lookup(lookup: Arc<dyn Lookup>) -> Self {
        Self::with_limits(lookup, Limits::default())
    }

    /// One that looks names up there, and has more or less patience.
    pub fn with_limits(lookup: Arc<dyn Lookup>, limits: Limits) -> Self {
        Self {
            opened: Lines::new(true, Arc::clone(&lookup), limits.connect),
            public: Lines::new(false, lookup, limits.connect),
            limits,
        }
    }

    /// Sends a step's request and reads the answer, within `timeout`. `with` is the step's, rendered.
    ///
    /// # Errors
    /// What a request asks for that cannot be: `invalid_request`, `invalid_connection`, `secret_unusable`. Where it cannot go: `address_refused`,
    /// `redirect_refused`, `too_many_redirects`. What may go better later: `connect`, `no_answer`, `timeout`, `incomplete_body`. `tls`,
    /// `invalid_body`, `body_too_large`; and `http_<status>` for a status that is not among `success_status`.
    pub async fn call(
        &self,
        with: &Map<String, Value>,
        destination: Option<&HttpDestination>,
        along: Along<'_>,
        timeout: Duration,
    ) -> Result<Value, ReachFailure> {
        let request = Request::read(with, destination, along)?;
        let expected = Expected::read(with)?;
        let allowed = destination.is_some_and(|destination| destination.allow_private_addresses);
        match tokio::time::timeout(timeout, self.exchange(request, &expected, allowed)).await {
            Ok(result) => result,
            Err(_) => {
                let message = format!("there was no whole answer within {} s", timeout.as_secs_f64());
                Err(ReachFailure::passing("timeout", message))
            }
        }
    }

    fn lines(&self, allow_private_addresses: bool) -> &Lines {
        if allow_private_addresses { &self.opened } else { &self.public }
    }

    async fn exchange(
        &self,
        mut request: Request,
        expected: &Expected,
        allow_private_addresses: bool,
    ) -> Result<Value, ReachFailure> {
        let lines = self.lines(allow_private_addresses);
        for _ in 0..=MAX_REDIRECTS {
            // No look-up is made for a host that is an address already, and so no look-up can check it.
            if let Some(host) = request.url.host() {
                guard::check_host(&host, allow_private_addresses)?;
            }
            let answer = lines.send(&request).await?;
            match redirect::next(&request, &answer, expected)? {
                Some(next) => request = next,
                None => return answer::read(&request, answer, expected, self.limits.idle).await,
            }
        }
        let message = format!("there are more than {MAX_REDIRECTS} redirects, one after the other");
        Err(ReachFailure::new("too_many_redirects", message))
    }
}

/// A step that asks for something that cannot be sent.
fn invalid(message: impl Into<String>) -> ReachFailure {
    ReachFailure::new("invalid_request", message)
}

/// A connection that was written past the API.
fn unusable(message: impl Into<String>) -> ReachFailure {
    ReachFailure::new("invalid_connection", message)
}
