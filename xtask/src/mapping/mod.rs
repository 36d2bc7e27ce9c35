//! Plays Lambda's event source mapping between a queue and a function on the local stack: the worker, the sweep, or what delivers events. On AWS the real one does
//! this; here it is deliberately small and knows one queue and one function.
//!
//! It long-polls the queue, invokes the function through Lambda's invoke API with the event that AWS would send, and
//! deletes what succeeded. What the function names in `batchItemFailures` stays in the queue until its visibility
//! ends, and so does the whole batch when the invocation fails; after so many receives the queue's own redrive policy
//! moves a message to the dead-letter queue. It sets no visibility, scales to no more than [`POLLERS`] batches at once,
//! knows no filters and no batching window.

mod batch;
mod event;

use std::time::Duration;

use anyhow::Context as _;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use batch::Verdict;

/// How many batches are under way at once.
pub const POLLERS: usize = 2;
/// Messages of one batch; SQS gives no more at a time.
const BATCH: i32 = 10;
/// How long SQS holds a poll that finds nothing, its longest.
const WAIT_SECONDS: i32 = 20;
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Lambda's longest time limit and a little more: the answer always comes first.
const INVOCATION_LIMIT: Duration = Duration::from_secs(910);
/// How long a batch is kept for a function that nobody listens for, before it goes back to the queue.
const UNREACHABLE_LIMIT: Duration = Duration::from_secs(20);

/// What is connected to what.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// The endpoint of SQS: `http://127.0.0.1:4566`.
    pub endpoint_url: String,
    /// The queue: `<endpoint>/<account>/<name>`.
    pub queue_url: String,
    /// The base URL of Lambda's invoke API, without a slash at the end: that of `cargo lambda watch`, or of the
    /// [`Host`](crate::host::Host).
    pub invoke_url: String,
    /// The function to invoke.
    pub function: String,
}

/// What becomes of a batch on its way.
pub trait Courier: Send + Sync {
    /// The deliveries that come of messages that were received together: how long each waits, and what it brings. A message in none is left where it
    /// is, and comes again when its visibility ends.
    fn deliveries(&self, received: Vec<Message>) -> Vec<(Duration, Vec<Message>)>;
}

/// Delivers what was received, at once, once and in order. (SQS promises none of that.)
#[derive(Debug)]
struct Prompt;

impl Courier for Prompt {
    fn deliveries(&self, received: Vec<Message>) -> Vec<(Duration, Vec<Message>)> {
        vec![(Duration::ZERO, received)]
    }
}

/// Moves messages until `stop` says so. Batches under way are given up then: their messages come back when their
/// visibility ends, which the worker is made for.
///
/// While SQS or the function cannot be reached it tries again with growing pauses of up to 5 s, and says so on stderr
/// with one line each. Fails only when the queue's URL names no queue.
pub async fn run(mapping: Mapping, stop: CancellationToken) -> anyhow::Result<()> {
    run_by(&Prompt, mapping, stop).await
}

/// The same, by a courier who may do otherwise.
pub async fn run_by(courier: &dyn Courier, mapping: Mapping, stop: CancellationToken) -> anyhow::Result<()> {
    let arn = event::queue_arn(&mapping.queue_url)
        .with_context(|| format!("{:?} is not the URL of a queue", mapping.queue_url))?;
    let poller = Poller {
        sqs: crate::queues::client(&mapping.endpoint_url).await,
        http: reqwest::Client::builder().no_proxy().timeout(INVOCATION_LIMIT).build()?,
        arn,
        mapping,
        courier,
    };
    let polls = async { tokio::join!(poller.poll(), poller.poll()) };
    tokio::select! {
        () = stop.cancelled() => {}
        _ = polls => {}
    }
    Ok(())
}

struct Poller<'a> {
    mapping: Mapping,
    courier: &'a dyn Courier,
    arn: String,
    sqs: Client,
    http: reqwest::Client,
}

impl Poller<'_> {
    /// Never ends.
    async fn poll(&self) {
        let mut pause = Pause::default();
        loop {
            match self.receive().await {
                Ok(messages) if messages.is_empty() => pause = Pause::default(),
                Ok(messages) => {
                    pause = Pause::default();
                    let deliveries = self.courier.deliveries(messages).into_iter();
                    join_all(deliveries.map(|(wait, messages)| self.deliver(wait, messages))).await;
                }
                Err(error) => {
                    say(&format!("cannot receive from {}: {error}", self.mapping.queue_url));
                    pause.wait().await;
                }
            }
        }
    }

    async fn receive(&self) -> Result<Vec<Message>, String> {
        let received = self
            .sqs
            .receive_message()
            .queue_url(&self.mapping.queue_url)
            .max_number_of_messages(BATCH)
            .wait_time_seconds(WAIT_SECONDS)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await;
        Ok(received.map_err(|e| DisplayErrorContext(e).to_string())?.messages.unwrap_or_default())
    }

    async fn deliver(&self, wait: Duration, messages: Vec<Message>) {
        tokio::time::sleep(wait).await;
        self.treat(&messages).await;
    }

    /// Invokes the function with a batch and deletes what it did.
    async fn treat(&self, messages: &[Message]) {
        let verdict = match self.invoke(messages).await {
            Ok(answer) => batch::judge(&answer, messages),
            Err(error) => Verdict::Failed(error),
        };
        let done: Vec<_> = match verdict {
            Verdict::Failed(reason) => {
                return say(&format!("{} messages stay in the queue: {reason}", messages.len()));
            }
            Verdict::Done(done) => done,
        };
        if done.len() < messages.len() {
            say(&format!("{} of {} messages stay in the queue", messages.len() - done.len(), messages.len()));
        }
        if let Err(error) = self.delete(&done).await {
            // They come again, and the worker finds their runs taken.
            say(&format!("cannot delete {} messages: {error}", done.len()));
        }
    }

    /// The function's answer, or in words why there is none.
    async fn invoke(&self, messages: &[Message]) -> Result<Vec<u8>, String> {
        let Mapping { invoke_url, function, .. } = &self.mapping;
        let url = format!("{invoke_url}/2015-03-31/functions/{function}/invocations");
        let event = event::of(messages, &self.arn);
        let (mut pause, since) = (Pause::default(), tokio::time::Instant::now());
        let response = loop {
            match self.http.post(&url).json(&event).send().await {
                // Nobody has seen the event, so it may be sent again.
                Err(error) if error.is_connect() && since.elapsed() < UNREACHABLE_LIMIT => {
                    say(&format!("cannot reach {url}, trying again"));
                    pause.wait().await;
                }
                other => break other.map_err(|e| e.to_string())?,
            }
        };
        let status = response.status();
        let failed = response.headers().contains_key("x-amz-function-error");
        let body = response.bytes().await.map_err(|e| e.to_string())?;
        if failed || !status.is_success() {
            let text: String = String::from_utf8_lossy(&body).chars().take(500).collect();
            return Err(format!("{function} failed with {status}: {text}"));
        }
        Ok(body.into())
    }

    async fn delete(&self, messages: &[&Message]) -> Result<(), String> {
        if messages.is_empty() {
            return Ok(());
        }
        let mut request = self.sqs.delete_message_batch().queue_url(&self.mapping.queue_url);
        for (index, message) in messages.iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder().id(index.to_string());
            let entry = entry.receipt_handle(message.receipt_handle().unwrap_or_default()).build();
            request = request.entries(entry.map_err(|e| e.to_string())?);
        }
        let deleted = request.send().await.map_err(|e| DisplayErrorContext(e).to_string())?;
        match deleted.failed().first() {
            Some(first) => Err(format!("{} ({} refused)", first.code(), deleted.failed().len())),
            None => Ok(()),
        }
    }
}

/// A wait that doubles each time.
#[derive(Default)]
struct Pause(u32);

impl Pause {
    async fn wait(&mut self) {
        let pause = Duration::from_millis(200).saturating_mul(1 << self.0.min(10));
        self.0 += 1;
        tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
    }
}

fn say(line: &str) {
    eprintln!("mapping: {line}");
}
