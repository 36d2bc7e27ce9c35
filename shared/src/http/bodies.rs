//! The bodies of requests.

use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::catalog::{
    ChangeStatusRequest, CreateTenantRequest, EditVersionRequest, UpdatePipelineRequest, UpdateTenantRequest,
};
use crate::evidence::{ArtifactRequest, LogsRequest};
use crate::runs::{
    CancelRequest, CompleteRequest, HeartbeatRequest, ReleaseRequest, RetryRequest, SecretsRequest,
};
use crate::steps::StoreStepsRequest;

/// The body of a request.
pub trait Body: DeserializeOwned {
    /// Whether it has the field `tenant_id`, which whoever belongs to a tenant may leave out.
    const HAS_TENANT: bool;

    /// The tenant that it names. None if it names none, or has no such field.
    fn tenant_id(&self) -> Option<Uuid>;
}

// Bodies that name no tenant: they are about a run, or about something else that has one already.
macro_rules! without_tenant {
    ($($body:ty),+ $(,)?) => {$(
        impl Body for $body {
            const HAS_TENANT: bool = false;

            fn tenant_id(&self) -> Option<Uuid> {
                None
            }
        }
    )+};
}

without_tenant!(
    ArtifactRequest,
    CancelRequest,
    ChangeStatusRequest,
    CompleteRequest,
    CreateTenantRequest,
    EditVersionRequest,
    HeartbeatRequest,
    LogsRequest,
    ReleaseRequest,
    RetryRequest,
    SecretsRequest,
    StoreStepsRequest,
    UpdatePipelineRequest,
    UpdateTenantRequest,
);
