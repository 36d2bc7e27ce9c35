//! What a credential may be used for.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A kind of caller. Which requests it may make stands beside each route in [`crate::functions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Reads; creates, cancels and retries runs.
    Submitter,
    /// Claims runs, works on them and reports on them.
    Worker,
    /// Reads; approves and deprecates versions.
    Approver,
    /// Reads; the catalogue, the connections and the keys of its tenant.
    Admin,
    /// Everything, of every tenant.
    Operator,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 6] =
        [Role::Viewer, Role::Submitter, Role::Worker, Role::Approver, Role::Admin, Role::Operator];

    /// As it is written in JSON, SQL and tokens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Submitter => "submitter",
            Role::Worker => "worker",
            Role::Approver => "approver",
            Role::Admin => "admin",
            Role::Operator => "operator",
        }
    }

    /// The role that is written so, if there is one.
    pub fn parse(text: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Some roles, in no order.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Roles(u8);

impl Roles {
    /// These.
    pub const fn of(roles: &[Role]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < roles.len() {
            bits |= 1 << roles[index] as u8;
            index += 1;
        }
        Self(bits)
    }

    /// Whether this one is among them.
    pub const fn contains(self, role: Role) -> bool {
        self.0 & (1 << role as u8) != 0
    }

    /// Whether they have one in common.
    pub const fn meet(self, others: Roles) -> bool {
        self.0 & others.0 != 0
    }

    /// Those that are also among these.
    #[must_use]
    pub const fn only(self, others: Roles) -> Self {
        Self(self.0 & others.0)
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each, in the order of [`Role::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.contains(*role))
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        Self(roles.into_iter().fold(0, |bits, role| bits | Roles::of(&[role]).0))
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read_as_it_is_written() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        assert_eq!(Role::parse("Viewer"), None);
        assert_eq!(Role::parse(""), None);
    }

    #[test]
    fn roles_are_a_set() {
        let some = Roles::of(&[Role::Operator, Role::Viewer]);
        assert_eq!(some.iter().collect::<Vec<_>>(), [Role::Viewer, Role::Operator]);
        assert_eq!(some, [Role::Viewer, Role::Operator, Role::Viewer].into_iter().collect());
        for role in Role::ALL {
            assert_eq!(some.contains(role), [Role::Viewer, Role::Operator].contains(&role), "{role}");
            assert_eq!(some.meet(Roles::of(&[role])), some.contains(role), "{role}");
        }
        assert_eq!(some.only(Roles::of(&[Role::Viewer, Role::Admin])), Roles::of(&[Role::Viewer]));
        assert!(Roles::default().is_empty() && !some.is_empty());
    }
}
