//! Tenants: whose pipelines and runs they are.

mod create;
mod delete;
mod get;
mod list;
mod update;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub use create::{CreateTenantRequest, create_tenant};
pub use delete::{BatchSize, DeleteTenantError, Deleted, TenantDeletion, delete_tenant};
pub use get::get_tenant;
pub use list::{TenantFilter, list_tenants};
pub use update::{UpdateTenantRequest, update_tenant};

/// A tenant.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Tenant {
    /// UUIDv7.
    pub id: Uuid,
    /// For people; two tenants may have the same.
    pub name: String,
    /// How many of its runs may be RUNNING at once; null = any number. Stored, and without effect in this version.
    pub max_running: Option<i32>,
    /// Whether nothing of it is claimed. Stored, and without effect in this version.
    pub paused: bool,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

super::page::listed!(Tenant);

/// Why there is no tenant to show or to change.
#[derive(Debug, thiserror::Error)]
pub enum TenantError {
    /// There is none in this scope.
    #[error("tenant not found")]
    NotFound,
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}
