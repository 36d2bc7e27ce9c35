//! Secrets: the secret parameters of a run, for the worker that holds its lease.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::heartbeat::{HeartbeatError, refusal};
use super::holder::holder;
use crate::scope::Scope;

/// What a worker sends to be told a run's secret parameters.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SecretsRequest {
    /// From the claim.
    pub lease_token: Uuid,
}

/// The secret parameters of a run. Nobody but its worker gets them, and nothing logs them.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SecretsReply {
    /// Those alone, each at its place, to be put over the `***` of the run's `parameters`; `{}` if there are none.
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
}

impl std::fmt::Debug for SecretsReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretsReply({} parameters)", self.parameters.len())
    }
}

/// The secret parameters of a run whose lease, alive, `lease_token` fences.
///
/// # Errors
/// [`HeartbeatError`].
pub async fn secrets(
    conn: &mut PgConnection,
    scope: Scope,
    run_id: Uuid,
    lease_token: Uuid,
) -> Result<SecretsReply, HeartbeatError> {
    let row = sqlx::query_file!("sql/secrets.sql", scope.tenant(), run_id, lease_token)
        .fetch_optional(&mut *conn)
        .await?;
    if let Some(row) = row {
        return Ok(SecretsReply { parameters: row.parameters.map(|json| json.0).unwrap_or_default() });
    }
    let held = holder(conn, scope, run_id, Some(lease_token)).await?;
    Err(refusal(held.as_ref().map(|(_, standing)| standing)).into())
}
