//! Lines to servers, which lead to addresses that were checked.
//!
//! Nothing gets around the look-up below:
//! - the connector asks it for every host that is a name, connects to what it gave and to nothing else, and looks nothing up again; a host that is an
//!   address it connects to as it stands, which is why that is checked before each request. What it takes for an address is what `Url` has written as
//!   one: `0x7f.1` and `2130706433` are `127.0.0.1` by then;
//! - no proxy is asked to look up and connect instead: `no_proxy` leaves HTTP_PROXY, HTTPS_PROXY and the like unread;
//! - no redirect is followed by the client itself;
//! - Unix sockets are used only by a client that was given one, and `Alt-Svc` only by one that speaks HTTP/3: this one speaks HTTP/1.1, so that no
//!   line is used for another host by what its certificate says;
//! - a line that is kept is kept for its scheme, host and port, and was opened to an address that was checked by the same rule.

use std::error::Error;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};

use super::invalid;
use super::request::Request;
use crate::reach::ReachFailure;
use crate::reach::guard::{self, Lookup};

/// How long a line that is not in use is kept. Servers close theirs after some time, and a function that sleeps does not notice.
const KEPT: Duration = Duration::from_secs(15);
/// How many of these, for each host.
const KEPT_LINES: usize = 4;

/// The lines of all that may reach the same.
#[derive(Debug)]
pub(super) struct Lines {
    guarded: Guarded,
    connect_timeout: Duration,
    /// Made when it is first needed: it reads the certificates of the system.
    client: OnceLock<Result<Client, String>>,
}

impl Lines {
    pub(super) fn new(
        allow_private_addresses: bool,
        lookup: Arc<dyn Lookup>,
        connect_timeout: Duration,
    ) -> Self {
        let guarded = Guarded { allow_private_addresses, lookup };
        Self { guarded, connect_timeout, client: OnceLock::new() }
    }

    /// Sends a request, and has the head of the answer.
    pub(super) async fn send(&self, request: &Request) -> Result<Response, ReachFailure> {
        let client = self.client.get_or_init(|| self.client()).as_ref();
        let client = client.map_err(|error| {
            ReachFailure::new("tls", format!("no request can be sent from here: {error}"))
        })?;
        let mut sent = reqwest::Request::new(request.method.clone(), request.url.clone());
        sent.headers_mut().clone_from(&request.headers);
        *sent.body_mut() = request.body.clone().map(Into::into);
        client.execute(sent).await.map_err(|error| failure(&error.without_url(), request.host()))
    }

    fn client(&self) -> Result<Client, String> {
        let builder = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .http1_only()
            .dns_resolver(self.guarded.clone())
            .connect_timeout(self.connect_timeout)
            .pool_idle_timeout(KEPT)
            .pool_max_idle_per_host(KEPT_LINES);
        builder.build().map_err(|error| causes(&error))
    }
}

/// Looks up names, and gives addresses that may be reached.
#[derive(Clone, Debug)]
struct Guarded {
    allow_private_addresses: bool,
    lookup: Arc<dyn Lookup>,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { allow_private_addresses, lookup } = self.clone();
        Box::pin(async move {
            // The connector sets the port.
            let found = guard::addresses(name.as_str(), 0, allow_private_addresses, &*lookup).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// What it is called here when there is no answer.
fn failure(error: &reqwest::Error, host: &str) -> ReachFailure {
    // What the look-up refused comes back as the cause of a cause.
    if let Some(failure) = chain(error).find_map(|cause| cause.downcast_ref::<ReachFailure>()) {
        return failure.clone();
    }
    let why = causes(error);
    if error.is_builder() {
        return invalid(format!("the request cannot be sent: {why}"));
    }
    if error.is_connect() && chain(error).any(is_tls) {
        return ReachFailure::new("tls", format!("{host} could not be reached over TLS: {why}"));
    }
    if error.is_connect() {
        return ReachFailure::passing("connect", format!("{host} could not be reached: {why}"));
    }
    ReachFailure::passing("no_answer", format!("{host} gave no answer that is one: {why}"))
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        <&'a (dyn Error + 'static)>::clone(error).source()
    })
}

/// TLS tells its errors as invalid data, which a line without it has none of. An `io::Error` around another one hides it from `source`.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    let Some(error) = error.downcast_ref::<io::Error>() else { return false };
    let within = error.get_ref().map(|within| within as &(dyn Error + 'static));
    error.kind() == io::ErrorKind::InvalidData || within.is_some_and(is_tls)
}

/// Each cause once: most tell the next one themselves.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut told = String::new();
    for cause in chain(error).map(ToString::to_string) {
        if !told.contains(&cause) {
            let between = if told.is_empty() { "" } else { ": " };
            told = format!("{told}{between}{cause}");
        }
    }
    told
}
