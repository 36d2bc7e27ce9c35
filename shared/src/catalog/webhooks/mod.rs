//! Webhooks: where a tenant is told about its runs.

mod create;
mod delete;
mod get;
mod list;
mod retry;
mod update;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::events::EventType;
use crate::runs::Faults;
use crate::strict;

pub use create::{CreateWebhookError, CreateWebhookRequest, create_webhook};
pub use delete::delete_webhook;
pub use get::{WebhookDetails, WebhookError, get_webhook};
pub use list::{WebhookFilter, list_webhooks};
pub use retry::{Retried, retry_deliveries};
pub use update::{UpdateWebhookError, UpdateWebhookRequest, update_webhook};

const MAX_NAME_CHARS: usize = 100;
/// How many a tenant may have: each of them is a row more with every change of a run's state. A trigger of Postgres counts them.
pub const MAX_WEBHOOKS: usize = 20;

/// A webhook. Never a secret: `secret_ref` is the name of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Webhook {
    /// UUIDv7.
    pub id: Uuid,
    /// Whose it is, and whose runs it is told about.
    pub tenant_id: Uuid,
    /// What people call it. No other webhook of the tenant has it.
    pub name: String,
    /// Where events are sent to.
    pub url: String,
    /// The name of the secret that they are signed with.
    pub secret_ref: String,
    /// Which events; null: all.
    pub event_types: Option<Vec<EventType>>,
    /// Of whose runs; null: of every pipeline's.
    pub pipeline_id: Option<Uuid>,
    /// Whether nothing is sent. What happens meanwhile waits, for three days at most.
    pub paused: bool,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

super::page::listed!(Webhook);

/// Types of events, each a string: see [`strict::word`]; None for null.
fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<EventType>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Word(#[serde(deserialize_with = "strict::word")] EventType);

    let words = Option::<Vec<Word>>::deserialize(deserializer)?;
    Ok(words.map(|words| words.into_iter().map(|word| word.0).collect()))
}

fn check_event_types(types: &[EventType], faults: &mut Faults) {
    if types.is_empty() {
        faults.add("/event_types", "must be at least one, or null for all");
    }
    for (index, kind) in types.iter().enumerate() {
        if types[..index].contains(kind) {
            faults.add(format!("/event_types/{index}"), format!("is there twice: {}", kind.as_str()));
        }
    }
}
