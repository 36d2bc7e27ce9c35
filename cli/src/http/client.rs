//! Sending requests, again if need be.

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{StatusCode, redirect};

use super::base::Base;
use super::retry::Fault;
use super::{Answer, Refusal, Request, key};
use crate::args::Settings;
use crate::failure::Failure;
use crate::output::Output;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take. API Gateway waits no longer for its functions.
const ANSWER: Duration = Duration::from_secs(35);

/// An API, and what is needed to speak to it.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Base,
    /// The API key, as it is sent. It is marked as sensitive: nothing that shows requests shows it.
    key: Option<HeaderValue>,
    output: Output,
}

/// A request that came to nothing, and whether sending it again may help.
#[derive(Debug)]
pub struct Miss {
    pub(super) fault: Option<Fault>,
    /// Why.
    pub failure: Failure,
}

impl Miss {
    /// How long the API has asked to be left alone.
    pub fn after(&self) -> Option<Duration> {
        self.fault.and_then(Fault::after)
    }
}

impl From<Failure> for Miss {
    /// What is the same each time.
    fn from(failure: Failure) -> Self {
        Self { fault: None, failure }
    }
}

impl Client {
    /// For the API of the settings.
    ///
    /// # Errors
    /// [`Failure::Usage`] if the URL cannot be one, or the API key cannot be used.
    pub fn new(settings: &Settings, output: Output) -> Result<Self, Failure> {
        let base = Base::new(settings.url.clone())?;
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("runplane-cli/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            // A request that has a key, or that creates something, is not for whoever is named by an answer.
            .redirect(redirect::Policy::none());
        if base.is_this_machine() {
            builder = builder.no_proxy();
        }
        let http =
            builder.build().map_err(|error| Failure::Usage(format!("no HTTP client: {}", chain(&error))))?;
        let key = key::authorization(&settings.access, &base)?;
        Ok(Self { http, base, key, output })
    }

    /// Sends it, up to four times if that is safe and may help.
    ///
    /// # Errors
    /// [`Failure::Refused`] or [`Failure::Unreachable`].
    pub async fn send(&self, request: &Request) -> Result<Answer, Failure> {
        let mut times = 0;
        loop {
            times += 1;
            let Miss { fault, failure } = match self.once(request).await {
                Ok(answer) => return Ok(answer),
                Err(miss) => miss,
            };
            let pause = fault.and_then(|fault| fault.pause(times, request.repeatable));
            let Some(pause) = pause else { return Err(self.last(failure, fault, request)) };
            let what = failure.to_string();
            let what = what.lines().next().unwrap_or_default();
            self.output.note(&format!("{what}; trying again in {:.1} s", pause.as_secs_f32()));
            tokio::time::sleep(pause).await;
        }
    }

    /// Sends it, once. For whoever has a pace of its own.
    ///
    /// # Errors
    /// [`Miss`]; unless its failure is [`Failure::Refused`] with a 4xx, nobody knows whether it was done.
    pub async fn once(&self, request: &Request) -> Result<Answer, Miss> {
        let mut builder = self
            .http
            .request(request.method.clone(), self.base.url(&request.path, &request.query))
            .timeout(request.within.unwrap_or(ANSWER) + request.waits)
            .header(ACCEPT, "application/json, application/problem+json");
        if let Some(body) = &request.body {
            builder = builder.json(body);
        }
        if let Some(key) = &request.idempotency_key {
            builder = builder.header("idempotency-key", key);
        }
        let built = builder.build();
        let mut http =
            built.map_err(|error| Failure::Usage(format!("no such request: {}", chain(&error))))?;
        if let Some(key) = &self.key {
            http.headers_mut().insert(AUTHORIZATION, key.clone());
        }
        let response = self.http.execute(http).await.map_err(|error| self.silence(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.map_err(|error| self.silence(&error))?;
        self.judge(status, &headers, text)
    }

    fn judge(&self, status: StatusCode, headers: &HeaderMap, text: String) -> Result<Answer, Miss> {
        if !status.is_success() {
            let refusal = Refusal::new(status, &text);
            let hint = self.hint(&refusal);
            let refusal = refusal.with_hint(hint);
            return Err(Miss { fault: Fault::of(status, headers), failure: Box::new(refusal).into() });
        }
        if text.is_empty() {
            return Ok(Answer { text, body: serde_json::Value::Null });
        }
        match serde_json::from_str(&text) {
            Ok(body) => Ok(Answer { text, body }),
            Err(_) => {
                let sentence =
                    format!("{} answered with something that is not JSON: is --url the API's?", self.base);
                Err(Failure::Unreachable(sentence).into())
            }
        }
    }

    fn silence(&self, error: &reqwest::Error) -> Miss {
        let fault = if error.is_connect() { Fault::NotSent } else { Fault::NoAnswer };
        let failure = Failure::Unreachable(format!("{} cannot be reached: {}", self.base, chain(error)));
        Miss { fault: Some(fault), failure }
    }

    /// Whoever asked has to know that a change may have been made.
    fn last(&self, failure: Failure, fault: Option<Fault>, request: &Request) -> Failure {
        if matches!(fault, Some(Fault::NoAnswer | Fault::Unavailable(_)))
            && request.method != reqwest::Method::GET
        {
            let advice = match &request.idempotency_key {
                Some(key) => {
                    format!("It may have been done all the same; repeat it with --idempotency-key {key}")
                }
                None => "It may have been done all the same: look before you repeat it".to_owned(),
            };
            self.output.note(&advice);
        }
        failure
    }

    /// What may help against a refusal.
    fn hint(&self, refusal: &Refusal) -> Option<&'static str> {
        match refusal.status().as_u16() {
            300..=399 => Some("The answer leads elsewhere: is --url the API's?"),
            401 if self.key.is_some() => Some(
                "Is the API key in RUNPLANE_API_KEY, or in the file of --api-key-file, one of this API's, and still valid?",
            ),
            401 => Some("Give an API key: RUNPLANE_API_KEY, or a file with --api-key-file"),
            _ => None,
        }
    }
}

/// An error's causes, without the request's URL, which stands in front of them already.
fn chain(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    // The outermost one says no more than that there is one.
    let causes: Vec<String> =
        causes.map(ToString::to_string).filter(|cause| !cause.starts_with("client error (")).collect();
    if causes.is_empty() { "no answer".to_owned() } else { causes.join(": ") }
}
