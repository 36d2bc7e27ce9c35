//! Bodies that name no tenant: they are about a run, or about something else that has one already.

use uuid::Uuid;

use super::Body;
use crate::catalog::{
    ChangeStatusRequest, CreateTenantRequest, EditVersionRequest, UpdatePipelineRequest, UpdateTenantRequest,
};
use crate::evidence::{ArtifactRequest, LogsRequest};
use crate::runs::{
    CancelRequest, CompleteRequest, HeartbeatRequest, ReleaseRequest, RetryRequest, SecretsRequest,
};
use crate::steps::StoreStepsRequest;

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
