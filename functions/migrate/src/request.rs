//! What CloudFormation asks of a custom resource.

use serde::Deserialize;
use serde_json::Value;

/// What an answer to CloudFormation has to say again, and what is asked. Its properties are not read: they are there so that it calls.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    pub kind: Kind,
    pub response_url: String,
    pub stack_id: String,
    pub request_id: String,
    pub logical_resource_id: String,
    /// What an earlier answer called the resource.
    pub physical_resource_id: Option<String>,
}

/// What is asked.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    Create,
    Update,
    Delete,
    /// Something that there was not when this was written: it gets an answer too.
    Unknown(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    #[serde(rename = "ResponseURL")]
    response_url: String,
    #[serde(default)]
    request_type: String,
    #[serde(default)]
    stack_id: String,
    #[serde(default)]
    request_id: String,
    #[serde(default)]
    logical_resource_id: String,
    #[serde(default)]
    physical_resource_id: Option<String>,
}

impl Request {
    /// Reads an event. None: it has no place for an answer, so that somebody has called by hand.
    pub fn of(event: &Value) -> Option<Self> {
        let event = Event::deserialize(event).ok()?;
        let kind = match event.request_type.as_str() {
            "Create" => Kind::Create,
            "Update" => Kind::Update,
            "Delete" => Kind::Delete,
            _ => Kind::Unknown(event.request_type),
        };
        Some(Self {
            kind,
            response_url: event.response_url,
            stack_id: event.stack_id,
            request_id: event.request_id,
            logical_resource_id: event.logical_resource_id,
            physical_resource_id: event.physical_resource_id,
        })
    }
}
