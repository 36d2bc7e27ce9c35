//! Who it is that a proven token speaks of.

use serde_json::Value;
use uuid::Uuid;

use super::settings::TokenSettings;
use crate::auth::principal::Principal;
use crate::auth::role::{Role, Roles};

/// Longer subjects are refused: the audit keeps them.
const MAX_SUBJECT_CHARS: usize = 200;
/// What a token may be used for that is of no tenant. No worker of a fleet: a tenant's claim that is missing by mistake would make one of every
/// worker of a tenant. A fleet has API keys.
const OF_NO_TENANT: Roles = Roles::of(&[Role::Operator]);
/// And of one: everything but what reaches across tenants.
const OF_A_TENANT: Roles =
    Roles::of(&[Role::Viewer, Role::Submitter, Role::Worker, Role::Approver, Role::Admin]);

/// Reads the claims of a token that is proven.
///
/// # Errors
/// What is wrong with them. A tenant that cannot be read is no missing one: that would reach across tenants.
pub(super) fn principal(claims: &Value, settings: &TokenSettings) -> Result<Principal, &'static str> {
    // Exactly ours, where the library is content with a list that has it.
    let issuer = claims.get("iss").and_then(Value::as_str).filter(|issuer| *issuer == settings.issuer);
    let issuer = issuer.ok_or("it is of another issuer")?;
    let subject = claims.get("sub").and_then(Value::as_str).filter(|subject| is_subject(subject));
    let subject = subject.ok_or("its subject cannot be used")?;
    let tenant = match settings.tenant_claim.of(claims) {
        None => None,
        Some(tenant) => Some(uuid(tenant).ok_or("its tenant is no UUID")?),
    };
    let roles = settings.roles_claim.of(claims).map(roles).unwrap_or_default();
    let roles = roles.only(if tenant.is_some() { OF_A_TENANT } else { OF_NO_TENANT });
    Ok(Principal { id: format!("token:{issuer}|{subject}"), tenant, roles })
}

fn is_subject(text: &str) -> bool {
    (1..=MAX_SUBJECT_CHARS).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

fn uuid(value: &Value) -> Option<Uuid> {
    Uuid::try_parse(value.as_str()?).ok()
}

/// A list of them, or a text with spaces between them. What is no role of ours is for others.
fn roles(value: &Value) -> Roles {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).filter_map(Role::parse).collect(),
        Value::String(text) => text.split(' ').filter_map(Role::parse).collect(),
        _ => Roles::default(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TENANT: Uuid = Uuid::from_u128(0x0199_e0c0_0000_7000_8000_0000_0000_000a);

    fn read(changes: Value) -> Result<Principal, &'static str> {
        let [issuer, audience, tenant, roles] =
            ["https://issuer", "runplane", "tenant_id", "roles"].map(str::to_owned);
        let settings = TokenSettings::read(issuer, audience, None, tenant, roles).unwrap();
        let mut claims =
            json!({"iss": "https://issuer", "sub": "bob", "tenant_id": TENANT, "roles": ["viewer"]});
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        principal(&claims, &settings)
    }

    fn roles_of(tenant: Value, roles: Value) -> Vec<Role> {
        read(json!({"tenant_id": tenant, "roles": roles})).unwrap().roles.iter().collect()
    }

    #[test]
    fn a_token_names_somebody_of_a_tenant_with_roles() {
        let id = "token:https://issuer|bob".to_owned();
        let expected = Principal { id, tenant: Some(TENANT), roles: Roles::of(&[Role::Viewer]) };
        assert_eq!(read(json!({})), Ok(expected));
    }

    #[test]
    fn roles_are_a_list_or_a_text_with_spaces_and_what_is_none_of_ours_is_ignored() {
        let all = [Role::Viewer, Role::Submitter, Role::Worker, Role::Approver, Role::Admin];
        assert_eq!(
            roles_of(json!(TENANT), json!(["admin", "worker", "viewer", "approver", "submitter"])),
            all
        );
        assert_eq!(roles_of(json!(TENANT), json!("openid admin worker viewer approver submitter")), all);
        let none = [
            json!(null),
            json!([]),
            json!(""),
            json!("Viewer"),
            json!("viewer,admin"),
            json!(["viewer admin", "VIEWER", " viewer", 1, null, ["viewer"], {"viewer": true}]),
            json!({"viewer": true}),
            json!(true),
        ];
        for roles in none {
            assert!(roles_of(json!(TENANT), roles.clone()).is_empty(), "{roles}");
        }
    }

    #[test]
    fn nobody_of_a_tenant_reaches_across_tenants() {
        assert_eq!(roles_of(json!(TENANT), json!(["operator", "viewer"])), [Role::Viewer]);
        assert!(roles_of(json!(TENANT), json!(["operator"])).is_empty());
    }

    #[test]
    fn without_a_tenant_there_are_operators_only() {
        let every: Vec<_> = Role::ALL.map(Role::as_str).to_vec();
        assert_eq!(roles_of(json!(null), json!(every)), [Role::Operator]);
        assert_eq!(read(json!({"tenant_id": null})).unwrap().tenant, None);
        assert!(roles_of(json!(null), json!(["viewer", "admin"])).is_empty());
    }

    #[test]
    fn a_tenant_that_cannot_be_read_is_not_a_missing_one() {
        let others =
            [json!(""), json!("acme"), json!(1), json!(false), json!([TENANT]), json!({"id": TENANT})];
        for tenant in others {
            assert_eq!(
                read(json!({"tenant_id": tenant, "roles": ["operator", "worker"]})),
                Err("its tenant is no UUID")
            );
        }
    }

    #[test]
    fn a_subject_can_be_written_down() {
        let long = "ä".repeat(200);
        assert_eq!(read(json!({"sub": long})).unwrap().id, format!("token:https://issuer|{long}"));
        let others = [
            json!(null),
            json!(""),
            json!(1),
            json!(["bob"]),
            json!("a\nb"),
            json!("a\u{0}"),
            json!("\u{9b}"),
            json!(format!("{long}a")),
        ];
        for subject in others {
            assert_eq!(read(json!({"sub": subject})), Err("its subject cannot be used"), "{subject}");
        }
    }

    #[test]
    fn the_issuer_is_ours_and_not_one_of_several() {
        for issuer in [json!(["https://issuer"]), json!("https://issuer/"), json!(null)] {
            assert_eq!(read(json!({"iss": issuer})), Err("it is of another issuer"), "{issuer}");
        }
    }
}
