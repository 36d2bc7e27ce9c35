//! Dispatch: telling SQS that a run waits. The message is a hint; the row is the truth.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_sqs::Client;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::config::{self, ConfigError, RUNS_QUEUE_URL};

/// All a create call may spend on SQS, retries included: with the insert before it the caller has an answer within 2 s.
const SEND_TIMEOUT: Duration = Duration::from_millis(1200);
/// SQS delays a message by at most 15 minutes; what is due later is left to the sweep.
pub const MAX_DELAY_SECONDS: i32 = 900;

/// What a message says: this run may be waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Which run.
    pub run_id: Uuid,
}

/// Sends to the runs queue.
#[derive(Clone, Debug)]
pub struct Dispatcher {
    client: Client,
    queue_url: String,
}

/// SQS did not take the message in time. The run's dispatch stays due.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    /// It did not answer in time.
    #[error("SQS did not answer within {} ms", SEND_TIMEOUT.as_millis())]
    Timeout,
    /// It could not be reached, or refused.
    #[error("SQS did not take the message")]
    Sqs(#[from] Box<aws_sdk_sqs::error::SdkError<aws_sdk_sqs::operation::send_message::SendMessageError>>),
}

impl Dispatcher {
    /// From `RUNS_QUEUE_URL` and the AWS SDK's own variables. Opens no connection.
    ///
    /// # Errors
    /// [`ConfigError`] if the queue's URL is not set.
    pub async fn from_env() -> Result<Self, ConfigError> {
        let queue_url = config::required(RUNS_QUEUE_URL)?;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_millis(400))
            .operation_attempt_timeout(Duration::from_millis(700))
            .operation_timeout(SEND_TIMEOUT)
            .build();
        let config = aws_config::defaults(BehaviorVersion::latest())
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(2))
            .load()
            .await;
        Ok(Self { client: Client::new(&config), queue_url })
    }

    /// Sends `{"run_id": …}`. The group is the tenant, so that SQS takes turns between tenants (fair queues).
    /// `delay_seconds`: 0 to [`MAX_DELAY_SECONDS`].
    ///
    /// # Errors
    /// [`DispatchError`], after 1.2 seconds at the latest.
    pub async fn send(&self, tenant: Uuid, run_id: Uuid, delay_seconds: i32) -> Result<(), DispatchError> {
        let send = self
            .client
            .send_message()
            .queue_url(&self.queue_url)
            .message_body(format!(r#"{{"run_id":"{run_id}"}}"#))
            .message_group_id(tenant.to_string())
            .set_delay_seconds((delay_seconds > 0).then_some(delay_seconds))
            .send();
        // The SDK's own limits do not cover finding credentials.
        match tokio::time::timeout(SEND_TIMEOUT, send).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Box::new(error).into()),
            Err(_) => Err(DispatchError::Timeout),
        }
    }
}
