//! A run's parameters against what its version asks of them.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::dag::{Params, ParamsCache, ParamsError};
use crate::problem::FieldError;

/// Parameters as they are kept, with the defaults of what was left out.
#[derive(Debug)]
pub(crate) struct Parameters {
    /// With `***` in place of what is secret.
    pub(crate) shown: Map<String, Value>,
    /// What is secret of them, at its place. None: nothing.
    pub(crate) secret: Option<Map<String, Value>>,
}

/// What has come out.
#[derive(Debug)]
pub(crate) enum Checked {
    /// They are right.
    Right(Parameters),
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
pub(crate) async fn of_version(
    conn: &mut PgConnection,
    cache: &ParamsCache,
    tenant: Uuid,
    version: Uuid,
    parameters: Map<String, Value>,
) -> Result<Checked, sqlx::Error> {
    if let Some(params) = cache.get(tenant, version) {
        return Ok(checked(&params, parameters));
    }
    let checked = of_versions(conn, cache, vec![(tenant, version, parameters)]).await?.pop();
    Ok(checked.unwrap_or(Checked::NotApproved))
}

/// As [`of_version`] for several runs: tenant, version and parameters of each; answers in this order. One statement for all versions that
/// the cache does not know, none if there is no such version.
///
/// # Errors
/// [`sqlx::Error`].
pub(super) async fn of_versions(
    conn: &mut PgConnection,
    cache: &ParamsCache,
    runs: Vec<(Uuid, Uuid, Map<String, Value>)>,
) -> Result<Vec<Checked>, sqlx::Error> {
    // Kept here as well: what the cache knows now, it may have dropped for another version a moment later.
    let mut known: HashMap<(Uuid, Uuid), Result<Arc<Params>, ParamsError>> = runs
        .iter()
        .filter_map(|(tenant, version, _)| Some(((*tenant, *version), Ok(cache.get(*tenant, *version)?))))
        .collect();
    let unknown = runs.iter().filter(|(tenant, version, _)| !known.contains_key(&(*tenant, *version)));
    let (tenants, versions): (Vec<_>, Vec<_>) =
        unknown.map(|(tenant, version, _)| (*tenant, *version)).unzip();
    if !versions.is_empty() {
        // Only what is needed: a spec may have 256 KiB.
        let rows = sqlx::query!(
            r#"select v.id, v.tenant_id,
                 jsonb_build_object('kind', v.dag_spec -> 'kind', 'params', v.dag_spec -> 'params') as "spec!"
               from pipeline_versions v
               where v.id = any ($2) and v.tenant_id = any ($1) and v.status = 'APPROVED'"#,
            &tenants,
            &versions,
        );
        for row in rows.fetch_all(conn).await? {
            let compiled = compile(cache, (row.tenant_id, row.id), &row.spec);
            known.insert((row.tenant_id, row.id), compiled);
        }
    }
    let mut all = Vec::with_capacity(runs.len());
    for (tenant, version, parameters) in runs {
        all.push(match known.get(&(tenant, version)) {
            Some(Ok(params)) => checked(params, parameters),
            Some(Err(error)) => Checked::NoSchema(error.clone()),
            None => Checked::NotApproved,
        });
        // A hundred may take long enough for the caller's time to be over: here it ends before anything was written.
        tokio::task::yield_now().await;
    }
    Ok(all)
}

/// Parameters against what the dag_spec of an APPROVED version asks. Its `params` are compiled now, if they were not before.
pub(super) fn against(
    cache: &ParamsCache,
    (tenant, version): (Uuid, Uuid),
    spec: &Value,
    parameters: Map<String, Value>,
) -> Checked {
    if let Some(params) = cache.get(tenant, version) {
        return checked(&params, parameters);
    }
    match compile(cache, (tenant, version), spec) {
        Ok(params) => checked(&params, parameters),
        Err(error) => Checked::NoSchema(error),
    }
}

fn compile(
    cache: &ParamsCache,
    (tenant, version): (Uuid, Uuid),
    spec: &Value,
) -> Result<Arc<Params>, ParamsError> {
    let params = Arc::new(Params::of(spec)?);
    cache.insert(tenant, version, Arc::clone(&params));
    Ok(params)
}

fn checked(params: &Params, parameters: Map<String, Value>) -> Checked {
    match params.apply(parameters) {
        Ok(mut shown) => {
            let secret = params.take_secrets(&mut shown);
            Checked::Right(Parameters { shown, secret })
        }
        Err(faults) => Checked::Wrong(faults),
    }
}
