//! The issuer, asked for its keys: first where they are (OpenID Connect Discovery), then for them.

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use http::StatusCode;
use http::header::ACCEPT;
use reqwest::Client;
use reqwest::redirect::Policy;
use serde::Deserialize;
use url::Url;

use super::jwks::Keys;
use super::settings::is_reachable;

/// Larger answers are refused.
const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// How long a line that is not in use is kept: for the second request.
const KEPT: Duration = Duration::from_secs(15);

/// An issuer.
#[derive(Debug)]
pub(super) struct Issuer {
    name: String,
    time_limit: Duration,
    /// Made when it is first needed: it reads the certificates of the system.
    client: OnceLock<Result<Client, String>>,
}

/// What discovery answers, as far as it matters.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

impl Issuer {
    /// That of this name, a URL; both requests together take no longer than `time_limit`.
    pub(super) fn new(name: &str, time_limit: Duration) -> Self {
        Self { name: name.to_owned(), time_limit, client: OnceLock::new() }
    }

    /// Its keys, as they are now.
    ///
    /// # Errors
    /// What did not go well, in words for the log.
    pub(super) async fn keys(&self) -> anyhow::Result<Keys> {
        let fetched = tokio::time::timeout(self.time_limit, self.fetch()).await;
        fetched.map_err(|_| anyhow!("it has not answered within {:?}", self.time_limit))?
    }

    async fn fetch(&self) -> anyhow::Result<Keys> {
        // A slash at the end does not count (OpenID Connect Discovery 1.0, 4.1).
        let base = self.name.strip_suffix('/').unwrap_or(&self.name);
        let url = Url::parse(&format!("{base}/.well-known/openid-configuration"))?;
        let allow_loopback = url.scheme() == "http";
        let metadata = self.get(url).await.context("discovery")?;
        let metadata: Metadata =
            serde_json::from_slice(&metadata).context("discovery: the answer is not what it should be")?;
        // Otherwise whoever can answer in its place, for a part of its paths, could put keys in the place of its keys.
        ensure!(metadata.issuer == self.name, "discovery: it says that it is another issuer");
        let url = Url::parse(&metadata.jwks_uri).ok().filter(|url| is_reachable(url, allow_loopback));
        let url = url.context("discovery: its keys are not at an https URL")?;
        let keys = self.get(url).await.context("keys")?;
        Keys::read(&keys).context("keys: the answer is no JSON Web Key Set")
    }

    /// What is there, as JSON. Redirects are not followed: they could lead anywhere, and issuers do not send them.
    async fn get(&self, url: Url) -> anyhow::Result<Vec<u8>> {
        let client = self.client.get_or_init(|| client().map_err(|error| format!("{error:#}"))).as_ref();
        let client = client.map_err(|error| anyhow!("no request can be sent from here: {error}"))?;
        let sent = client.get(url).header(ACCEPT, "application/json").send().await;
        let mut answer = sent.map_err(reqwest::Error::without_url)?;
        if answer.status() != StatusCode::OK {
            bail!("the answer is {}", answer.status().as_u16());
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
            ensure!(
                body.len() + chunk.len() <= MAX_ANSWER_BYTES,
                "the answer has more than {MAX_ANSWER_BYTES} bytes"
            );
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

fn client() -> anyhow::Result<Client> {
    let builder = Client::builder()
        // Functions read no variables but those that are listed for them.
        .no_proxy()
        .redirect(Policy::none())
        .referer(false)
        .http1_only()
        .user_agent(concat!("runplane/", env!("CARGO_PKG_VERSION")))
        .pool_idle_timeout(KEPT);
    Ok(builder.build()?)
}
