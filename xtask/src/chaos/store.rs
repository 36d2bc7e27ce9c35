//! The ledger in the database, where it can be held against the history.

use anyhow::{Context, Result};
use sqlx::{Connection, PgConnection};

use super::ledger::Entry;

/// Lines in one statement.
const BATCH: usize = 10_000;

/// Adds the lines to `chaos.ledger`, in their order, all or none. The witness is there ([`install`](super::history::install)). Fails when it is not, or when
/// the database does not answer.
pub async fn load(conn: &mut PgConnection, entries: &[Entry]) -> Result<()> {
    let mut all = conn.begin().await?;
    for batch in entries.chunks(BATCH) {
        add(&mut all, batch).await.context("cannot store the ledger")?;
    }
    Ok(all.commit().await?)
}

async fn add(conn: &mut PgConnection, batch: &[Entry]) -> Result<(), sqlx::Error> {
    /// One column of all lines.
    fn column<'a, T>(batch: &'a [Entry], of: impl Fn(&'a Entry) -> T) -> Vec<T> {
        batch.iter().map(of).collect()
    }
    sqlx::query(
        "insert into chaos.ledger (at, kind, tenant_id, run_id, run_tenant_id, lease_token, key, worker, outcome, status,
           claim_count, attempt, step_id, code)
         select l.at, l.kind, l.tenant_id, l.run_id, l.run_tenant_id, l.lease_token, l.key, l.worker, l.outcome, l.status,
           l.claim_count, l.attempt, l.step_id, l.code
         from unnest($1::timestamptz[], $2::text[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::text[],
                     $9::text[], $10::text[], $11::integer[], $12::integer[], $13::text[], $14::text[]) with ordinality
           as l (at, kind, tenant_id, run_id, run_tenant_id, lease_token, key, worker, outcome, status, claim_count, attempt,
                 step_id, code, place)
         order by l.place",
    )
    .bind(column(batch, |entry| entry.at))
    .bind(column(batch, |entry| entry.kind.as_str()))
    .bind(column(batch, |entry| entry.tenant_id))
    .bind(column(batch, |entry| entry.run_id))
    .bind(column(batch, |entry| entry.run_tenant_id))
    .bind(column(batch, |entry| entry.lease_token))
    .bind(column(batch, |entry| entry.key.as_deref()))
    .bind(column(batch, |entry| entry.worker.as_deref()))
    .bind(column(batch, |entry| entry.outcome.as_deref()))
    .bind(column(batch, |entry| entry.status.as_deref()))
    .bind(column(batch, |entry| entry.claim_count))
    .bind(column(batch, |entry| entry.attempt))
    .bind(column(batch, |entry| entry.step_id.as_deref()))
    .bind(column(batch, |entry| entry.code.as_deref()))
    .execute(conn)
    .await?;
    Ok(())
}
