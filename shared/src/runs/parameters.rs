//! A run's parameters against what its version asks of them.

use std::sync::Arc;

use serde_json::{Map, Value};
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::dag::{Params, ParamsCache, ParamsError};
use crate::problem::FieldError;

/// What has come out.
#[derive(Debug)]
pub(super) enum Checked {
    /// They are right; with the defaults of what was left out.
    Right(Map<String, Value>),
    /// What is wrong with them.
    Wrong(Vec<FieldError>),
    /// The version was approved with params that are no schema: before that was asked.
    NoSchema(ParamsError),
    /// There is no such version, or it is not APPROVED.
    NotApproved,
}

/// Parameters against a version of the tenant's. What the cache knows needs no round trip: an APPROVED version does not change, and whether
/// it is still APPROVED, and the tenant's, the statement that inserts the run asks.
///
/// # Errors
/// [`sqlx::Error`].
pub(super) async fn of_version(
    conn: &mut PgConnection,
    cache: &ParamsCache,
    tenant: Uuid,
    version: Uuid,
    parameters: Map<String, Value>,
) -> Result<Checked, sqlx::Error> {
    if let Some(params) = cache.get(version) {
        return Ok(checked(&params, parameters));
    }
    // Only what is needed: a spec may have 256 KiB.
    let spec = sqlx::query_scalar!(
        r#"select jsonb_build_object('kind', dag_spec -> 'kind', 'params', dag_spec -> 'params') as "spec!"
           from pipeline_versions
           where id = $1 and tenant_id = $2 and status = 'APPROVED'"#,
        version,
        tenant,
    )
    .fetch_optional(conn)
    .await?;
    Ok(spec.map_or(Checked::NotApproved, |spec| against(cache, version, &spec, parameters)))
}

/// Parameters against what the dag_spec of an APPROVED version asks. Its `params` are compiled now, if they were not before.
pub(super) fn against(
    cache: &ParamsCache,
    version: Uuid,
    spec: &Value,
    parameters: Map<String, Value>,
) -> Checked {
    if let Some(params) = cache.get(version) {
        return checked(&params, parameters);
    }
    match Params::of(spec) {
        Ok(params) => {
            let params = Arc::new(params);
            cache.insert(version, Arc::clone(&params));
            checked(&params, parameters)
        }
        Err(error) => Checked::NoSchema(error),
    }
}

fn checked(params: &Params, parameters: Map<String, Value>) -> Checked {
    match params.apply(parameters) {
        Ok(parameters) => Checked::Right(parameters),
        Err(faults) => Checked::Wrong(faults),
    }
}
