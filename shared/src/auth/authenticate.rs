//! Whose API key it is, and how many requests it may make.

use std::time::Duration;

use sqlx::postgres::PgConnection;

use super::budget::Grant;
use super::credential::ApiKey;
use super::principal::Principal;
use super::role::{Role, Roles};

/// What a key was found to be.
pub(super) struct Known {
    pub(super) principal: Principal,
    /// How long it is valid still. None: until it is revoked.
    pub(super) expires_in: Option<Duration>,
    /// How many requests it may make now. None: as many as it likes.
    pub(super) grant: Option<Grant>,
}

/// Looks a key up, notes once a minute that it is used, and takes up to `wanted` of the requests that it may make. None: there is no such key, it
/// has another secret, has expired or was revoked; which of them is the same statement, and the same answer.
pub(super) async fn authenticate(
    conn: &mut PgConnection,
    key: &ApiKey,
    wanted: i32,
) -> Result<Option<Known>, sqlx::Error> {
    let digest = key.digest();
    let row = sqlx::query_file!("sql/authenticate.sql", key.id, digest.as_slice(), wanted);
    let row = row.fetch_optional(conn).await?;
    let Some(row) = row.filter(|row| key.fits(&row.secret_sha256)) else { return Ok(None) };
    let roles: Roles = row.roles.iter().filter_map(|role| Role::parse(role)).collect();
    let principal = Principal { id: format!("key:{} {}", key.id, row.name), tenant: row.tenant_id, roles };
    let expires_in = row.expires_in.map(seconds);
    let grant = row.given.map(|given| Grant {
        requests: u32::try_from(given).unwrap_or_default(),
        wait: row.wait.map(seconds).unwrap_or_default(),
    });
    Ok(Some(Known { principal, expires_in, grant }))
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
