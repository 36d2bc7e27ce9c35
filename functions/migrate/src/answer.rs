//! The answer to CloudFormation, put to the address that its request names.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde::Serialize;
use serde_json::{Value, json};

use crate::request::Request;
use crate::{Done, FUNCTION};

/// Of the 4,096 bytes that CloudFormation takes. What is left is for ids.
const MAX_REASON_BYTES: usize = 2000;
/// The resource, as CloudFormation knows it: always the same, or an update would delete the one before.
const RESOURCE: &str = "runplane-schema";
/// One attempt.
const ATTEMPT: Duration = Duration::from_secs(5);
/// The pauses before the second attempt and those after it: all of them together take less than what is kept for the answer.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_millis(800), Duration::from_secs(2)];

/// What CloudFormation reads.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Answer<'a> {
    status: &'static str,
    reason: String,
    physical_resource_id: &'a str,
    logical_resource_id: &'a str,
    stack_id: &'a str,
    request_id: &'a str,
    data: Value,
}

impl<'a> Answer<'a> {
    /// Of what came of the request, or of the reason why nothing did.
    pub fn new(request: &'a Request, done: &Result<Done, String>) -> Self {
        let (status, reason, data) = match done {
            Ok(Done::Migrated(migrated)) => {
                let reason =
                    format!("the schema is {}; applied now: {}", migrated.schema, migrated.applied.len());
                ("SUCCESS", reason, json!({ "Schema": migrated.schema }))
            }
            Ok(Done::Nothing) => ("SUCCESS", "the data stays".to_owned(), json!({})),
            Err(reason) => ("FAILED", short(reason), json!({})),
        };
        Self {
            status,
            reason,
            physical_resource_id: request.physical_resource_id.as_deref().unwrap_or(RESOURCE),
            logical_resource_id: &request.logical_resource_id,
            stack_id: &request.stack_id,
            request_id: &request.request_id,
            data,
        }
    }
}

/// As much of a reason as CloudFormation takes, in one line. As JSON it has no more than twice the bytes.
fn short(reason: &str) -> String {
    let line: String = reason.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    if line.len() <= MAX_REASON_BYTES / 2 {
        return line;
    }
    let end = line.floor_char_boundary(MAX_REASON_BYTES / 2);
    format!("{}… (the log of {} has all of it)", &line[..end], FUNCTION.name)
}

/// Puts the answer there, in a few attempts.
///
/// # Errors
/// Why the last one failed, without the address, whose signature lets others answer.
pub async fn send(url: &str, answer: &Answer<'_>) -> Result<(), String> {
    let url = Url::parse(url).ok().filter(may_be_asked);
    let url = url.ok_or("the ResponseURL is no https URL")?;
    let body = serde_json::to_string(answer).map_err(|error| error.to_string())?;
    let client = Client::builder()
        // Functions read no variables but those that are listed for them.
        .no_proxy()
        .redirect(Policy::none())
        .http1_only()
        .timeout(ATTEMPT)
        .build()
        .map_err(|error| error.to_string())?;
    let mut pauses = PAUSES.into_iter();
    loop {
        let error = match put(&client, &url, &body).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let Some(pause) = pauses.next() else { return Err(error) };
        tracing::warn!(error, "CloudFormation did not take the answer: once more");
        tokio::time::sleep(pause).await;
    }
}

async fn put(client: &Client, url: &Url, body: &str) -> Result<(), String> {
    // The address is signed for a request without a type of content.
    let put = client.put(url.clone()).header(CONTENT_TYPE, "").body(body.to_owned()).send();
    let answer = put.await.map_err(|error| chain(&error.without_url()))?;
    let status = answer.status();
    if status.is_success() {
        Ok(())
    } else {
        Err(format!("the answer was answered with {}", status.as_u16()))
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// https, or this machine, where an emulator of CloudFormation may listen: what goes there in plain text passes no network. A setting that allowed more
/// could be left set.
fn may_be_asked(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    url.scheme() == "https" || (url.scheme() == "http" && here)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        let event = json!({
            "RequestType": "Create", "ResponseURL": "https://s3.example/x", "StackId": "arn:stack", "RequestId": "r",
            "LogicalResourceId": "Migrations"
        });
        Request::of(&event).unwrap()
    }

    #[test]
    fn a_failure_has_its_reason_and_nothing_of_a_schema() {
        let failed = Err("no\n\"way\"".to_owned());
        assert_eq!(
            json!(Answer::new(&request(), &failed)),
            json!({
                "Status": "FAILED", "Reason": "no \"way\"", "PhysicalResourceId": "runplane-schema", "LogicalResourceId": "Migrations",
                "StackId": "arn:stack", "RequestId": "r", "Data": {}
            })
        );
    }

    #[test]
    fn an_answer_is_short_enough_whatever_the_reason_is() {
        for char in ["x", "\"", "\\", "\n", "\u{1}", "ä", "😀"] {
            let mut request = request();
            (request.stack_id, request.request_id) = ("s".repeat(300), "r".repeat(40));
            let answer = serde_json::to_string(&Answer::new(&request, &Err(char.repeat(10_000)))).unwrap();
            assert!(answer.len() < 4096, "{char:?}: {}", answer.len());
            assert!(answer.contains("the log of migrate has all of it"), "{answer}");
        }
    }

    #[test]
    fn a_resource_keeps_the_name_that_it_has() {
        let request = Request { physical_resource_id: Some("older".to_owned()), ..request() };
        assert_eq!(json!(Answer::new(&request, &Ok(Done::Nothing)))["PhysicalResourceId"], "older");
    }

    #[test]
    fn an_answer_goes_over_https_or_stays_on_this_machine() {
        let may = |url: &str| may_be_asked(&Url::parse(url).unwrap());
        assert!(may("https://cloudformation-custom-resource-response-euwest1.s3.amazonaws.com/x?sig=1"));
        assert!(may("http://127.0.0.1:4566/x") && may("http://localhost/x") && may("http://[::1]:1/x"));
        for url in [
            "http://10.0.0.1/x",
            "http://127.0.0.1.example/x",
            "http://s3.amazonaws.com/x",
            "ftp://127.0.0.1/x",
        ] {
            assert!(!may(url), "{url}");
        }
    }
}
