//! The queues of `localstack/queues.json`: `up` and the tests create them the same way, whatever serves SQS.

use std::collections::HashMap;

use anyhow::{Context, Result};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{Credentials, Region};
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::QueueAttributeName;
use serde::Deserialize;

use crate::outputs;
use crate::paths::Dirs;

/// The account that every local SQS puts queues under.
const ACCOUNT: &str = "000000000000";
/// What steps of examples send to.
const ALERTS: &str = "ops_alerts";
/// The region of everything local.
pub const REGION: &str = "us-east-1";

/// The addresses of the queues, on the endpoint they were created on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, Deserialize)]
pub struct Queues {
    /// `<endpoint>/000000000000/runplane-runs`: what functions get as `RUNS_QUEUE_URL`.
    pub runs_url: String,
    /// `<endpoint>/000000000000/runplane-runs-dlq`
    pub dlq_url: String,
    /// `<endpoint>/000000000000/runplane-sweep.fifo`: what functions get as `SWEEP_QUEUE_URL`.
    #[serde(default)]
    pub sweep_url: String,
    /// `<endpoint>/000000000000/runplane-deliver.fifo`: what functions get as `DELIVER_QUEUE_URL`.
    #[serde(default)]
    pub deliver_url: String,
    /// `<endpoint>/000000000000/ops_alerts`, into which examples send.
    #[serde(default)]
    pub alerts_url: String,
}

impl Queues {
    /// Their addresses on `endpoint_url`. (Answers of LocalStack name a host that may not resolve.)
    pub fn on(endpoint_url: &str) -> Self {
        Self::named(endpoint_url, "")
    }

    /// The addresses of those that [`create_named`] makes.
    fn named(endpoint_url: &str, suffix: &str) -> Self {
        let url =
            |name| format!("{}/{ACCOUNT}/{}", endpoint_url.trim_end_matches('/'), with_suffix(name, suffix));
        Self {
            runs_url: url("runplane-runs"),
            dlq_url: url("runplane-runs-dlq"),
            sweep_url: url("runplane-sweep.fifo"),
            deliver_url: url("runplane-deliver.fifo"),
            alerts_url: url(ALERTS),
        }
    }
}

/// The name of a FIFO queue ends as SQS wants it to.
fn with_suffix(name: &str, suffix: &str) -> String {
    match name.strip_suffix(".fifo") {
        Some(name) => format!("{name}{suffix}.fifo"),
        None => format!("{name}{suffix}"),
    }
}

#[derive(Debug, Deserialize)]
struct Definitions {
    queues: Vec<Definition>,
}

#[derive(Debug, Deserialize)]
struct Definition {
    name: String,
    attributes: HashMap<String, String>,
    dead_letter: Option<DeadLetter>,
}

#[derive(Debug, Deserialize)]
struct DeadLetter {
    queue: String,
    max_receives: u32,
}

impl Definition {
    fn attributes(&self, suffix: &str) -> HashMap<QueueAttributeName, String> {
        let mut all: HashMap<_, _> = self
            .attributes
            .iter()
            .map(|(name, value)| (QueueAttributeName::from(name.as_str()), value.clone()))
            .collect();
        if let Some(DeadLetter { queue, max_receives }) = &self.dead_letter {
            let target = format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}{suffix}");
            let policy =
                serde_json::json!({ "deadLetterTargetArn": target, "maxReceiveCount": max_receives });
            all.insert(QueueAttributeName::RedrivePolicy, policy.to_string());
        }
        all
    }
}

/// A client for the SQS at `endpoint_url`, with the environment's key or a made-up one.
pub async fn client(endpoint_url: &str) -> Client {
    let (key, secret) = credentials();
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new(key, secret, None, None, "local"))
        .endpoint_url(endpoint_url)
        .build();
    Client::from_conf(config)
}

/// `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` of the environment, or ones that mean nothing.
pub fn credentials() -> (String, String) {
    let of = |name| {
        std::env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| "test".to_owned())
    };
    (of("AWS_ACCESS_KEY_ID"), of("AWS_SECRET_ACCESS_KEY"))
}

/// Creates the queues that `localstack/queues.json` defines on the SQS at `endpoint_url`; those that exist get its
/// attributes. Fails when the file cannot be read or SQS refuses.
pub async fn create(dirs: &Dirs, endpoint_url: &str) -> Result<Queues> {
    create_named(dirs, endpoint_url, "").await
}

/// The same, with `suffix` after each queue's name; and the bucket beside them, and the queue that examples send to.
pub async fn create_named(dirs: &Dirs, endpoint_url: &str, suffix: &str) -> Result<Queues> {
    outputs::create(endpoint_url).await?;
    let path = dirs.root().join("localstack/queues.json");
    let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut definitions: Definitions =
        serde_json::from_slice(&text).with_context(|| format!("{} is wrong", path.display()))?;
    // No part of a deployment, so it is not in the file, which is held against the template.
    let alerts = Definition { name: ALERTS.to_owned(), attributes: HashMap::new(), dead_letter: None };
    definitions.queues.push(alerts);
    let client = client(endpoint_url).await;
    for definition in &definitions.queues {
        let name = &with_suffix(&definition.name, suffix);
        let attributes = definition.attributes(suffix);
        let created =
            client.create_queue().queue_name(name).set_attributes(Some(attributes.clone())).send().await;
        if let Err(error) = created {
            let error = error.into_service_error();
            if !error.is_queue_name_exists() {
                anyhow::bail!(
                    "cannot create the queue {name} on {endpoint_url}: {}",
                    DisplayErrorContext(&error)
                );
            }
            let url = format!("{}/{ACCOUNT}/{name}", endpoint_url.trim_end_matches('/'));
            client.set_queue_attributes().queue_url(url).set_attributes(Some(attributes)).send().await?;
        }
    }
    Ok(Queues::named(endpoint_url, suffix))
}

/// How many messages wait in a queue and how many are being worked on.
pub async fn depth(client: &Client, queue_url: &str) -> Result<(u64, u64)> {
    use QueueAttributeName::{ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible};
    let names = [ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible];
    let asked = client.get_queue_attributes().queue_url(queue_url).set_attribute_names(Some(names.to_vec()));
    let answer = asked.send().await?;
    let found = answer.attributes().cloned().unwrap_or_default();
    let number = |name| found.get(&name).and_then(|value: &String| value.parse().ok()).unwrap_or_default();
    Ok((number(ApproximateNumberOfMessages), number(ApproximateNumberOfMessagesNotVisible)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_on_the_endpoint_whatever_sqs_answers() {
        let queues = Queues::on("http://127.0.0.1:4566/");
        assert_eq!(queues.runs_url, "http://127.0.0.1:4566/000000000000/runplane-runs");
        assert_eq!(queues.dlq_url, "http://127.0.0.1:4566/000000000000/runplane-runs-dlq");
        assert_eq!(queues.sweep_url, "http://127.0.0.1:4566/000000000000/runplane-sweep.fifo");
        assert_eq!(queues.deliver_url, "http://127.0.0.1:4566/000000000000/runplane-deliver.fifo");
        assert_eq!(queues.alerts_url, "http://127.0.0.1:4566/000000000000/ops_alerts");
        let named = Queues::named("http://127.0.0.1:4566", "-a");
        assert_eq!(named.runs_url, "http://127.0.0.1:4566/000000000000/runplane-runs-a");
        assert_eq!(named.sweep_url, "http://127.0.0.1:4566/000000000000/runplane-sweep-a.fifo");
    }

    #[test]
    fn a_dead_letter_queue_becomes_a_redrive_policy() {
        let text = include_str!("../../localstack/queues.json");
        let definitions: Definitions = serde_json::from_str(text).unwrap();
        let runs = definitions.queues.iter().find(|queue| queue.name == "runplane-runs").unwrap();
        let policy: serde_json::Value =
            serde_json::from_str(&runs.attributes("-a")[&QueueAttributeName::RedrivePolicy]).unwrap();
        assert_eq!(policy["maxReceiveCount"], 3);
        assert_eq!(policy["deadLetterTargetArn"], "arn:aws:sqs:us-east-1:000000000000:runplane-runs-dlq-a");
    }

    #[test]
    fn a_dead_letter_queue_is_defined_before_the_queue_that_names_it() {
        let text = include_str!("../../localstack/queues.json");
        let definitions: Definitions = serde_json::from_str(text).unwrap();
        let names: Vec<&str> = definitions.queues.iter().map(|queue| queue.name.as_str()).collect();
        assert_eq!(names[..2], ["runplane-runs-dlq", "runplane-runs"]);
    }
}
