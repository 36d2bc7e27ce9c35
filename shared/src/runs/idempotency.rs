//! Idempotency keys: of requests with one key, the first makes a run and the others get it.

use serde::Serialize;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Dispatch, Labels, Run, RunStatus, run_from};
use crate::canonical;

/// What a key has been used for.
#[derive(Debug)]
pub(super) enum KeyUse {
    /// Nothing.
    Unused,
    /// The same request: its run.
    Same(Box<Run>),
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
