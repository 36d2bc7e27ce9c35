//! Arming the sweep: whoever puts something in flight sends a message that invokes the sweep in 40 s, and a sweep that finds something in flight sends the next
//! one. With nothing in flight nobody sends any, so nothing runs at all (docs/decisions/0034).
//!
//! Time is cut into periods of 30 s, by the clock of the day, and a message's deduplication id names the period that it was sent in: however many arm in one, SQS
//! keeps one message. It is delivered 40 s after it was sent, so at least 10 s after its period has ended, and whatever was committed in the period is there for
//! that sweep to see. So an environment that has armed a period has nothing to send until that one is over.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_sqs::Client;
use tokio::sync::Mutex;

use crate::dispatch::{DispatchError, in_time};

/// How long a period is.
pub const PERIOD: Duration = Duration::from_secs(30);
/// How long the queue keeps a message back, as the template and the local stack say: a period, and ten seconds for clocks that differ.
pub const DELAY: Duration = Duration::from_secs(40);
/// How long nothing is sent after SQS has not answered: who claims meanwhile does not wait for it.
const LEAVE_ALONE: Duration = Duration::from_secs(5);

/// A queue whose messages invoke a function of ours, one batch at a time, and that keeps one message of those with the same id.
#[derive(Clone, Debug)]
pub struct Bell {
    client: Client,
    queue_url: String,
}

impl Bell {
    /// From parts that are already there.
    pub fn new(client: Client, queue_url: String) -> Self {
        Self { client, queue_url }
    }

    /// Sends a message. SQS takes it and drops it if it has taken one with this id within the last five minutes.
    ///
    /// # Errors
    /// [`DispatchError`], after 1.2 seconds at the latest.
    pub async fn ring(&self, id: &str, body: &str) -> Result<(), DispatchError> {
        let send = self.client.send_message().queue_url(&self.queue_url).message_body(body);
        // One group: what it wakes is there once and has one thing to do.
        in_time(send.message_group_id("all").message_deduplication_id(id).send()).await.map(drop)
    }
}

/// Arms the sweep for one environment.
#[derive(Debug)]
pub struct Arm {
    bell: Bell,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    armed: Option<u64>,
    /// When SQS last failed to answer.
    failed_at: Option<Duration>,
}

impl Arm {
    /// With the sweep's queue.
    pub fn new(bell: Bell) -> Self {
        Self { bell, memory: Mutex::default() }
    }

    /// Another queue, by the same client.
    pub fn bell(&self, queue_url: String) -> Bell {
        Bell { client: self.bell.client.clone(), queue_url }
    }

    /// Arms, unless this environment has done so in this period. What fails is logged and not remembered: the next one tries again, but for five seconds nobody
    /// does. If nobody arms, what is in flight waits for the hourly sweep.
    pub async fn arm(&self) {
        self.arm_at(since_1970()).await;
    }

    /// The same at this time since 1970.
    async fn arm_at(&self, now: Duration) {
        // Whoever comes meanwhile waits for the answer instead of asking the same.
        let mut memory = self.memory.lock().await;
        let left_alone = memory.failed_at.is_some_and(|at| now.abs_diff(at) < LEAVE_ALONE);
        if memory.armed == Some(period(now)) || left_alone {
            return;
        }
        match self.send_at(now).await {
            Ok(()) => *memory = Memory { armed: Some(period(now)), failed_at: None },
            Err(error) => {
                memory.failed_at = Some(now);
                let error = format!("{:#}", anyhow::Error::new(error));
                tracing::warn!(
                    error,
                    "the sweep was not armed: the next one is the hourly one, unless somebody else arms it"
                );
            }
        }
    }

    /// Arms, whatever is remembered. For the sweep, which fails where it cannot.
    ///
    /// # Errors
    /// [`DispatchError`], after 1.2 seconds at the latest.
    pub async fn arm_again(&self) -> Result<(), DispatchError> {
        self.send_at(since_1970()).await
    }

    async fn send_at(&self, now: Duration) -> Result<(), DispatchError> {
        self.bell.ring(&format!("arm-{}", period(now)), "{}").await
    }

    /// Has the sweep come when it is `at`, in seconds since 1970: until then it sends the message on, every 40 s, and asks Postgres nothing.
    ///
    /// # Errors
    /// [`DispatchError`], after 1.2 seconds at the latest.
    pub async fn relay(&self, at: u64) -> Result<(), DispatchError> {
        let id = format!("relay-{}-{at}", period(since_1970()));
        self.bell.ring(&id, &format!(r#"{{"at":{at}}}"#)).await
    }
}

/// What time it is, since 1970.
#[must_use]
pub fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The number of the period that this time since 1970 lies in.
#[must_use]
pub fn period(now: Duration) -> u64 {
    now.as_secs() / PERIOD.as_secs()
}

#[cfg(test)]
mod tests;
