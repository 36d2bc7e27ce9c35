//! Idempotency keys: of requests with one key, the first makes a run and the others get it.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Dispatch, Labels, Run, RunStatus, RunSummary, run_from, summary_from};
use crate::canonical;

/// What a key has been used for.
#[derive(Debug)]
pub(super) enum KeyUse<R = Run> {
    /// Nothing.
    Unused,
    /// The same request: its run.
    Same(Box<R>),
    /// Another request.
    Other,
}

/// SHA-256 over the fields that were given, by name: equal requests have equal digests, however they were written, and a
/// version of Runplane that knows another optional field still finds the keys of the one before.
///
/// # Errors
/// [`serde_json::Error`] if the request cannot be written as JSON.
pub(super) fn digest(request: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut request = serde_json::to_value(request)?;
    if let Some(fields) = request.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    Ok(canonical::sha256(request))
}

/// What the tenant's `key` has been used for, seen by a request with this digest.
///
/// # Errors
/// [`sqlx::Error`].
pub(super) async fn find_by_key(
    conn: &mut PgConnection,
    tenant: Uuid,
    key: &str,
    digest: &[u8],
) -> Result<KeyUse, sqlx::Error> {
    let row = sqlx::query_file!("sql/find_by_idempotency_key.sql", tenant, key).fetch_optional(conn).await?;
    Ok(match row {
        None => KeyUse::Unused,
        Some(row) if row.request_sha256 == digest => KeyUse::Same(Box::new(run_from!(row))),
        Some(_) => KeyUse::Other,
    })
}

/// As [`find_by_key`] for several keys, each with its tenant and the digest of the request that sees it. A key that is not in
/// the answer is unused.
///
/// # Errors
/// [`sqlx::Error`].
pub(super) async fn find_by_keys(
    conn: &mut PgConnection,
    asked: &[(Uuid, &str, &[u8])],
) -> Result<HashMap<(Uuid, String), KeyUse<RunSummary>>, sqlx::Error> {
    if asked.is_empty() {
        return Ok(HashMap::new());
    }
    let tenants: Vec<_> = asked.iter().map(|(tenant, _, _)| *tenant).collect();
    let keys: Vec<_> = asked.iter().map(|(_, key, _)| *key).collect();
    let rows = sqlx::query_file!("sql/find_by_idempotency_keys.sql", &tenants, &keys[..] as _)
        .fetch_all(conn)
        .await?;
    let used = rows.into_iter().map(|row| {
        let same = asked.iter().any(|(tenant, key, digest)| {
            *tenant == row.tenant_id && *key == row.idempotency_key && *digest == row.request_sha256
        });
        let key = (row.tenant_id, row.idempotency_key);
        (key, if same { KeyUse::Same(Box::new(summary_from!(row))) } else { KeyUse::Other })
    });
    Ok(used.collect())
}
