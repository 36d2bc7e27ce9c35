//! Who makes a request.

use uuid::Uuid;

use super::role::{Role, Roles};
use crate::problem::{Code, Problem};
use crate::scope::Scope;

/// Who it is where nobody is asked.
const OPEN: &str = "open";

/// Who makes a request, proven by its credential and by nothing else that the request says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// What the audit says: `key:<key id> <name>`, `token:<issuer>|<subject>`, or `open` where nobody is asked (`AUTH=off`).
    pub id: String,
    /// Whose things it may touch. None: those of every tenant, which only operators and workers of a fleet may.
    pub tenant: Option<Uuid>,
    /// What it may do with them.
    pub roles: Roles,
}

impl Principal {
    /// Whoever reaches an API where nobody is asked.
    pub fn open() -> Self {
        Self { id: OPEN.to_owned(), tenant: None, roles: Roles::of(&[Role::Operator]) }
    }

    /// Whether nobody was asked.
    pub fn is_open(&self) -> bool {
        self.id == OPEN
    }

    /// What it touches where it names no tenant: its own tenant's things, or everybody's.
    pub fn scope(&self) -> Scope {
        Scope::from(self.tenant)
    }

    /// What it touches where it may name a tenant.
    ///
    /// # Errors
    /// `tenant_not_found` if it names one that is not its own, whether there is such a tenant or not.
    pub fn scope_of(&self, named: Option<Uuid>) -> Result<Scope, Problem> {
        match (self.tenant, named) {
            (Some(own), Some(named)) if own != named => Err(no_tenant()),
            (Some(own), _) => Ok(Scope::Tenant(own)),
            (None, named) => Ok(Scope::from(named)),
        }
    }
}

/// As if it did not exist.
fn no_tenant() -> Problem {
    Problem::new(Code::TenantNotFound, "There is no such tenant")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_that_is_not_its_own_does_not_exist() {
        let [own, other] = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let of_tenant = Principal { tenant: Some(own), ..Principal::open() };
        assert_eq!(of_tenant.scope(), Scope::Tenant(own));
        assert_eq!(of_tenant.scope_of(None).unwrap(), Scope::Tenant(own));
        assert_eq!(of_tenant.scope_of(Some(own)).unwrap(), Scope::Tenant(own));
        assert_eq!(of_tenant.scope_of(Some(other)).unwrap_err().code, Code::TenantNotFound);
        assert_eq!(Principal::open().scope(), Scope::All);
        assert_eq!(Principal::open().scope_of(Some(other)).unwrap(), Scope::Tenant(other));
    }
}
