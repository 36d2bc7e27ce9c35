//! What must hold whatever happened, asked of the database, its history and the ledger when the chaos is over.
//!
//! Each invariant is one query in a file of its own. Its rows are facts, `(run_id, what)`: what is null of a fact that is as it should be, and says what is wrong
//! of one that is not. So how many were looked at and how many were judged is the same number.

use std::fmt;

use anyhow::{Context, Result};
use sqlx::{Connection, PgConnection, Row};
use uuid::Uuid;

mod list;

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which invariant it violates: [`Checked::name`].
    pub invariant: &'static str,
    /// Of which run.
    pub run_id: Uuid,
    /// What is wrong, with the words of the history.
    pub what: String,
}

/// What came of one invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// That of its file.
    pub name: &'static str,
    /// What must hold.
    pub sentence: &'static str,
    /// How many facts were judged.
    pub facts: u64,
    /// How many of them violate it.
    pub found: u64,
    /// The first 20 of these, by run.
    pub violations: Vec<Violation>,
}

impl Checked {
    /// Whether it says anything, and that it holds: one that has looked at nothing proves nothing.
    pub fn is_proven(&self) -> bool {
        self.facts > 0 && self.found == 0
    }
}

impl fmt::Display for Checked {
    /// `limits: 1234 facts, 0 violations`, and a line for each violation that is known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.facts == 0 {
            return write!(f, "{}: looked at nothing, which proves nothing", self.name);
        }
        write!(f, "{}: {} facts, {} violations", self.name, self.facts, self.found)?;
        for violation in &self.violations {
            write!(f, "\n  run {}: {}", violation.run_id, violation.what)?;
        }
        Ok(())
    }
}

/// One invariant.
struct Invariant {
    name: &'static str,
    sentence: &'static str,
    query: &'static str,
}

/// Judges every invariant, in the order in which docs/reliability.md lists them. The ledger is loaded ([`load`](super::store::load)), and nobody writes any more.
/// What it was asked of is left in `chaos.leases`, `chaos.scopes` and `chaos.overdue`. Fails when the witness is not there, or the database does not answer.
pub async fn check(conn: &mut PgConnection) -> Result<Vec<Checked>> {
    let mut all = conn.begin().await?;
    // Half a million rows are sorted and hashed here: in memory, and without compiling anything.
    sqlx::raw_sql(
        "set local work_mem = '256MB'; set local maintenance_work_mem = '256MB'; set local jit = off",
    )
    .execute(&mut *all)
    .await?;
    sqlx::raw_sql(include_str!("prepare.sql"))
        .execute(&mut *all)
        .await
        .context("cannot make the leases out of the history")?;
    let mut checked = Vec::new();
    for invariant in list::ALL {
        checked.push(judge(&mut all, invariant).await.with_context(|| invariant.name)?);
    }
    all.commit().await?;
    Ok(checked)
}

async fn judge(conn: &mut PgConnection, invariant: &Invariant) -> Result<Checked> {
    let mut checked = Checked {
        name: invariant.name,
        sentence: invariant.sentence,
        facts: 0,
        found: 0,
        violations: Vec::new(),
    };
    for row in sqlx::query(invariant.query).fetch_all(conn).await? {
        checked.facts = u64::try_from(row.try_get::<i64, _>("facts")?)?;
        checked.found = u64::try_from(row.try_get::<i64, _>("found")?)?;
        if let Some(what) = row.try_get("what")? {
            let run_id = row.try_get("run_id")?;
            checked.violations.push(Violation { invariant: invariant.name, run_id, what });
        }
    }
    Ok(checked)
}
