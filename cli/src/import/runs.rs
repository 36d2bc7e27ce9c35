//! Runs: those that have ended, as they are; those that wait, if they are to be taken over.

mod lineage;
mod row;
mod values;

use std::collections::HashSet;

use anyhow::Result;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::fit::{Fit, LeftOut};
use super::json::JsonText;
use super::kind::{Rows, Verdict};
use super::known::Known;
use super::report::Kind;
use super::source::{Raw, Source, Table};
use super::verify::Entry;
pub(super) use row::Run;

/// Runs of the old service.
#[derive(Debug)]
pub(super) struct Runs {
    given_twice: HashSet<String>,
}

impl Rows for Runs {
    type Row = Run;
    const KIND: Kind = Kind::Run;
    const TABLE: Table = Table {
        name: "pipeline_runs",
        required: &["id", "tenant_id", "pipeline_version_id", "status"],
        optional: &[
            "trigger_type",
            "parameters",
            "retry_of_run_id",
            "root_run_id",
            "created_at",
            "started_at",
            "claimed_at",
            "claimed_by",
            "heartbeat_at",
            "finished_at",
            "error_message",
            "updated_at",
        ],
        times: &["created_at", "started_at", "claimed_at", "heartbeat_at", "finished_at", "updated_at"],
        long: &["parameters", "error_message"],
        tenant: "tenant_id",
    };

    fn new(given_twice: HashSet<String>) -> Self {
        Self { given_twice }
    }

    async fn fit(&mut self, source: &mut Source, known: &Known, batch: Vec<Raw>) -> Result<Vec<Fit<Run>>> {
        let owners = owners_of_unknown_versions(source, known, &batch).await?;
        let fits = batch.iter().map(|raw| {
            row::fit(raw, &self.given_twice, known, &owners).map_err(|why| LeftOut { id: raw.id(), why })
        });
        let mut fits: Vec<Fit<Run>> = fits.collect();
        lineage::complete(source, &mut fits).await?;
        Ok(fits)
    }

    fn id(row: &Run) -> Uuid {
        row.id
    }

    async fn here(target: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Run>, sqlx::Error> {
        sqlx::query_file_as!(Run, "sql/import/runs_here.sql", ids).fetch_all(target).await
    }

    fn compare(&self, row: &Run, here: &Run) -> Verdict {
        if (row.tenant_id, row.pipeline_version_id) != (here.tenant_id, here.pipeline_version_id) {
            return Verdict::Foreign(format!(
                "a run of tenant {} and version {} has its id here",
                here.tenant_id, here.pipeline_version_id
            ));
        }
        // One that waits there was taken over before; what became of it here is not known there.
        if row.status == "QUEUED" {
            return Verdict::Same;
        }
        if row.status != here.status {
            return Verdict::Differs(format!(
                "is {} there and {} here: both services had it; kept as it is here",
                row.status, here.status
            ));
        }
        match row.differences(here).as_slice() {
            [] => Verdict::Same,
            names => Verdict::Differs(format!("has another {} there: kept as it is here", names.join(", "))),
        }
    }

    fn entry(row: &Run) -> Option<Entry> {
        Some((row.tenant_id, row.status.clone(), row.canonical()))
    }

    fn waits(row: &Run) -> bool {
        row.status == "QUEUED"
    }

    async fn insert(target: &mut PgConnection, rows: &[&Run]) -> Result<(), sqlx::Error> {
        sqlx::query_file!("sql/import/insert_runs.sql", Json(rows) as _).execute(target).await?;
        Ok(())
    }
}

/// Versions that runs refer to and that are not here: whose they are in the source, to say why.
async fn owners_of_unknown_versions(
    source: &mut Source,
    known: &Known,
    batch: &[Raw],
) -> Result<Vec<(Uuid, Option<String>)>> {
    let unknown: HashSet<Uuid> = batch
        .iter()
        .filter_map(|raw| Uuid::try_parse(raw.get("pipeline_version_id")?).ok())
        .filter(|version| !known.versions.contains_key(version))
        .collect();
    if unknown.is_empty() {
        return Ok(Vec::new());
    }
    let unknown: Vec<Uuid> = unknown.into_iter().collect();
    let rows = source.look_up("pipeline_versions", ["id", "tenant_id"], &unknown).await?;
    Ok(rows.into_iter().filter_map(|[id, tenant]| Some((Uuid::try_parse(&id?).ok()?, tenant))).collect())
}
