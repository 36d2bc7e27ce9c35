//! Versions: taken over by id with their status. What has been edited, approved or deprecated here stays as it is here.

mod spec;

use std::collections::HashSet;

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::fit::{self, Fit, Fitted, LeftOut};
use super::json::JsonText;
use super::kind::{Rows, Verdict};
use super::known::{Known, KnownVersion};
use super::report::Kind;
use super::source::{Raw, Source, Table};

const MAX_NAME: usize = 50;
/// Versions that the import approved, and transitions that it made, say so.
const IMPORT: &str = "import";

/// A version as it is to be here.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Version {
    id: Uuid,
    tenant_id: Uuid,
    pipeline_id: Uuid,
    version: String,
    status: String,
    dag_spec: JsonText,
    dag_sha256: Option<String>,
    approved_by: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// Versions of the old service.
#[derive(Debug)]
pub(super) struct Versions {
    given_twice: HashSet<String>,
    /// Names given by this import, by pipeline.
    given: HashSet<(Uuid, String)>,
}

impl Versions {
    fn fit_one(&self, known: &Known, raw: &Raw) -> Result<Fitted<Version>, String> {
        let id = fit::own_id(raw, &self.given_twice)?;
        let tenant_id = fit::uuid("tenant_id", raw.get("tenant_id"))?;
        let pipeline_id = fit::uuid("pipeline_id", raw.get("pipeline_id"))?;
        match known.pipelines.get(&pipeline_id) {
            None => return Err(format!("its pipeline {pipeline_id} is not here")),
            Some(owner) if *owner != tenant_id => {
                return Err(format!(
                    "it is tenant {tenant_id}'s, its pipeline {pipeline_id} is tenant {owner}'s"
                ));
            }
            Some(_) => {}
        }
        let status = raw.get("status").unwrap_or_default();
        if !["DRAFT", "APPROVED", "DEPRECATED"].contains(&status) {
            return Err(format!("its status {status:?} is not DRAFT, APPROVED or DEPRECATED"));
        }
        let is_approved = status != "DRAFT";
        let (mut changes, mut warnings) = (Vec::new(), Vec::new());
        let created_at = fit::created_at(raw.get("created_at"), &mut changes);
        let spec = spec::fit(raw.get("dag_spec").unwrap_or("null"), &mut changes)?;
        if is_approved {
            let faults = runplane::dag::check(&spec.value, None);
            warnings.extend(faults.iter().map(|fault| {
                format!("a dag_spec like this is not approved any more: {}: {}", fault.pointer, fault.detail)
            }));
        }
        let row = Version {
            id,
            tenant_id,
            pipeline_id,
            version: raw.get("version").unwrap_or_default().to_owned(),
            status: status.to_owned(),
            dag_sha256: is_approved.then(|| spec::digest(spec.value)),
            dag_spec: JsonText(spec.text),
            approved_by: is_approved.then(|| IMPORT.to_owned()),
            created_at,
            updated_at: created_at,
        };
        Ok(Fitted { row, changes, warnings })
    }
}

impl Version {
    /// Nobody but an import has written it here: whatever else does moves updated_at.
    fn is_untouched(&self) -> bool {
        self.updated_at == self.created_at && self.approved_by.as_deref().is_none_or(|by| by == IMPORT)
    }
}

impl Rows for Versions {
    type Row = Version;
    const KIND: Kind = Kind::PipelineVersion;
    const TABLE: Table = Table {
        name: "pipeline_versions",
        required: &["id", "tenant_id", "pipeline_id", "version", "status", "dag_spec"],
        optional: &["created_at"],
        times: &["created_at"],
        long: &["dag_spec"],
        tenant: "tenant_id",
    };

    fn new(given_twice: HashSet<String>) -> Self {
        Self { given_twice, given: HashSet::new() }
    }

    async fn fit(&mut self, _: &mut Source, known: &Known, batch: Vec<Raw>) -> Result<Vec<Fit<Version>>> {
        Ok(batch
            .iter()
            .map(|raw| self.fit_one(known, raw).map_err(|why| LeftOut { id: raw.id(), why }))
            .collect())
    }

    fn id(row: &Version) -> Uuid {
        row.id
    }

    async fn here(target: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Version>, sqlx::Error> {
        sqlx::query_file_as!(Version, "sql/import/versions_here.sql", ids).fetch_all(target).await
    }

    fn compare(&self, row: &Version, here: &Version) -> Verdict {
        if (row.tenant_id, row.pipeline_id) != (here.tenant_id, here.pipeline_id) {
            return Verdict::Foreign(format!("a version of pipeline {} has its id here", here.pipeline_id));
        }
        let is_same_spec = row.dag_spec == here.dag_spec;
        match (row.status.as_str(), here.status.as_str()) {
            (there, status) if there == status && is_same_spec => {
                fit::compare_names(&row.version, &here.version, MAX_NAME, row.id)
            }
            (_, "DRAFT") if here.is_untouched() => Verdict::Update,
            (_, "DRAFT") => Verdict::Differs("it was edited here: kept as it is here".to_owned()),
            (_, status) if !is_same_spec => Verdict::Differs(format!(
                "its dag_spec has changed there, and it is {status} here: what was approved does not change"
            )),
            ("APPROVED" | "DEPRECATED", _) if here.is_untouched() => Verdict::Update,
            (there, status) => {
                Verdict::Kept(format!("is {there} there and {status} here: kept as it is here"))
            }
        }
    }

    async fn settle(
        &mut self,
        target: &mut PgConnection,
        new: &mut [Fitted<Version>],
    ) -> Result<(), sqlx::Error> {
        let pipelines: Vec<Uuid> = new.iter().map(|fitted| fitted.row.pipeline_id).collect();
        let taken = sqlx::query!(
            "select pipeline_id, version from pipeline_versions where pipeline_id = any ($1)",
            &pipelines
        )
        .fetch_all(target)
        .await?;
        self.given.extend(taken.into_iter().map(|row| (row.pipeline_id, row.version)));
        for Fitted { row, changes, .. } in new {
            let is_taken = |name: &str| self.given.contains(&(row.pipeline_id, name.to_owned()));
            let (name, change) = fit::name(&row.version, MAX_NAME, row.id, is_taken);
            self.given.insert((row.pipeline_id, name.clone()));
            row.version = name;
            changes.extend(change);
        }
        Ok(())
    }

    async fn insert(target: &mut PgConnection, rows: &[&Version]) -> Result<(), sqlx::Error> {
        sqlx::query_file!("sql/import/insert_versions.sql", Json(rows) as _).execute(target).await?;
        Ok(())
    }

    async fn update(target: &mut PgConnection, row: &Version) -> Result<bool, sqlx::Error> {
        // A draft that is DEPRECATED there passes through APPROVED, as every version does.
        let drafted = sqlx::query_file_scalar!(
            "sql/import/update_draft.sql",
            row.id,
            row.dag_spec.0,
            row.status != "DRAFT",
            row.dag_sha256
        )
        .fetch_one(&mut *target)
        .await?;
        let moved = sqlx::query_file_scalar!("sql/import/move_version.sql", row.id, row.status)
            .fetch_one(target)
            .await?;
        Ok(drafted + moved > 0)
    }

    fn is_here(known: &mut Known, row: &Version) {
        let version = KnownVersion {
            tenant: row.tenant_id,
            pipeline: row.pipeline_id,
            is_draft: row.status == "DRAFT",
        };
        known.versions.insert(row.id, version);
    }
}
