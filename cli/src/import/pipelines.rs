//! Pipelines: taken over by id. Names are unique per tenant here; what was changed on one side since stays as it is here.

use std::collections::HashSet;

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::fit::{self, Fit, Fitted, LeftOut};
use super::kind::{Rows, Verdict};
use super::known::Known;
use super::report::Kind;
use super::source::{Raw, Source, Table};

const MAX_NAME: usize = 200;

/// A pipeline as it is to be here.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Pipeline {
    id: Uuid,
    tenant_id: Uuid,
    name: String,
    description: Option<String>,
    created_at: DateTime<Utc>,
}

/// Pipelines of the old service.
#[derive(Debug)]
pub(super) struct Pipelines {
    given_twice: HashSet<String>,
    /// Names given by this import, by tenant.
    given: HashSet<(Uuid, String)>,
}

impl Pipelines {
    fn fit_one(&self, known: &Known, raw: &Raw) -> Result<Fitted<Pipeline>, String> {
        let id = fit::own_id(raw, &self.given_twice)?;
        let tenant_id = fit::uuid("tenant_id", raw.get("tenant_id"))?;
        if !known.tenants.contains(&tenant_id) {
            return Err(format!("its tenant {tenant_id} is not here"));
        }
        let mut changes = Vec::new();
        let created_at = fit::created_at(raw.get("created_at"), &mut changes);
        let name = raw.get("name").unwrap_or_default().to_owned();
        let description = raw.get("description").map(str::to_owned);
        Ok(Fitted {
            row: Pipeline { id, tenant_id, name, description, created_at },
            changes,
            warnings: Vec::new(),
        })
    }
}

impl Rows for Pipelines {
    type Row = Pipeline;
    const KIND: Kind = Kind::Pipeline;
    const TABLE: Table = Table {
        name: "pipelines",
        required: &["id", "tenant_id", "name"],
        optional: &["description", "created_at"],
        times: &["created_at"],
        long: &[],
        tenant: "tenant_id",
    };

    fn new(given_twice: HashSet<String>) -> Self {
        Self { given_twice, given: HashSet::new() }
    }

    async fn fit(&mut self, _: &mut Source, known: &Known, batch: Vec<Raw>) -> Result<Vec<Fit<Pipeline>>> {
        Ok(batch
            .iter()
            .map(|raw| self.fit_one(known, raw).map_err(|why| LeftOut { id: raw.id(), why }))
            .collect())
    }

    fn id(row: &Pipeline) -> Uuid {
        row.id
    }

    async fn here(target: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Pipeline>, sqlx::Error> {
        sqlx::query_as!(
            Pipeline,
            "select id, tenant_id, name, description, created_at from pipelines where id = any ($1)",
            ids
        )
        .fetch_all(target)
        .await
    }

    fn compare(&self, row: &Pipeline, here: &Pipeline) -> Verdict {
        if row.tenant_id != here.tenant_id {
            return Verdict::Foreign(format!("a pipeline of tenant {} has its id here", here.tenant_id));
        }
        match fit::compare_names(&row.name, &here.name, MAX_NAME, row.id) {
            Verdict::Same if row.description != here.description => {
                Verdict::Kept("has another description there: kept as it is here".to_owned())
            }
            Verdict::Kept(why) if row.description != here.description => {
                Verdict::Kept(format!("{why}; so is its description"))
            }
            verdict => verdict,
        }
    }

    async fn settle(
        &mut self,
        target: &mut PgConnection,
        new: &mut [Fitted<Pipeline>],
    ) -> Result<(), sqlx::Error> {
        let tenants: Vec<Uuid> = new.iter().map(|fitted| fitted.row.tenant_id).collect();
        let taken =
            sqlx::query!("select tenant_id, name from pipelines where tenant_id = any ($1)", &tenants)
                .fetch_all(target)
                .await?;
        self.given.extend(taken.into_iter().map(|row| (row.tenant_id, row.name)));
        for Fitted { row, changes, .. } in new {
            let is_taken = |name: &str| self.given.contains(&(row.tenant_id, name.to_owned()));
            let (name, change) = fit::name(&row.name, MAX_NAME, row.id, is_taken);
            self.given.insert((row.tenant_id, name.clone()));
            row.name = name;
            changes.extend(change);
        }
        Ok(())
    }

    async fn insert(target: &mut PgConnection, rows: &[&Pipeline]) -> Result<(), sqlx::Error> {
        sqlx::query_file!("sql/import/insert_pipelines.sql", Json(rows) as _).execute(target).await?;
        Ok(())
    }

    fn is_here(known: &mut Known, row: &Pipeline) {
        known.pipelines.insert(row.id, row.tenant_id);
    }
}
