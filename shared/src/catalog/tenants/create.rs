//! Create a tenant.

use serde::Deserialize;
use sqlx::postgres::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Tenant;
use crate::catalog::MAX_NAME_CHARS;
use crate::problem::Problem;
use crate::runs::Faults;

/// What a client sends to create a tenant.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct CreateTenantRequest {
    /// 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// How many of its runs may be RUNNING at once; any number if left out.
    #[schema(minimum = 0)]
    pub max_running: Option<i32>,
    /// Whether nothing of it is claimed; false if left out.
    pub paused: Option<bool>,
}

impl CreateTenantRequest {
    /// Checks every bound.
    ///
    /// # Errors
    /// `invalid_field` with every field that is out of bounds.
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = Faults::default();
        faults.text("/name", &self.name, MAX_NAME_CHARS);
        faults.range("/max_running", self.max_running.unwrap_or(0), 0, i32::MAX);
        faults.finish()
    }
}

/// Inserts the tenant. The request has passed [`CreateTenantRequest::check`].
///
/// # Errors
/// [`sqlx::Error`]; nothing was inserted.
pub async fn create_tenant(
    conn: &mut PgConnection,
    request: &CreateTenantRequest,
) -> Result<Tenant, sqlx::Error> {
    sqlx::query_as!(
        Tenant,
        "insert into tenants (id, name, max_running, paused) values ($1, $2, $3, $4)
         returning id, name, max_running, paused, created_at",
        Uuid::now_v7(),
        request.name,
        request.max_running,
        request.paused.unwrap_or(false),
    )
    .fetch_one(conn)
    .await
}
