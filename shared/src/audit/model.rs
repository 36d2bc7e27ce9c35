//! An entry as it is shown, and the words for what was done.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::catalog::Listed;
use crate::cursor::Cursor;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A version became APPROVED.
    VersionApproved,
    /// A version became DEPRECATED.
    VersionDeprecated,
    /// A run became CANCELLED because somebody asked for it.
    RunCancelled,
    /// A run was made of one that had ended badly.
    RunRetried,
    /// An API key was made.
    KeyCreated,
    /// An API key was revoked.
    KeyRevoked,
    /// A connection was made.
    ConnectionCreated,
    /// A connection was deleted.
    ConnectionDeleted,
    /// A webhook was made.
    WebhookCreated,
    /// A webhook was changed.
    WebhookChanged,
    /// A webhook was deleted.
    WebhookDeleted,
    /// Events were made due again that a webhook was not told of.
    WebhookRetried,
    /// A tenant was made.
    TenantCreated,
    /// A tenant's name, its limit, or whether it is paused.
    TenantChanged,
    /// Somebody began to delete a tenant: it is paused, and its keys are revoked.
    TenantDeletionStarted,
    /// A tenant was deleted, and what belonged to it.
    TenantDeleted,
    /// A pipeline was made.
    PipelineCreated,
    /// A pipeline's name, its queue, its limit, or whether it is paused.
    PipelineChanged,
    /// A schedule was made.
    ScheduleCreated,
    /// What somebody says about a schedule, or whether it is paused.
    ScheduleChanged,
    /// A schedule was deleted.
    ScheduleDeleted,
}

impl Action {
    /// Each of them.
    pub const ALL: [Self; 21] = [
        Self::VersionApproved,
        Self::VersionDeprecated,
        Self::RunCancelled,
        Self::RunRetried,
        Self::KeyCreated,
        Self::KeyRevoked,
        Self::ConnectionCreated,
        Self::ConnectionDeleted,
        Self::WebhookCreated,
        Self::WebhookChanged,
        Self::WebhookDeleted,
        Self::WebhookRetried,
        Self::TenantCreated,
        Self::TenantChanged,
        Self::TenantDeletionStarted,
        Self::TenantDeleted,
        Self::PipelineCreated,
        Self::PipelineChanged,
        Self::ScheduleCreated,
        Self::ScheduleChanged,
        Self::ScheduleDeleted,
    ];

    /// The word that is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VersionApproved => "version.approved",
            Self::VersionDeprecated => "version.deprecated",
            Self::RunCancelled => "run.cancelled",
            Self::RunRetried => "run.retried",
            Self::KeyCreated => "key.created",
            Self::KeyRevoked => "key.revoked",
            Self::ConnectionCreated => "connection.created",
            Self::ConnectionDeleted => "connection.deleted",
            Self::WebhookCreated => "webhook.created",
            Self::WebhookChanged => "webhook.changed",
            Self::WebhookDeleted => "webhook.deleted",
            Self::WebhookRetried => "webhook.retried",
            Self::TenantCreated => "tenant.created",
            Self::TenantChanged => "tenant.changed",
            Self::TenantDeletionStarted => "tenant.deletion_started",
            Self::TenantDeleted => "tenant.deleted",
            Self::PipelineCreated => "pipeline.created",
            Self::PipelineChanged => "pipeline.changed",
            Self::ScheduleCreated => "schedule.created",
            Self::ScheduleChanged => "schedule.changed",
            Self::ScheduleDeleted => "schedule.deleted",
        }
    }

    /// What the word stands for; None: for nothing.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == text)
    }
}

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// UUIDv7.
    pub id: Uuid,
    /// When it was done.
    pub at: DateTime<Utc>,
    /// Whose things it was done to; null: nobody's in particular. The tenant may be gone.
    pub tenant_id: Option<Uuid>,
    /// Who did it: `key:<id> <name>`, `token:<issuer>|<subject>`, or `open` where nobody has to say who he is.
    pub principal: String,
    /// Finds the request in the logs.
    pub request_id: String,
    /// What was done, such as `version.approved`.
    pub action: String,
    /// To what: the id of the version, run, key, connection, webhook, tenant, pipeline or schedule.
    pub subject_id: Option<Uuid>,
    /// More about it, as the action has it.
    #[schema(value_type = Object)]
    pub details: Value,
}

impl Listed for AuditEntry {
    fn place(&self) -> Cursor {
        Cursor { created_at: self.at, id: self.id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_read_by_the_word_that_is_written() {
        for action in Action::ALL {
            assert_eq!(Action::parse(action.as_str()), Some(action));
        }
        assert_eq!(Action::parse("key.read"), None);
    }
}
