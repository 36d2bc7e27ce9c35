//! The worker's queue, for messages that the API would never send.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use uuid::Uuid;

use crate::setting;

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
        let url = setting("RUNPLANE_QUEUE_URL");
        let mut config = aws_config::defaults(aws_config::BehaviorVersion::latest());
        // An endpoint of one's own is a local stack, which takes any credentials; without one this is AWS.
        if std::env::var_os("AWS_ENDPOINT_URL").is_some() {
            config = config.test_credentials().region("us-east-1");
        }
        Self { sqs: Client::new(&config.load().await), url }
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
