//! Get a tenant.

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::{Tenant, TenantError};
use crate::scope::Scope;

/// The tenant.
///
/// # Errors
/// [`TenantError`].
pub async fn get_tenant(conn: &mut PgConnection, scope: Scope, id: Uuid) -> Result<Tenant, TenantError> {
    sqlx::query_as!(
        Tenant,
        "select t.id, t.name, t.max_running, t.paused, t.created_at
         from tenants t
         where t.id = $2 and ($1::uuid is null or t.id = $1)",
        scope.tenant(),
        id,
    )
    .fetch_optional(conn)
    .await?
    .ok_or(TenantError::NotFound)
}
