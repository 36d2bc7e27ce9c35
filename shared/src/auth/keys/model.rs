//! A key as it is shown, and which roles go with which tenant.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::{Role, Roles};
use crate::catalog::Listed;
use crate::cursor::Cursor;
use crate::problem::FieldError;

/// What a key without tenant may be: what is meant for every tenant.
const ACROSS_TENANTS: [Role; 2] = [Role::Worker, Role::Operator];

/// An API key. Never its secret, and nothing that was made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ApiKey)]
pub struct KeyView {
    /// UUIDv7. The key's text has it too.
    pub id: Uuid,
    /// The tenant that it is for; null: every tenant.
    pub tenant_id: Option<Uuid>,
    /// What people call it.
    pub name: String,
    /// What it may be used for, 1 to 6.
    pub roles: Vec<Role>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who made it.
    pub created_by: String,
    /// From then on it is worth nothing; null: it does not expire.
    pub expires_at: Option<DateTime<Utc>>,
    /// Since when it has been worth nothing; null: it was not revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Who revoked it.
    pub revoked_by: Option<String>,
    /// When it was last used, up to a minute behind; null: never.
    pub last_used_at: Option<DateTime<Utc>>,
    /// How many requests it may make in a second, in the long run; null: as many as it likes.
    pub requests_per_second: Option<i32>,
}

impl Listed for KeyView {
    fn place(&self) -> Cursor {
        Cursor { created_at: self.created_at, id: self.id }
    }
}

/// The [`KeyView`] of a row that has its columns.
macro_rules! key_view {
    ($row:expr) => {{
        let row = $row;
        $crate::auth::keys::KeyView {
            id: row.id,
            tenant_id: row.tenant_id,
            name: row.name,
            roles: $crate::auth::keys::names::roles(&row.roles),
            created_at: row.created_at,
            created_by: row.created_by,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            revoked_by: row.revoked_by,
            last_used_at: row.last_used_at,
            requests_per_second: row.requests_per_second,
        }
    }};
}
pub(super) use key_view;

/// Roles as they are stored: by their names, each once, always in the same order.
pub(super) mod names {
    use super::{Role, Roles};

    /// What is stored.
    pub fn of(roles: Roles) -> Vec<String> {
        roles.iter().map(|role| role.as_str().to_owned()).collect()
    }

    /// What was stored. A name that this version does not know gives no right to anything.
    pub fn roles(names: &[String]) -> Vec<Role> {
        names.iter().filter_map(|name| Role::parse(name)).collect()
    }
}

/// What is wrong with a key that has these roles and is for this tenant, or for all; None: it can be.
pub fn misfit(tenant: Option<Uuid>, roles: Roles) -> Option<FieldError> {
    match tenant {
        Some(_) if roles.contains(Role::Operator) => Some(FieldError::new(
            "/roles",
            "operator goes with keys without tenant: an operator's things are those of every tenant",
        )),
        None if !roles.iter().all(|role| ACROSS_TENANTS.contains(&role)) => Some(FieldError::new(
            "/tenant_id",
            "is required: a key without tenant has no roles but worker and operator",
        )),
        Some(_) | None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_have_no_tenant_and_everybody_else_but_workers_has_one() {
        let tenant = Some(Uuid::nil());
        let pointer = |tenant, roles: &[Role]| misfit(tenant, Roles::of(roles)).map(|fault| fault.pointer);
        for role in Role::ALL {
            let of_a_tenant = (role == Role::Operator).then(|| "/roles".to_owned());
            assert_eq!(pointer(tenant, &[role]), of_a_tenant, "{role:?}");
            let of_all = (!matches!(role, Role::Operator | Role::Worker)).then(|| "/tenant_id".to_owned());
            assert_eq!(pointer(None, &[role]), of_all, "{role:?}");
        }
        assert_eq!(pointer(None, &[Role::Operator, Role::Worker]), None);
        assert!(pointer(None, &[Role::Operator, Role::Viewer]).is_some());
        assert!(pointer(tenant, &[Role::Viewer, Role::Operator]).is_some());
        assert_eq!(pointer(tenant, &[Role::Viewer, Role::Worker, Role::Admin]), None);
    }

    #[test]
    fn a_stored_name_that_is_no_role_gives_no_right() {
        let stored = ["viewer", "root", "ADMIN", "admin"].map(str::to_owned);
        assert_eq!(names::roles(&stored), [Role::Viewer, Role::Admin]);
        let roles = Roles::of(&[Role::Operator, Role::Viewer, Role::Operator]);
        assert_eq!(names::of(roles), ["viewer", "operator"]);
    }
}
