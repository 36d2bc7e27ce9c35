//! Change a tenant.

use serde::Deserialize;
use sqlx::postgres::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Tenant, TenantError};
use crate::catalog::{MAX_NAME_CHARS, Patch};
use crate::problem::Problem;
use crate::runs::Faults;
use crate::scope::Scope;

/// What a client sends to change a tenant. What is left out stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub struct UpdateTenantRequest {
    /// 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
    /// How many of its runs may be RUNNING at once; null = any number.
    #[serde(default)]
    #[schema(value_type = Option<i32>, minimum = 0)]
    pub max_running: Patch<i32>,
    /// Whether nothing of it is claimed.
    pub paused: Option<bool>,
}

impl UpdateTenantRequest {
    /// Checks every bound.
    ///
    /// # Errors
    /// `invalid_field` with every field that is out of bounds.
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = Faults::default();
        if let Some(name) = &self.name {
            faults.text("/name", name, MAX_NAME_CHARS);
        }
        faults.range("/max_running", self.max_running.value().copied().unwrap_or(0), 0, i32::MAX);
        faults.finish()
    }
}

/// Changes the tenant and returns it as stored. The request has passed [`UpdateTenantRequest::check`].
///
/// # Errors
/// [`TenantError`]; the tenant is as it was.
pub async fn update_tenant(
    conn: &mut PgConnection,
    scope: Scope,
    id: Uuid,
    request: &UpdateTenantRequest,
) -> Result<Tenant, TenantError> {
    sqlx::query_file_as!(
        Tenant,
        "sql/update_tenant.sql",
        scope.tenant(),
        id,
        request.name,
        request.max_running.changes(),
        request.max_running.value().copied(),
        request.paused,
    )
    .fetch_optional(conn)
    .await?
    .ok_or(TenantError::NotFound)
}
