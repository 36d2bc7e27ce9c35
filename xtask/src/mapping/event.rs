//! The event that Lambda's event source mapping makes of SQS messages.

use aws_sdk_sqs::types::{Message, MessageAttributeValue};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use crate::queues::REGION;

/// `arn:aws:sqs:<region>:<account>:<name>` of the queue at `<endpoint>/<account>/<name>`, or `None` when the URL does
/// not end like that.
pub(super) fn queue_arn(queue_url: &str) -> Option<String> {
    let (_, path) = queue_url.split_once("://")?.1.split_once('/')?;
    let (rest, name) = path.rsplit_once('/')?;
    let account = rest.rsplit('/').next().unwrap_or_default();
    if account.is_empty() || name.is_empty() {
        return None;
    }
    Some(format!("arn:aws:sqs:{REGION}:{account}:{name}"))
}

/// The event of a batch.
pub(super) fn of(messages: &[Message], queue_arn: &str) -> Value {
    json!({ "Records": messages.iter().map(|message| record(message, queue_arn)).collect::<Vec<_>>() })
}

fn record(message: &Message, queue_arn: &str) -> Value {
    let attributes: Map<_, _> = message
        .attributes()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str().to_owned(), Value::from(value.as_str())))
        .collect();
    let message_attributes: Map<_, _> = message
        .message_attributes()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), attribute(value)))
        .collect();
    let mut record = json!({
        "messageId": message.message_id(),
        "receiptHandle": message.receipt_handle(),
        "body": message.body(),
        "attributes": attributes,
        "messageAttributes": message_attributes,
        "md5OfBody": message.md5_of_body(),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(':').nth(3),
    });
    if let Some(md5) = message.md5_of_message_attributes() {
        record["md5OfMessageAttributes"] = md5.into();
    }
    record
}

fn attribute(value: &MessageAttributeValue) -> Value {
    let mut attribute = json!({
        "dataType": value.data_type(),
        "stringListValues": [],
        "binaryListValues": [],
    });
    if let Some(text) = value.string_value() {
        attribute["stringValue"] = text.into();
    }
    if let Some(bytes) = value.binary_value() {
        attribute["binaryValue"] = BASE64_STANDARD.encode(bytes).into();
    }
    attribute
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_sqs::types::MessageSystemAttributeName as Name;

    const ARN: &str = "arn:aws:sqs:eu-west-1:000000000000:q";

    #[test]
    fn the_arn_of_a_queue_follows_from_its_url() {
        let arn = queue_arn("http://127.0.0.1:4566/000000000000/runplane-runs");
        assert_eq!(arn.as_deref(), Some("arn:aws:sqs:us-east-1:000000000000:runplane-runs"));
        for url in
            ["", "http://127.0.0.1:4566", "http://127.0.0.1:4566/", "http://h/only-a-name", "http://h/1/"]
        {
            assert_eq!(queue_arn(url), None, "{url}");
        }
    }

    #[test]
    fn a_message_becomes_the_record_that_aws_sends() {
        let text = MessageAttributeValue::builder().data_type("String").string_value("t").build().unwrap();
        let binary = MessageAttributeValue::builder().data_type("Binary");
        let binary = binary.binary_value(aws_sdk_sqs::primitives::Blob::new([0xff, 0])).build().unwrap();
        let message = Message::builder()
            .message_id("id")
            .receipt_handle("handle")
            .body("body")
            .md5_of_body("md5")
            .md5_of_message_attributes("md5a")
            .attributes(Name::ApproximateReceiveCount, "2")
            .attributes(Name::MessageGroupId, "tenant")
            .message_attributes("text", text)
            .message_attributes("binary", binary)
            .build();
        let expected = json!({ "Records": [{
            "messageId": "id",
            "receiptHandle": "handle",
            "body": "body",
            "attributes": { "ApproximateReceiveCount": "2", "MessageGroupId": "tenant" },
            "messageAttributes": {
                "text": { "dataType": "String", "stringValue": "t", "stringListValues": [], "binaryListValues": [] },
                "binary": { "dataType": "Binary", "binaryValue": "/wA=", "stringListValues": [], "binaryListValues": [] },
            },
            "md5OfBody": "md5",
            "md5OfMessageAttributes": "md5a",
            "eventSource": "aws:sqs",
            "eventSourceARN": ARN,
            "awsRegion": "eu-west-1",
        }]});
        assert_eq!(of(&[message], ARN), expected);
    }
}
