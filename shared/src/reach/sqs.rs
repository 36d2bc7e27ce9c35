//! Messages to SQS queues.

use std::collections::HashMap;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Region;
use aws_sdk_sqs::types::MessageAttributeValue;
use serde_json::{Map, Value, json};
use url::Url;

use super::aws::Lazily;
use super::{Along, ReachFailure, SqsDestination, aws};
use crate::aws::Found;
use crate::traces::TRACEPARENT;

/// What SQS takes, in bytes, its attributes included.
const MAX_BODY_BYTES: usize = 1024 * 1024 - 1024;
/// The attribute by which a receiver finds out that it has seen the message before.
const KEY_ATTRIBUTE: &str = "Idempotency-Key";
/// SQS delays no longer, in seconds.
const MAX_DELAY_SECONDS: f64 = 900.0;
/// Of a group or a deduplication id.
const MAX_ID_CHARS: usize = 128;

/// The client of SQS, made when it is first needed.
#[derive(Debug)]
pub struct Sqs {
    client: Lazily<Client>,
}

impl Sqs {
    /// By credentials that will be `found`.
    pub fn new(found: Found) -> Self {
        Self { client: Lazily::new(found) }
    }

    /// With a configuration of the caller's.
    pub fn of(config: &SdkConfig) -> Self {
        Self { client: Lazily::ready(Client::new(config)) }
    }

    /// Sends a message to the queue of the connection. `with` is the step's, rendered: `body`, `group_id`, `deduplication_id`, `delay_seconds`. A text
    /// is sent as it is, anything else as JSON; the attribute `Idempotency-Key` is the same for each attempt, `traceparent` is that of the attempt, if any. Into a FIFO queue the key is the
    /// deduplication id as well, and the group the run, where the step names none.
    ///
    /// # Errors
    /// `throttled`, `service_error`, `connect` and `timeout`, which pass; `invalid_message`, `not_found`, `access_denied`, `refused`.
    pub async fn send(
        &self,
        with: &Map<String, Value>,
        destination: &SqsDestination,
        along: Along<'_>,
        timeout: Duration,
    ) -> Result<Value, ReachFailure> {
        let queue = &destination.config.queue_url;
        let message = Message::read(with, queue.ends_with(".fifo"), along.idempotency_key)?;
        let client = self.client.get(Client::new).await;
        let mut attributes = HashMap::from([(KEY_ATTRIBUTE.to_owned(), text(along.idempotency_key)?)]);
        if let Some(traceparent) = along.traceparent {
            attributes.insert(TRACEPARENT.to_owned(), text(&traceparent.to_string())?);
        }
        let mut config = aws_sdk_sqs::config::Builder::new();
        if let Some(region) = region(queue) {
            config = config.region(Region::new(region));
        }
        let send = client
            .send_message()
            .queue_url(queue)
            .message_body(message.body)
            .set_message_attributes(Some(attributes))
            .set_message_group_id(message.group_id)
            .set_message_deduplication_id(message.deduplication_id)
            .set_delay_seconds(message.delay_seconds)
            .customize()
            .config_override(config)
            .send();
        match tokio::time::timeout(timeout, send).await {
            Ok(Ok(answer)) => Ok(json!({ "message_id": answer.message_id })),
            Ok(Err(error)) => Err(aws::failure(&error)),
            Err(_) => Err(ReachFailure::passing("timeout", "SQS did not answer in time")),
        }
    }
}

/// The value of an attribute.
fn text(value: &str) -> Result<MessageAttributeValue, ReachFailure> {
    let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
    value.map_err(|error| ReachFailure::new("invalid_message", error.to_string()))
}

#[derive(Debug, PartialEq)]
struct Message {
    body: String,
    group_id: Option<String>,
    deduplication_id: Option<String>,
    delay_seconds: Option<i32>,
}

impl Message {
    fn read(with: &Map<String, Value>, is_fifo: bool, idempotency_key: &str) -> Result<Self, ReachFailure> {
        let body = match with.get("body") {
            Some(Value::String(text)) => text.clone(),
            other => other.unwrap_or(&Value::Null).to_string(),
        };
        if body.is_empty() || body.len() > MAX_BODY_BYTES {
            let message = format!("\"body\" must have 1 to {MAX_BODY_BYTES} bytes, has {}", body.len());
            return Err(ReachFailure::new("invalid_message", message));
        }
        let run = idempotency_key.split('/').next().map(str::to_owned);
        let delay_seconds = match with.get("delay_seconds") {
            None | Some(Value::Null) => None,
            Some(seconds) => {
                let fits =
                    |seconds: &f64| (0.0..=MAX_DELAY_SECONDS).contains(seconds) && seconds.fract() == 0.0;
                let seconds = seconds.as_f64().filter(fits).ok_or_else(|| {
                    ReachFailure::new(
                        "invalid_message",
                        "\"delay_seconds\" must be a whole number from 0 to 900",
                    )
                })?;
                Some(seconds as i32)
            }
        };
        Ok(Self {
            body,
            group_id: id(with, "group_id")?.or(run.filter(|_| is_fifo)),
            deduplication_id: id(with, "deduplication_id")?.or(is_fifo.then(|| idempotency_key.to_owned())),
            delay_seconds,
        })
    }
}

fn id(with: &Map<String, Value>, name: &str) -> Result<Option<String>, ReachFailure> {
    match with.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(id)) if (1..=MAX_ID_CHARS).contains(&id.len()) => Ok(Some(id.clone())),
        Some(_) => {
            let message = format!("{name:?} must be a text of 1 to {MAX_ID_CHARS} characters");
            Err(ReachFailure::new("invalid_message", message))
        }
    }
}

/// The region of a queue as SQS names it: `https://sqs.<region>.amazonaws.com/…`.
fn region(queue_url: &str) -> Option<String> {
    let url = Url::parse(queue_url).ok()?;
    let rest = url.host_str()?.strip_prefix("sqs.")?;
    let region = rest.strip_suffix(".amazonaws.com").or_else(|| rest.strip_suffix(".amazonaws.com.cn"))?;
    (!region.is_empty()).then(|| region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(with: Value, is_fifo: bool) -> Result<Message, String> {
        Message::read(with.as_object().unwrap(), is_fifo, "run/step/3").map_err(|failure| failure.message)
    }

    #[test]
    fn a_text_is_sent_as_it_is_and_anything_else_as_json() {
        assert_eq!(read(json!({"body": "hello"}), false).unwrap().body, "hello");
        assert_eq!(read(json!({"body": {"a": [1, "x"]}}), false).unwrap().body, r#"{"a":[1,"x"]}"#);
        assert_eq!(read(json!({"body": null}), false).unwrap().body, "null");
    }

    #[test]
    fn a_fifo_queue_gets_a_group_and_an_id_where_the_step_names_none() {
        let plain = read(json!({"body": "x"}), false).unwrap();
        assert_eq!((plain.group_id, plain.deduplication_id), (None, None));
        let fifo = read(json!({"body": "x"}), true).unwrap();
        assert_eq!(
            (fifo.group_id.as_deref(), fifo.deduplication_id.as_deref()),
            (Some("run"), Some("run/step/3"))
        );
        let named = read(json!({"body": "x", "group_id": "g", "deduplication_id": "d"}), true).unwrap();
        assert_eq!((named.group_id.as_deref(), named.deduplication_id.as_deref()), (Some("g"), Some("d")));
    }

    #[test]
    fn what_sqs_would_refuse_is_refused_before() {
        for (with, says) in [
            (json!({"body": ""}), "1 to"),
            (json!({"body": "x".repeat(MAX_BODY_BYTES + 1)}), "1 to"),
            (json!({"body": "x", "group_id": 1}), "group_id"),
            (json!({"body": "x", "deduplication_id": ""}), "deduplication_id"),
            (json!({"body": "x", "delay_seconds": 1.5}), "delay_seconds"),
            (json!({"body": "x", "delay_seconds": 901}), "delay_seconds"),
        ] {
            let message = read(with, false).unwrap_err();
            assert!(message.contains(says), "{message}");
        }
    }

    #[test]
    fn a_queue_is_asked_in_its_region() {
        assert_eq!(
            region("https://sqs.eu-west-1.amazonaws.com/123456789012/q").as_deref(),
            Some("eu-west-1")
        );
        assert_eq!(
            region("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q").as_deref(),
            Some("cn-north-1")
        );
        assert_eq!(region("http://127.0.0.1:4566/000000000000/q"), None);
    }
}
