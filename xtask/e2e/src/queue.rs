//! The worker's queue, for messages that the API would never send.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use uuid::Uuid;

use crate::{aws, setting};

/// The queue that wakes the worker.
#[derive(Clone, Debug)]
pub struct Queue {
    sqs: Client,
    url: String,
}

impl Queue {
    /// The queue that the environment names.
    ///
    /// # Panics
    /// When `RUNPLANE_QUEUE_URL` is missing.
    pub async fn connect() -> Self {
        Self::at(setting("RUNPLANE_QUEUE_URL")).await
    }

    /// Where its messages go that came too often, as the environment names it.
    ///
    /// # Panics
    /// When `RUNPLANE_DEAD_LETTER_QUEUE_URL` is missing.
    pub async fn dead_letters() -> Self {
        Self::at(setting("RUNPLANE_DEAD_LETTER_QUEUE_URL")).await
    }

    /// The queue at a URL.
    pub async fn at(url: String) -> Self {
        Self { sqs: Client::new(&aws::config().await), url }
    }

    /// Whether a message with this body is among those that can be received now. It is taken out; the others are seen again at once.
    ///
    /// # Panics
    /// When the queue does not answer.
    pub async fn takes_out(&self, body: &str) -> bool {
        self.take(|message| message == body).await.is_some()
    }

    /// A message whose body contains `part`, if one is among those that can be received now. It is taken out; the others are seen again soon.
    ///
    /// # Panics
    /// When the queue does not answer.
    pub async fn take_with(&self, part: &str) -> Option<String> {
        self.take(|message| message.contains(part)).await
    }

    async fn take(&self, is_it: impl Fn(&str) -> bool) -> Option<String> {
        // Not zero: SQS would hand out the same ten again and again.
        let receive =
            self.sqs.receive_message().queue_url(&self.url).max_number_of_messages(10).visibility_timeout(2);
        let received =
            receive.send().await.unwrap_or_else(|fault| panic!("{} gave no messages: {fault:?}", self.url));
        let ours = received.messages().iter().find(|message| message.body().is_some_and(&is_it))?;
        let receipt = ours.receipt_handle()?;
        let taken = self.sqs.delete_message().queue_url(&self.url).receipt_handle(receipt).send().await;
        taken.unwrap_or_else(|fault| panic!("{} did not let go of a message: {fault:?}", self.url));
        ours.body().map(str::to_owned)
    }

    /// Sends up to ten messages at once, as this tenant's.
    ///
    /// # Panics
    /// When the queue does not take them all.
    pub async fn send(&self, tenant_id: Uuid, bodies: &[String]) {
        let entry = |(at, body): (usize, &String)| {
            SendMessageBatchRequestEntry::builder()
                .id(format!("m{at}"))
                .message_body(body)
                .message_group_id(tenant_id.to_string())
                .build()
                .expect("an entry")
        };
        let entries = bodies.iter().enumerate().map(entry).collect();
        let request = self.sqs.send_message_batch().queue_url(&self.url).set_entries(Some(entries));
        let sent =
            request.send().await.unwrap_or_else(|fault| panic!("{} took no messages: {fault:?}", self.url));
        assert!(sent.failed().is_empty(), "the queue refused messages: {:?}", sent.failed());
    }
}
