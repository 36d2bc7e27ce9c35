//! Reading a function's answer to a batch as AWS does (`ReportBatchItemFailures`).

use std::collections::BTreeSet;

use aws_sdk_sqs::types::Message;
use serde_json::Value;

/// What becomes of a batch.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict<'a> {
    /// These are done with; the others stay in the queue.
    Done(Vec<&'a Message>),
    /// All of them stay; why, in words.
    Failed(String),
}

/// Without `batchItemFailures` all succeeded. Anything in it that names no message of the batch means that the answer
/// cannot be trusted: then all failed.
pub(super) fn judge<'a>(answer: &[u8], messages: &'a [Message]) -> Verdict<'a> {
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else {
        return Verdict::Failed("the function's answer is not JSON".into());
    };
    let failures = match &answer["batchItemFailures"] {
        Value::Null => return Verdict::Done(messages.iter().collect()),
        Value::Array(failures) => failures,
        other => return Verdict::Failed(format!("batchItemFailures is {other}")),
    };
    let mut failed = BTreeSet::new();
    for failure in failures {
        match failure["itemIdentifier"].as_str() {
            Some(id) if messages.iter().any(|m| m.message_id() == Some(id)) => failed.insert(id),
            _ => {
                return Verdict::Failed(format!(
                    "batchItemFailures has {failure}, which is no message of the batch"
                ));
            }
        };
    }
    let stays = |message: &&Message| message.message_id().is_some_and(|id| failed.contains(id));
    Verdict::Done(messages.iter().filter(|message| !stays(message)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> Vec<Message> {
        ["a", "b", "c"].map(|id| Message::builder().message_id(id).build()).to_vec()
    }

    fn done(answer: &str) -> Option<String> {
        match judge(answer.as_bytes(), &batch()) {
            Verdict::Done(messages) => Some(messages.iter().filter_map(|m| m.message_id()).collect()),
            Verdict::Failed(_) => None,
        }
    }

    #[test]
    fn an_answer_without_failures_means_that_all_succeeded() {
        for answer in
            ["null", "{}", r#""done""#, r#"{"batchItemFailures":null}"#, r#"{"batchItemFailures":[]}"#]
        {
            assert_eq!(done(answer).as_deref(), Some("abc"), "{answer}");
        }
    }

    #[test]
    fn only_what_is_named_fails() {
        let answer = r#"{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"b"}]}"#;
        assert_eq!(done(answer).as_deref(), Some("ac"));
    }

    #[test]
    fn an_answer_that_cannot_be_trusted_fails_the_whole_batch() {
        for answer in [
            "",
            "no json",
            r#"{"batchItemFailures":"a"}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"x"}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
            r#"{"batchItemFailures":[{"id":"a"}]}"#,
            r#"{"batchItemFailures":["a"]}"#,
        ] {
            assert_eq!(done(answer), None, "{answer}");
        }
    }
}
