//! One event to one webhook, as Standard Webhooks has it.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use runplane::events::{Delivery, SigningKeys, Webhook};
use runplane::reach::ReachFailure;
use runplane::reach::http::Post;

use crate::Deliverer;

/// How long a receiver may take, looking up the secret included.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Sends it. It went well if the receiver has answered with a status from 200 to 299.
pub async fn send(deliverer: &Deliverer, delivery: &Delivery) -> Result<(), ReachFailure> {
    let Some(webhook) = &delivery.webhook else {
        return Err(ReachFailure::new("invalid_request", "the delivery is for the bus"));
    };
    let sent = tokio::time::timeout(TIME_LIMIT, post(deliverer, delivery, webhook)).await;
    let result =
        sent.unwrap_or_else(|_| Err(ReachFailure::passing("timeout", "there was no answer in time")));
    // The receiver may know a newer secret than the one that is remembered.
    if result.as_ref().is_err_and(|failure| ["http_401", "http_403"].contains(&failure.error.as_str())) {
        deliverer.secrets.forget(delivery.tenant_id, &webhook.secret_ref);
    }
    result
}

async fn post(deliverer: &Deliverer, delivery: &Delivery, webhook: &Webhook) -> Result<(), ReachFailure> {
    let secret = deliverer.secrets.get(delivery.tenant_id, &webhook.secret_ref).await?;
    let keys = SigningKeys::read(&secret)?;
    let (id, timestamp, body) = (delivery.event.id, delivery.taken_at.timestamp(), delivery.event.body());
    let header = |name, value: String| {
        let value = HeaderValue::from_str(&value)
            .map_err(|_| ReachFailure::new("invalid_request", "a header cannot be sent"))?;
        Ok((HeaderName::from_static(name), value))
    };
    let headers = [
        header("webhook-id", id.to_string())?,
        header("webhook-timestamp", timestamp.to_string())?,
        header("webhook-signature", keys.sign(id, timestamp, &body))?,
    ];
    let post = Post {
        url: &webhook.url,
        body,
        headers: &headers,
        allow_private_addresses: webhook.allow_private_addresses,
    };
    deliverer.http.post(post, TIME_LIMIT).await
}
