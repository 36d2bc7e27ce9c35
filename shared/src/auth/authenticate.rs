//! Whose API key it is.

use std::time::Duration;

use sqlx::postgres::PgConnection;

use super::credential::ApiKey;
use super::principal::Principal;
use super::role::{Role, Roles};

/// What a key was found to be.
pub(super) struct Known {
    pub(super) principal: Principal,
    /// How long it is valid still. None: until it is revoked.
    pub(super) expires_in: Option<Duration>,
}

/// Looks a key up, and notes once a minute that it is used. None: there is no such key, it has another secret, has expired or was revoked; which of
/// them is the same statement, and the same answer.
pub(super) async fn authenticate(
    conn: &mut PgConnection,
    key: &ApiKey,
) -> Result<Option<Known>, sqlx::Error> {
    let digest = key.digest();
    let row = sqlx::query!(
        r#"with used as (
               update api_keys k set last_used_at = now()
               where k.id in (
                   -- Nobody waits for another request that notes the same.
                   select u.id from api_keys u
                   where u.id = $1 and u.secret_sha256 = $2 and u.revoked_at is null
                     and (u.expires_at is null or u.expires_at > now())
                     and (u.last_used_at is null or u.last_used_at <= now() - interval '1 minute')
                   for no key update skip locked)
           )
           select k.tenant_id, k.name, k.roles, k.secret_sha256,
                  extract(epoch from k.expires_at - now())::float8 as expires_in
           from api_keys k
           where k.id = $1 and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())"#,
        key.id,
        digest.as_slice(),
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row.filter(|row| key.fits(&row.secret_sha256)) else { return Ok(None) };
    let roles: Roles = row.roles.iter().filter_map(|role| Role::parse(role)).collect();
    let principal = Principal { id: format!("key:{} {}", key.id, row.name), tenant: row.tenant_id, roles };
    let expires_in = row.expires_in.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default());
    Ok(Some(Known { principal, expires_in }))
}
