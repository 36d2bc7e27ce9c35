//! Make a key.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sqlx::postgres::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{KeyView, key_view, mint, misfit, names};
use crate::auth::{ApiKey, Principal, Role, Roles};
use crate::problem::{FieldError, Problem};
use crate::runs::{Faults, is_storable};
use crate::strict;

const MAX_NAME_CHARS: usize = 100;

/// What a client sends to make a key.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct CreateKeyRequest {
    /// The tenant that it is for. Left out, it is that of whoever asks; an operator, who has none, makes a key for every tenant then.
    pub tenant_id: Option<Uuid>,
    /// What people call it: 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// What it may be used for: 1 to 6, each once. `operator` goes with keys without tenant, which have no others but that and `worker`; an
    /// operator alone makes them.
    #[serde(deserialize_with = "words")]
    #[schema(min_items = 1, max_items = 6)]
    pub roles: Vec<Role>,
    /// From then on it is worth nothing: a time ahead, by 5 years at most. It does not expire if left out.
    pub expires_at: Option<DateTime<Utc>>,
    /// How many requests it may make in a second, in the long run: 1 to 10000. After a while without any it may make ten seconds' worth at once. As many
    /// as it likes if left out.
    #[schema(minimum = 1, maximum = 10_000)]
    pub requests_per_second: Option<i32>,
}

impl CreateKeyRequest {
    /// Checks every bound.
    ///
    /// # Errors
    /// `invalid_field` with every field that is out of bounds.
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = Faults::default();
        faults.text("/name", &self.name, MAX_NAME_CHARS);
        if self.roles.is_empty() {
            faults.add("/roles", "must be 1 to 6 roles, are 0");
        }
        for (index, role) in self.roles.iter().enumerate() {
            if self.roles[..index].contains(role) {
                faults.add(format!("/roles/{index}"), format!("is there twice: {}", role.as_str()));
            }
        }
        faults.range("/requests_per_second", self.requests_per_second.unwrap_or(1), 1, 10_000);
        if self.expires_at.is_some_and(|time| !is_storable(&time)) {
            faults.add("/expires_at", "must be in a year from 1 to 9999");
        }
        faults.finish()
    }
}

/// A key that was made. Its text is in no other answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NewApiKey)]
pub struct NewKey {
    /// The key as it is listed from now on.
    #[serde(flatten)]
    pub view: KeyView,
    /// The whole key, as it is sent: `Authorization: Bearer <key>`. Nobody can look it up afterwards.
    #[serde(serialize_with = "exposed")]
    #[schema(value_type = String, pattern = "^rp_[0-9a-f]{32}_[A-Za-z0-9_-]{43}$")]
    pub key: SecretString,
}

/// Why a key was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateKeyError {
    /// Whoever asks may not give this away.
    #[error("{0}")]
    Forbidden(&'static str),
    /// No key has these roles and this tenant, or none.
    #[error("{}", .0.detail)]
    Misfit(FieldError),
    /// No such tenant.
    #[error("tenant not found")]
    TenantNotFound,
    /// It would not expire within the next 5 years, or would have done so already.
    #[error("expires_at must lie ahead, by 5 years at most")]
    ExpiresAt,
    /// The operating system has no random numbers.
    #[error("no random numbers")]
    Random(#[source] getrandom::Error),
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// Makes the key, for whoever `by` is. The request has passed [`CreateKeyRequest::check`].
///
/// # Errors
/// [`CreateKeyError`]; there is no key then.
pub async fn create_key(
    conn: &mut PgConnection,
    by: &Principal,
    request: &CreateKeyRequest,
) -> Result<NewKey, CreateKeyError> {
    let roles = Roles::of(&request.roles);
    may_make(by, request.tenant_id, roles).map_err(CreateKeyError::Forbidden)?;
    if let Some(fault) = misfit(request.tenant_id, roles) {
        return Err(CreateKeyError::Misfit(fault));
    }
    let key = mint().map_err(CreateKeyError::Random)?;
    if let Some(view) = insert_key(&mut *conn, &by.id, request, &key).await? {
        return Ok(NewKey { view, key: key.text().into() });
    }
    let Some(tenant) = request.tenant_id else { return Err(CreateKeyError::ExpiresAt) };
    let tenant = sqlx::query_scalar!("select t.id from tenants t where t.id = $1", tenant);
    Err(match tenant.fetch_optional(conn).await? {
        None => CreateKeyError::TenantNotFound,
        Some(_) => CreateKeyError::ExpiresAt,
    })
}

/// Makes a key valid that was [minted](mint), for whoever has asked whether it may be: `by` made it. None: there is no such tenant, or the key would
/// have expired, or would live too long.
///
/// # Errors
/// [`sqlx::Error`]; there is no key then.
pub(crate) async fn insert_key(
    conn: &mut PgConnection,
    by: &str,
    request: &CreateKeyRequest,
    key: &ApiKey,
) -> Result<Option<KeyView>, sqlx::Error> {
    let digest = key.digest();
    let row = sqlx::query_file!(
        "sql/create_key.sql",
        key.id,
        request.tenant_id,
        request.name,
        &names::of(Roles::of(&request.roles)),
        digest.as_slice(),
        by,
        request.expires_at,
        request.requests_per_second,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| key_view!(row)))
}

/// Whether somebody may make such a key. Nobody gives away more than there is within a tenant but an operator, who gives away anything.
fn may_make(by: &Principal, tenant: Option<Uuid>, roles: Roles) -> Result<(), &'static str> {
    if by.roles.contains(Role::Operator) {
        return Ok(());
    }
    if roles.contains(Role::Operator) {
        return Err("Only an operator makes keys of operators");
    }
    if tenant.is_none() {
        return Err("Only an operator makes keys without tenant");
    }
    if !by.roles.contains(Role::Admin) || by.tenant != tenant {
        return Err("Only an admin of the tenant, or an operator, makes its keys");
    }
    Ok(())
}

/// Roles, each a string: see [`strict::word`].
fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Role>, D::Error> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Word(#[serde(deserialize_with = "strict::word")] Role);
    let words = Vec::<Word>::deserialize(deserializer)?;
    Ok(words.into_iter().map(|Word(role)| role).collect())
}

fn exposed<S: Serializer>(text: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text.expose_secret())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(body: serde_json::Value) -> Vec<String> {
        let request = strict::read::<CreateKeyRequest, _>(&body);
        let faults = request.map(|request| request.check().err().map(|problem| problem.errors));
        let faults = faults.map_or_else(|faults| faults, Option::unwrap_or_default);
        faults.into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn every_bound_of_a_key_is_checked() {
        assert_eq!(faults(json!({"name": "ci", "roles": ["viewer", "worker"]})), [""; 0]);
        assert_eq!(faults(json!({"name": "", "roles": []})), ["/name", "/roles"]);
        assert_eq!(
            faults(json!({"name": "ä".repeat(101), "roles": ["viewer", "admin", "viewer"]})),
            ["/name", "/roles/2"]
        );
        assert_eq!(faults(json!({"name": "ci\0", "roles": ["viewer"]})), ["/name"]);
        assert_eq!(faults(json!({"name": "ci", "roles": ["Viewer"]})), ["/roles/0"]);
        assert_eq!(faults(json!({"name": "ci", "roles": ["viewer", {"admin": null}]})), ["/roles/1"]);
        assert_eq!(faults(json!({"name": "ci", "roles": "viewer"})), ["/roles"]);
        assert_eq!(faults(json!({"name": "ci", "roles": ["viewer"], "key": "mine"})), ["/key"]);
        assert_eq!(
            faults(json!({"name": "ci", "roles": ["viewer"], "requests_per_second": 0})),
            ["/requests_per_second"]
        );
        assert_eq!(
            faults(json!({"name": "ci", "roles": ["viewer"], "expires_at": "+20000-01-01T00:00:00Z"})),
            ["/expires_at"]
        );
    }

    #[test]
    fn nobody_gives_away_what_is_not_his() {
        let (mine, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let by = |tenant, roles: &[Role]| Principal { id: "key:x".into(), tenant, roles: Roles::of(roles) };
        let may = |by: &Principal, tenant, role| may_make(by, tenant, Roles::of(&[role])).is_ok();
        let operator = by(None, &[Role::Operator]);
        let admin = by(Some(mine), &[Role::Admin, Role::Viewer]);
        for role in Role::ALL {
            assert!(may(&operator, None, role) && may(&operator, Some(other), role), "{role:?}");
            assert_eq!(may(&admin, Some(mine), role), role != Role::Operator, "{role:?}");
            assert!(!may(&admin, None, role) && !may(&admin, Some(other), role), "{role:?}");
            // An admin of nothing in particular is an admin of nothing.
            assert!(!may(&by(None, &[Role::Admin, Role::Worker]), Some(mine), role), "{role:?}");
            if !matches!(role, Role::Admin | Role::Operator) {
                assert!(!may(&by(Some(mine), &[role]), Some(mine), role), "{role:?}");
            }
        }
    }
}
