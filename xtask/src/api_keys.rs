//! API keys for stacks on this machine: one per role for whoever tries them out, one for the end-to-end suite.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::database;
use crate::example::TENANT;

/// The roles, and whether a key with it is across tenants.
const ROLES: [(&str, bool); 6] = [
    ("viewer", false),
    ("submitter", false),
    ("worker", false),
    ("approver", false),
    ("admin", false),
    ("operator", true),
];

/// A key of one role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// What it may be used for.
    pub role: String,
    /// `rp_<id>_<secret>`
    pub text: String,
}

/// The key of this role, if there is one.
pub fn of<'a>(keys: &'a [ApiKey], role: &str) -> Option<&'a str> {
    keys.iter().find(|key| key.role == role).map(|key| key.text.as_str())
}

/// Makes a new key for each role, of the demo tenant but for the operator's, in place of those that it has made before. Fails when the database
/// refuses.
pub async fn make(database_url: &str) -> Result<Vec<ApiKey>> {
    let mut connection = database::connect(database_url).await?;
    sqlx::query("delete from api_keys where created_by = 'cargo xtask'")
        .execute(&mut connection)
        .await
        .context("cannot remove older API keys")?;
    let mut keys = Vec::new();
    for (role, across_tenants) in ROLES {
        let tenant = (!across_tenants).then_some(TENANT);
        let text = add(&mut connection, tenant, role, &[role]).await?;
        keys.push(ApiKey { role: role.to_owned(), text });
    }
    sqlx::Connection::close(connection).await?;
    Ok(keys)
}

/// Makes a key of a tenant (across tenants if there is none) with these roles; returns its text. Fails when the database refuses.
pub async fn add(
    connection: &mut PgConnection,
    tenant: Option<&str>,
    name: &str,
    roles: &[&str],
) -> Result<String> {
    let id = Uuid::now_v7();
    // Two random UUIDs have 244 random bits; their digest has as many, in 32 bytes.
    let random = [Uuid::new_v4(), Uuid::new_v4()].map(Uuid::into_bytes).concat();
    let secret = Sha256::digest(random);
    let insert = "insert into api_keys (id, tenant_id, name, roles, secret_sha256, created_by)
                  values ($1, $2::uuid, $3, $4, $5, 'cargo xtask')";
    sqlx::query(insert)
        .bind(id)
        .bind(tenant)
        .bind(name)
        .bind(roles)
        .bind(Sha256::digest(secret).to_vec())
        .execute(connection)
        .await
        .with_context(|| format!("cannot make the API key {name}"))?;
    Ok(format!("rp_{}_{}", id.simple(), URL_SAFE_NO_PAD.encode(secret)))
}
