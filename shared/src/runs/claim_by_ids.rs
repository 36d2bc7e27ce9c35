//! Claim by ids: take the runs that messages name.

use std::collections::HashSet;

use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Claim, ClaimedRun, ClaimedVersion, Dispatch, Labels, RunStatus, run_from};
use crate::scope::Scope;

/// Claims the runs that are named, each in its scope, or takes them over if their lease has expired. Of a run that is not in
/// the answer, somebody has it, it is not due, its tenant, its pipeline or its concurrency key lets no other run, it has ended, or it
/// is not there. One that is named twice is claimed once.
/// `worker` has 1 to 200 characters; the order of the answer means nothing.
///
/// # Errors
/// [`sqlx::Error`]; nothing was claimed.
pub async fn claim_by_ids(
    conn: &mut PgConnection,
    asked: &[(Scope, Uuid)],
    worker: &str,
    lease_seconds: i32,
) -> Result<Vec<Claim>, sqlx::Error> {
    let (tenants, runs) = columns(asked);
    let rows =
        sqlx::query_file!("sql/claim_by_ids.sql", &tenants[..] as _, &runs[..] as _, worker, lease_seconds)
            .fetch_all(conn)
            .await?;
    let claims = rows.into_iter().map(|row| {
        let (lease_token, limited) = (row.lease_token, row.bounded);
        let (status, dag_spec) = (row.version_status, row.dag_spec);
        let run = run_from!(row);
        let pipeline_version = ClaimedVersion { id: run.pipeline_version_id, status, dag_spec };
        Claim { run: ClaimedRun { run, lease_token }, pipeline_version, limited }
    });
    Ok(claims.collect())
}

/// Which of these runs there are, each in its scope: positions in `asked`.
///
/// # Errors
/// [`sqlx::Error`].
pub async fn exist(conn: &mut PgConnection, asked: &[(Scope, Uuid)]) -> Result<HashSet<usize>, sqlx::Error> {
    let (tenants, runs) = columns(asked);
    let positions = sqlx::query_file_scalar!("sql/exist.sql", &tenants[..] as _, &runs[..] as _);
    // Postgres counts from 1.
    let positions = positions.fetch_all(conn).await?.into_iter();
    Ok(positions.filter_map(|position| usize::try_from(position - 1).ok()).collect())
}

fn columns(asked: &[(Scope, Uuid)]) -> (Vec<Option<Uuid>>, Vec<Uuid>) {
    asked.iter().map(|(scope, run)| (scope.tenant(), *run)).unzip()
}
