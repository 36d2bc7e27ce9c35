//! Events to an EventBridge bus, ten with each request.

use std::time::Duration;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use runplane::aws::of_function;
use runplane::events::{Delivery, Event, SOURCE};
use runplane::reach::ReachFailure;
use runplane::reach::aws::{self, Lazily};

/// As many as EventBridge takes at once.
pub const MAX_ENTRIES: usize = 10;
/// What `EVENT_BUS` has to be.
pub const ARN_IS: &str = "the ARN of an EventBridge bus";
/// How long EventBridge may take.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// The value of `EVENT_BUS`, if it can be one.
pub fn arn(text: &str) -> Option<String> {
    let parts: Vec<_> = text.splitn(6, ':').collect();
    let fits = matches!(parts.as_slice(), ["arn", _, "events", _, _, bus] if bus.starts_with("event-bus/"));
    (fits && text.len() <= 1600).then(|| text.to_owned())
}

/// The bus.
#[derive(Debug)]
pub struct Bus {
    arn: String,
    client: Lazily<Client>,
}

impl Bus {
    /// The bus with this ARN, by the credentials of the environment.
    pub fn new(arn: String) -> Self {
        Self { arn, client: Lazily::new(of_function) }
    }

    /// The same, by a client that is there already.
    #[cfg(test)]
    pub fn by(client: Client, arn: String) -> Self {
        Self { arn, client: Lazily::ready(client) }
    }

    async fn put(&self, deliveries: &[Delivery]) -> Result<Vec<PutEventsResultEntry>, ReachFailure> {
        let client = self.client.get(Client::new).await;
        let entries = deliveries.iter().map(|delivery| entry(&self.arn, &delivery.event)).collect();
        let put = client.put_events().set_entries(Some(entries)).send();
        match tokio::time::timeout(TIME_LIMIT, put).await {
            Ok(Ok(answer)) => Ok(answer.entries.unwrap_or_default()),
            Ok(Err(error)) => Err(aws::failure(&error)),
            Err(_) => Err(ReachFailure::passing("timeout", "EventBridge did not answer in time")),
        }
    }
}

fn entry(bus: &str, event: &Event) -> PutEventsRequestEntry {
    PutEventsRequestEntry::builder()
        .event_bus_name(bus)
        .source(SOURCE)
        .detail_type(&event.r#type)
        .detail(event.body())
        .time(DateTime::from_secs(event.timestamp.timestamp()))
        .build()
}

/// Sends up to [`MAX_ENTRIES`], and says of each what came of it: EventBridge may take some of them.
pub async fn send(bus: Option<&Bus>, deliveries: &[Delivery]) -> Vec<Result<(), ReachFailure>> {
    let put = match bus {
        Some(bus) => bus.put(deliveries).await,
        // It was taken away a moment ago.
        None => Err(ReachFailure::passing("no_bus", "there is no event bus")),
    };
    match put {
        Ok(entries) => (0..deliveries.len()).map(|index| told(entries.get(index))).collect(),
        Err(failure) => vec![Err(failure); deliveries.len()],
    }
}

/// What EventBridge says of one of them.
fn told(entry: Option<&PutEventsResultEntry>) -> Result<(), ReachFailure> {
    match entry {
        Some(entry) if entry.event_id.is_some() => Ok(()),
        Some(entry) => {
            let code = entry.error_code.as_deref().unwrap_or("an error without a code");
            Err(ReachFailure::passing(code, "EventBridge has not taken it"))
        }
        None => Err(ReachFailure::passing("no_answer", "EventBridge does not say")),
    }
}
