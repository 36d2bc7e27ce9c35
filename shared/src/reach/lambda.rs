//! Calls of Lambda functions.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::Region;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use super::aws::Lazily;
use super::{Along, LambdaDestination, ReachFailure, aws};
use crate::aws::Found;
use crate::traces::TRACEPARENT;

/// What Lambda takes, in bytes, of a call that is answered, and of an event.
const MAX_PAYLOAD_BYTES: usize = 6 * 1024 * 1024;
const MAX_EVENT_BYTES: usize = 1024 * 1024;
/// Of what a function says of its failure.
const MAX_MESSAGE_CHARS: usize = 500;

/// The client of Lambda, made when it is first needed.
#[derive(Debug)]
pub struct Lambda {
    client: Lazily<Client>,
}

impl Lambda {
    /// By credentials that will be `found`.
    pub fn new(found: Found) -> Self {
        Self { client: Lazily::new(found) }
    }

    /// With a configuration of the caller's.
    pub fn of(config: &SdkConfig) -> Self {
        Self { client: Lazily::ready(Client::new(config)) }
    }

    /// Calls the function of the connection. `with` is the step's, rendered: `payload`, `invocation`. The function finds the idempotency key in its
    /// client context, as `custom.idempotency_key`, and the `traceparent` of the attempt, if any, as `custom.traceparent`, when it is called
    /// for an answer.
    ///
    /// # Errors
    /// `function_failed`: it ended with an error; `throttled`, `service_error`, `connect` and `timeout`, which pass; `not_found`,
    /// `access_denied`, `refused`, `payload_too_large`.
    pub async fn call(
        &self,
        with: &Map<String, Value>,
        destination: &LambdaDestination,
        along: Along<'_>,
        timeout: Duration,
    ) -> Result<Value, ReachFailure> {
        let is_event = with.get("invocation").and_then(Value::as_str) == Some("event");
        let payload = with.get("payload").unwrap_or(&Value::Null).to_string();
        let most = if is_event { MAX_EVENT_BYTES } else { MAX_PAYLOAD_BYTES };
        if payload.len() > most {
            let message = format!("the payload has {} bytes of JSON, and may have {most}", payload.len());
            return Err(ReachFailure::new("payload_too_large", message));
        }
        let client = self.client.get(Client::new).await;
        let function = &destination.config.function;
        let call = client.invoke().function_name(function).payload(Blob::new(payload));
        let call = if is_event {
            call.invocation_type(InvocationType::Event)
        } else {
            let mut custom = json!({ "idempotency_key": along.idempotency_key });
            if let Some(traceparent) = along.traceparent {
                custom[TRACEPARENT] = traceparent.to_string().into();
            }
            let context = json!({ "custom": custom }).to_string();
            call.invocation_type(InvocationType::RequestResponse)
                .client_context(BASE64_STANDARD.encode(context))
        };
        let mut config = aws_sdk_lambda::config::Builder::new();
        if let Some(region) = region(function) {
            config = config.region(Region::new(region.to_owned()));
        }
        let sent = tokio::time::timeout(timeout, call.customize().config_override(config).send()).await;
        let answer = match sent {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(aws::failure(&error)),
            Err(_) => return Err(ReachFailure::passing("timeout", "the function did not answer in time")),
        };
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        if answer.function_error.is_some() {
            return Err(ReachFailure::new("function_failed", failed(&payload)));
        }
        let payload = if payload.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&payload).map_err(|error| {
                ReachFailure::new(
                    "invalid_payload",
                    format!("the function did not answer with JSON: {error}"),
                )
            })?
        };
        Ok(json!({ "payload": payload, "executed_version": answer.executed_version }))
    }
}

/// The region of a function that is named by its ARN.
fn region(function: &str) -> Option<&str> {
    let mut parts = function.split(':');
    (parts.next() == Some("arn")).then(|| parts.nth(2)).flatten()
}

/// What a function says of its failure: `{"errorType", "errorMessage"}`, as a rule.
fn failed(payload: &[u8]) -> String {
    let said: Value = serde_json::from_slice(payload).unwrap_or_default();
    let field = |name| said.get(name).and_then(Value::as_str);
    let sentence = match (field("errorType"), field("errorMessage")) {
        (Some(kind), Some(message)) => format!("{kind}: {message}"),
        (None, Some(message)) => message.to_owned(),
        _ => String::from_utf8_lossy(payload).into_owned(),
    };
    let cut: String = sentence.chars().take(MAX_MESSAGE_CHARS).collect();
    format!("the function failed: {cut}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_that_is_named_by_its_arn_is_called_in_its_region() {
        assert_eq!(region("arn:aws:lambda:eu-west-1:123456789012:function:resize:7"), Some("eu-west-1"));
        assert_eq!(region("resize:live"), None);
    }

    #[test]
    fn a_failure_is_told_as_the_function_tells_it() {
        let told = failed(br#"{"errorType":"KeyError","errorMessage":"'x'","trace":[]}"#);
        assert_eq!(told, "the function failed: KeyError: 'x'");
        assert_eq!(failed(b"boom"), "the function failed: boom");
        assert!(failed("ü".repeat(1000).as_bytes()).chars().count() < 600);
    }
}
