//! Tenants: taken over by id. A name that was changed on one side since stays as it is here.

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

/// A tenant as it is to be here.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Tenant {
    id: Uuid,
    name: String,
    created_at: DateTime<Utc>,
}

/// Tenants of the old service.
#[derive(Debug)]
pub(super) struct Tenants {
    given_twice: HashSet<String>,
}

impl Tenants {
    fn fit_one(&self, raw: &Raw) -> Result<Fitted<Tenant>, String> {
        let id = fit::own_id(raw, &self.given_twice)?;
        let mut changes = Vec::new();
        let (name, change) = fit::name(raw.get("name").unwrap_or_default(), MAX_NAME, id, |_| false);
        changes.extend(change);
        let created_at = fit::created_at(raw.get("created_at"), &mut changes);
        Ok(Fitted { row: Tenant { id, name, created_at }, changes, warnings: Vec::new() })
    }
}

impl Rows for Tenants {
    type Row = Tenant;
    const KIND: Kind = Kind::Tenant;
    const TABLE: Table = Table {
        name: "tenants",
        required: &["id", "name"],
        optional: &["created_at"],
        times: &["created_at"],
        long: &[],
        tenant: "id",
    };

    fn new(given_twice: HashSet<String>) -> Self {
        Self { given_twice }
    }

    async fn fit(&mut self, _: &mut Source, _: &Known, batch: Vec<Raw>) -> Result<Vec<Fit<Tenant>>> {
        Ok(batch.iter().map(|raw| self.fit_one(raw).map_err(|why| LeftOut { id: raw.id(), why })).collect())
    }

    fn id(row: &Tenant) -> Uuid {
        row.id
    }

    async fn here(target: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Tenant>, sqlx::Error> {
        sqlx::query_as!(Tenant, "select id, name, created_at from tenants where id = any ($1)", ids)
            .fetch_all(target)
            .await
    }

    fn compare(&self, row: &Tenant, here: &Tenant) -> Verdict {
        fit::compare_names(&row.name, &here.name, MAX_NAME, row.id)
    }

    async fn insert(target: &mut PgConnection, rows: &[&Tenant]) -> Result<(), sqlx::Error> {
        sqlx::query_file!("sql/import/insert_tenants.sql", Json(rows) as _).execute(target).await?;
        Ok(())
    }

    fn is_here(known: &mut Known, row: &Tenant) {
        known.tenants.insert(row.id);
    }
}
