//! An event as it is sent.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// Who says it, on a bus that others use too.
pub const SOURCE: &str = "runplane";

/// What a listener is told. Every time that it is sent it is the same text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// The same for every listener, and for every time that it is sent.
    pub id: Uuid,
    /// What became of the run, such as `run.succeeded`.
    pub r#type: String,
    /// When.
    pub timestamp: DateTime<Utc>,
    /// Of two events of one run, the later one has the greater number. It says nothing about events of different runs.
    pub sequence: i64,
    /// The run as it was then. Neither parameters nor output nor messages; but the `error_code` that a worker has given, which may be its own words.
    #[schema(value_type = Object)]
    pub data: Value,
}

impl Event {
    /// The text that is sent.
    pub fn body(&self) -> String {
        // Of texts, numbers and what came out of Postgres as JSON: there is nothing in it that could not be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}
