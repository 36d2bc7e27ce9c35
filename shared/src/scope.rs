//! Whose runs a caller may touch: the first argument of every verb.

use uuid::Uuid;

/// The tenants a caller acts for. Every statement has it in its `where`; what lies outside does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One tenant.
    Tenant(Uuid),
    /// Every tenant: the worker and the sweep, and whoever's [`Principal`](crate::auth::Principal) is across tenants. Handlers of the HTTP API name
    /// it nowhere: they have their scope from [`Call`](crate::http::Call), and a test reads their sources.
    All,
}

impl Scope {
    /// The tenant as the statements take it: `null` stands for every tenant.
    pub fn tenant(self) -> Option<Uuid> {
        match self {
            Scope::Tenant(id) => Some(id),
            Scope::All => None,
        }
    }
}

impl From<Option<Uuid>> for Scope {
    /// A tenant that was named, or every tenant.
    fn from(tenant: Option<Uuid>) -> Self {
        tenant.map_or(Scope::All, Scope::Tenant)
    }
}
