//! Dispatch: telling SQS that a run waits. The message is a hint; the row is the truth.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, QueueAttributeName, SendMessageBatchRequestEntry,
};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use uuid::Uuid;

use crate::app::App;
use crate::aws;
use crate::config::{ConfigError, Setting, Settings};
use crate::functions::{Call, Function};
use crate::runs::{self, Run, RunSummary};

/// All a create call may spend on SQS, retries included: with the insert before it the caller has an answer within 2 s.
const SEND_TIMEOUT: Duration = Duration::from_millis(1200);
/// SQS delays a message by at most 15 minutes; what is due later is left to the sweep.
pub const MAX_DELAY_SECONDS: i32 = 900;

/// A caller has an answer within two seconds, whatever SQS does; this much of it may pass until [`tell`] is done.
pub const TELL_WITHIN: Duration = Duration::from_millis(1800);
/// SQS takes at most this many messages at once.
pub const MAX_BATCH: usize = 10;

/// What a message says: this run may be waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Which run.
    pub run_id: Uuid,
}

/// Asks SQS about the runs queue. Each method is one [`Call`], which the function's row has to list.
#[derive(Clone, Debug)]
pub struct Dispatcher {
    function: &'static Function,
    client: Client,
    queue_url: String,
}

/// What SQS is told about one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The run's tenant: the group, so that SQS takes turns between tenants (fair queues).
    pub tenant_id: Uuid,
    /// The run.
    pub run_id: Uuid,
    /// 0 to [`MAX_DELAY_SECONDS`].
    pub delay_seconds: i32,
}

impl Notice {
    /// About a run as a verb has just returned it; `None` if it may be claimed so late that SQS cannot delay the message until
    /// then: that is left to the sweep.
    pub fn of(run: &Run) -> Option<Self> {
        Self::after(run.tenant_id, run.id, run.available_at - run.updated_at)
    }

    /// As [`Notice::of`].
    pub fn of_summary(run: &RunSummary) -> Option<Self> {
        Self::after(run.tenant_id, run.id, run.available_at - run.updated_at)
    }

    // The clock of Postgres throughout: the verb wrote updated_at.
    fn after(tenant_id: Uuid, run_id: Uuid, delay: TimeDelta) -> Option<Self> {
        let delay = delay.max(TimeDelta::zero());
        let seconds = delay.num_seconds() + i64::from(delay.subsec_nanos() > 0);
        let delay_seconds = i32::try_from(seconds).ok().filter(|seconds| *seconds <= MAX_DELAY_SECONDS)?;
        Some(Self { tenant_id, run_id, delay_seconds })
    }

    fn body(self) -> String {
        format!(r#"{{"run_id":"{}"}}"#, self.run_id)
    }

    fn delay(self) -> Option<i32> {
        (self.delay_seconds > 0).then_some(self.delay_seconds)
    }
}

/// SQS did not do as asked in time. A dispatch stays due then.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    /// It did not answer in time.
    #[error("SQS did not answer within {} ms", SEND_TIMEOUT.as_millis())]
    Timeout,
    /// It refused some of a batch.
    #[error("SQS refused {failed} messages of a batch")]
    NotAll {
        /// How many.
        failed: usize,
    },
    /// It could not be reached, or refused.
    #[error("SQS did not do as asked")]
    Sqs(#[from] Box<aws_sdk_sqs::Error>),
}

impl Dispatcher {
    /// From parts that are already there.
    pub fn new(function: &'static Function, client: Client, queue_url: String) -> Self {
        Self { function, client, queue_url }
    }

    /// From `RUNS_QUEUE_URL`.
    ///
    /// # Errors
    /// [`ConfigError`] if the queue's URL is not set.
    pub fn from_settings(settings: &mut Settings, client: Client) -> Result<Self, ConfigError> {
        Ok(Self::new(settings.function(), client, settings.required(Setting::RunsQueueUrl)?))
    }

    /// Sends `{"run_id": …}`.
    ///
    /// # Errors
    /// [`DispatchError`], after 1.2 seconds at the latest.
    pub async fn send(&self, notice: Notice) -> Result<(), DispatchError> {
        self.function.assert_calls(Call::SendMessage);
        let send = self
            .client
            .send_message()
            .queue_url(&self.queue_url)
            .message_body(notice.body())
            .message_group_id(notice.tenant_id.to_string())
            .set_delay_seconds(notice.delay());
        in_time(send.send()).await.map(drop)
    }

    /// Sends up to [`MAX_BATCH`] notices at once and returns those that SQS took.
    ///
    /// # Errors
    /// [`DispatchError`] if SQS took none, after 1.2 seconds at the latest.
    pub async fn send_batch(&self, notices: &[Notice]) -> Result<Vec<Notice>, DispatchError> {
        // IAM has no action of its own for batches.
        self.function.assert_calls(Call::SendMessage);
        let mut send = self.client.send_message_batch().queue_url(&self.queue_url);
        for (index, notice) in notices.iter().enumerate() {
            let entry = SendMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .message_body(notice.body())
                .message_group_id(notice.tenant_id.to_string())
                .set_delay_seconds(notice.delay());
            send = send.entries(entry.build().map_err(|error| Box::new(error.into()))?);
        }
        let sent = in_time(send.send()).await?;
        let taken =
            sent.successful().iter().filter_map(|entry| notices.get(entry.id().parse::<usize>().ok()?));
        Ok(taken.copied().collect())
    }

    /// About how many messages are in the queue and could be received now.
    ///
    /// # Errors
    /// [`DispatchError`], after 1.2 seconds at the latest.
    pub async fn backlog(&self) -> Result<usize, DispatchError> {
        self.function.assert_calls(Call::GetQueueAttributes);
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let ask = self.client.get_queue_attributes().queue_url(&self.queue_url).attribute_names(name.clone());
        let answer = in_time(ask.send()).await?;
        let number = answer.attributes().and_then(|all| all.get(&name)).and_then(|text| text.parse().ok());
        Ok(number.unwrap_or(0))
    }

    /// Hides a received message from other receivers for so many seconds from now (0 = shows it at once).
    ///
    /// # Errors
    /// [`DispatchError`], after 1.2 seconds at the latest; the message comes back when its visibility ends.
    pub async fn hide(&self, receipt_handle: &str, seconds: i32) -> Result<(), DispatchError> {
        self.function.assert_calls(Call::ChangeMessageVisibility);
        let hide = self
            .client
            .change_message_visibility()
            .queue_url(&self.queue_url)
            .receipt_handle(receipt_handle)
            .visibility_timeout(seconds);
        in_time(hide.send()).await.map(drop)
    }
}

impl Dispatcher {
    /// As [`Dispatcher::hide`] for several messages, all at once.
    ///
    /// # Errors
    /// [`DispatchError`], after 1.2 seconds at the latest; messages come back when their visibility ends.
    pub async fn hide_all(&self, receipt_handles: &[&str], seconds: i32) -> Result<(), DispatchError> {
        // IAM has no action of its own for batches.
        self.function.assert_calls(Call::ChangeMessageVisibility);
        let hidden = receipt_handles.chunks(MAX_BATCH).map(async |batch| {
            let mut hide = self.client.change_message_visibility_batch().queue_url(&self.queue_url);
            for (index, receipt) in batch.iter().enumerate() {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(index.to_string())
                    .receipt_handle(*receipt)
                    .visibility_timeout(seconds);
                hide = hide.entries(entry.build().map_err(|error| Box::new(error.into()))?);
            }
            let failed = in_time(hide.send()).await?.failed().len();
            if failed == 0 { Ok(()) } else { Err(DispatchError::NotAll { failed }) }
        });
        futures_util::future::join_all(hidden).await.into_iter().collect()
    }
}

/// A client of SQS from the AWS SDK's own variables, for callers who wait. Opens no connection.
pub async fn client() -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_millis(400))
        .operation_attempt_timeout(Duration::from_millis(700))
        .operation_timeout(SEND_TIMEOUT)
        .build();
    // A connection that lay idle may have been cut: the second attempt follows the first one soon.
    let retries =
        RetryConfig::standard().with_max_attempts(2).with_initial_backoff(Duration::from_millis(100));
    let config = aws::of_function().await.into_builder().timeout_config(timeouts).retry_config(retries);
    Client::new(&config.build())
}

/// An answer of SQS within [`SEND_TIMEOUT`]: the SDK's own limits do not cover finding credentials.
pub(crate) async fn in_time<T, E>(
    asked: impl Future<Output = Result<T, aws_sdk_sqs::error::SdkError<E>>>,
) -> Result<T, DispatchError>
where
    aws_sdk_sqs::Error: From<aws_sdk_sqs::error::SdkError<E>>,
{
    match tokio::time::timeout(SEND_TIMEOUT, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Box::new(aws_sdk_sqs::Error::from(error)).into()),
        Err(_) => Err(DispatchError::Timeout),
    }
}

/// Tells SQS about a run that a verb has just made QUEUED, then the row that SQS knows; the run shows it. Does nothing for a
/// run that is not pushed. Whatever goes wrong until `deadline`, the dispatch stays due on the row and the sweep sends it:
/// whoever asked for the verb is told of its success all the same. Beside it the sweep is armed, also for a run that is not pushed, or has ended: events are
/// due of it, and what it held is free.
pub async fn tell(app: &App, run: &mut Run, deadline: Instant) {
    futures_util::join!(tell_of(app, run, deadline), arm_until(app, deadline));
}

/// What it takes longer is given up: an SQS that is slow keeps nobody longer than it would without being told of the run.
async fn arm_until(app: &App, deadline: Instant) {
    if tokio::time::timeout_at(deadline, app.arm()).await.is_err() {
        tracing::warn!("no time left to arm the sweep");
    }
}

async fn tell_of(app: &App, run: &mut Run, deadline: Instant) {
    // Not only in `send`: the handlers' tests have no queue.
    app.function.assert_calls(Call::SendMessage);
    let Some(dispatcher) = &app.dispatcher else { return };
    match tokio::time::timeout_at(deadline, told(app, dispatcher, run)).await {
        Ok(true) => run.dispatch_due_at = None,
        Ok(false) => {}
        Err(_) => tracing::warn!("run stored, dispatch stays due: no time left to tell SQS and the row"),
    }
}

/// False: the dispatch stays due.
async fn told(app: &App, dispatcher: &Dispatcher, run: &Run) -> bool {
    let (Some(due_at), Some(notice)) = (run.dispatch_due_at, Notice::of(run)) else { return false };
    if let Err(error) = dispatcher.send(notice).await {
        tracing::warn!(error = format!("{:#}", anyhow::Error::new(error)), "run stored, dispatch stays due");
        return false;
    }
    let marked = app.call(async |conn| runs::mark_dispatched(conn, run.tenant_id, run.id, due_at).await);
    if let Err(error) = marked.await {
        // The message comes once more, which is harmless.
        tracing::warn!(error = format!("{error:#}"), "run dispatched, but its dispatch stays due");
        app.db.discard().await;
        return false;
    }
    true
}

/// As [`tell`] for several runs: all messages at once, in batches, then one statement. Of what SQS has not taken until `deadline`, or the row
/// was not told, the dispatch stays due.
pub async fn tell_all(app: &App, runs: &mut [RunSummary], deadline: Instant) {
    if !runs.is_empty() {
        futures_util::join!(tell_of_all(app, runs, deadline), arm_until(app, deadline));
    }
}

async fn tell_of_all(app: &App, runs: &mut [RunSummary], deadline: Instant) {
    app.function.assert_calls(Call::SendMessage);
    let Some(dispatcher) = &app.dispatcher else { return };
    let due = runs.iter().enumerate().filter(|(_, run)| run.dispatch_due_at.is_some());
    let due: Vec<(usize, Notice)> =
        due.filter_map(|(position, run)| Some((position, Notice::of_summary(run)?))).collect();
    let sends = due.chunks(MAX_BATCH).map(|batch| send_until(dispatcher, batch, deadline));
    let sent: Vec<usize> = futures_util::future::join_all(sends).await.into_iter().flatten().collect();
    if sent.is_empty() {
        return;
    }
    let told: Vec<_> = sent
        .iter()
        .filter_map(|&position| {
            Some((runs[position].tenant_id, runs[position].id, runs[position].dispatch_due_at?))
        })
        .collect();
    let mark = app.call(async |conn| runs::mark_all_dispatched(conn, &told).await);
    match tokio::time::timeout_at(deadline, mark).await {
        Ok(Ok(())) => sent.into_iter().for_each(|position| runs[position].dispatch_due_at = None),
        Ok(Err(error)) => {
            // The messages come once more, which is harmless.
            tracing::warn!(error = format!("{error:#}"), "runs dispatched, but their dispatches stay due");
            app.db.discard().await;
        }
        Err(_) => {
            tracing::warn!("runs dispatched, but their dispatches stay due: no time left to tell the rows")
        }
    }
}

/// The positions of those that SQS took.
async fn send_until(dispatcher: &Dispatcher, batch: &[(usize, Notice)], deadline: Instant) -> Vec<usize> {
    let notices: Vec<_> = batch.iter().map(|(_, notice)| *notice).collect();
    let taken = match tokio::time::timeout_at(deadline, dispatcher.send_batch(&notices)).await {
        Ok(Ok(taken)) => taken,
        Ok(Err(error)) => {
            let error = format!("{:#}", anyhow::Error::new(error));
            tracing::warn!(error, "runs stored, dispatches stay due");
            Vec::new()
        }
        Err(_) => {
            tracing::warn!("runs stored, dispatches stay due: no time left to tell SQS");
            Vec::new()
        }
    };
    let of_taken = batch.iter().filter(|(_, notice)| taken.contains(notice));
    of_taken.map(|(position, _)| *position).collect()
}
