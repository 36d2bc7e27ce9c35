//! Whose things a request is about: the caller's tenant where none is named, and no other than that.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use super::{Body, Call};
use crate::problem::Problem;
use crate::scope::Scope;

/// Whether an object names a tenant, be it null.
#[derive(Deserialize)]
struct Names {
    #[serde(default, deserialize_with = "is_there")]
    tenant_id: bool,
}

fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl Call {
    /// What the caller may touch where it names no tenant: its own tenant's things, or everybody's.
    pub fn own_scope(&self) -> Scope {
        self.principal().scope()
    }

    /// What the caller may touch; `?tenant_id=` narrows it, and is noted in the log.
    ///
    /// # Errors
    /// `invalid_field` if it is no UUID, or the query has anything else; `tenant_not_found` if the caller's tenant is another.
    pub fn scope(&self) -> Result<Scope, Problem> {
        let mut query = self.query();
        let tenant = query.parsed::<Uuid>("tenant_id", "a UUID");
        query.finish()?;
        self.scope_of(tenant)
    }

    /// The same for a tenant that was named elsewhere.
    ///
    /// # Errors
    /// `tenant_not_found` if the caller's tenant is another.
    pub fn scope_of(&self, named: Option<Uuid>) -> Result<Scope, Problem> {
        let scope = self.principal().scope_of(named)?;
        if let Scope::Tenant(tenant) = scope {
            tracing::Span::current().record("tenant.id", tenant.to_string());
        }
        Ok(scope)
    }

    /// The object, with the caller's tenant in it if it names none and `T` has a place for it.
    pub(super) fn with_tenant<'a, T: Body>(&self, object: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(own) = self.principal().tenant.filter(|_| T::HAS_TENANT) else { return object.into() };
        // What is not an object is told as it stands.
        let (Ok(Names { tenant_id: false }), Some(b'{')) =
            (serde_json::from_slice(object), object.trim_ascii_start().first())
        else {
            return object.into();
        };
        let (_, rest) = object.trim_ascii_start().split_at(1);
        let comma = if rest.trim_ascii_start().first() == Some(&b'}') { "" } else { "," };
        [format!(r#"{{"tenant_id":"{own}"{comma}"#).as_bytes(), rest].concat().into()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Value;

    use super::*;
    use crate::auth::Principal;
    use crate::problem::Code;

    /// A request with this body, by somebody of this tenant.
    fn call(tenant: Option<Uuid>, body: &str) -> Call {
        let mut event: Value = serde_json::from_str(include_str!("../../../events/claim.json")).unwrap();
        event["body"] = body.into();
        let request = lambda_http::request::from_str(&event.to_string()).unwrap();
        Call::new(request, Arc::new(Principal { tenant, ..Principal::open() }))
    }

    #[derive(Debug, Deserialize)]
    struct OfTenant {
        tenant_id: Uuid,
        #[expect(dead_code, reason = "only its parsing matters")]
        count: Option<u8>,
    }

    impl super::Body for OfTenant {
        const HAS_TENANT: bool = true;

        fn tenant_id(&self) -> Option<Uuid> {
            Some(self.tenant_id)
        }
    }

    #[test]
    fn a_tenant_that_is_left_out_is_the_callers_and_another_does_not_exist() {
        let [own, other] = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let told = |tenant, body: &str| {
            call(tenant, body).body::<OfTenant>().map(|body| body.tenant_id).map_err(|problem| problem.code)
        };
        for body in ["{}", " { } ", r#"{"count": 1}"#, "\n{\n\"count\" : null }", r#"{"tenant_id": "OWN"}"#] {
            assert_eq!(told(Some(own), &body.replace("OWN", &own.to_string())), Ok(own), "{body}");
        }
        let names_other = format!(r#"{{"count": 1, "tenant_id": "{other}"}}"#);
        assert_eq!(told(Some(own), &names_other), Err(Code::TenantNotFound));
        assert_eq!(told(None, &names_other), Ok(other));
        let faulty = ["{}", r#"{"tenant_id": null}"#, r#"{"count": 1}"#];
        for body in faulty {
            assert_eq!(told(None, body), Err(Code::InvalidField), "{body}");
        }
        for body in [r#"{"tenant_id": null}"#, r#"{"tenant_id": 1}"#, r#"{"more": 1}"#, "[]"] {
            assert_eq!(told(Some(own), body), Err(Code::InvalidField), "{body}");
        }
        let twice = format!(r#"{{"tenant_id": "{other}", "tenant_id": "{own}"}}"#);
        for body in ["", "{", "{\"count\": 1", "{,}", "{}{}"] {
            assert_eq!(told(Some(own), body), Err(Code::MalformedJson), "{body}");
        }
        assert!(told(Some(own), &twice).is_err());
    }
}
