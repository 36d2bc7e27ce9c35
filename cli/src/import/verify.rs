//! `--verify`: each row of the source, made to fit as an import does it, next to the row that is here.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::kind::{self, Rows, Verdict};
use super::known::Known;
use super::report::{Note, Report, table};
use super::source::{Raw, Source};

/// Runs of a tenant in a status, on both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Side {
    /// In the source, without those that an import leaves out.
    there: u64,
    /// Of those: here.
    here: u64,
    /// The sum of the digests of all rows, whatever their order.
    #[serde(serialize_with = "hex")]
    checksum_there: u128,
    /// The same of the rows here.
    #[serde(serialize_with = "hex")]
    checksum_here: u128,
}

fn hex<S: serde::Serializer>(checksum: &u128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format!("{checksum:032x}"))
}

/// What was counted, by tenant and status.
#[derive(Debug, Default)]
pub(super) struct Totals {
    runs: BTreeMap<(Uuid, String), Side>,
}

/// Compares a batch.
///
/// # Errors
/// When a database fails.
pub(super) async fn batch<R: Rows>(
    rows: &mut R,
    (source, target): (&mut Source, &mut PgConnection),
    known: &mut Known,
    batch: Vec<Raw>,
    totals: &mut Totals,
    report: &mut Report<'_>,
) -> Result<()> {
    report.count(R::KIND).read += batch.len() as u64;
    let fits = rows.fit(source, known, batch).await?;
    let fitted = kind::sort_out::<R>(fits, report)?;
    let here: HashMap<Uuid, R::Row> = kind::here::<R>(target, &fitted).await?;
    for fitted in &fitted {
        let id = R::id(&fitted.row).to_string();
        let here = here.get(&R::id(&fitted.row));
        if let Some(entry) = R::entry(&fitted.row) {
            totals.add(entry, here.and_then(R::entry));
        }
        let Some(here) = here else {
            if R::waits(&fitted.row) {
                // One that was not taken over; it is counted with those that stay behind.
                report.count(R::KIND).read -= 1;
                continue;
            }
            report.count(R::KIND).missing += 1;
            report.note(Note::Missing, R::KIND, &id, "is not here: import again")?;
            continue;
        };
        let verdict = rows.compare(&fitted.row, here);
        if !matches!(verdict, Verdict::Foreign(_)) {
            R::is_here(known, here);
        }
        match verdict {
            Verdict::Same => report.count(R::KIND).already_there += 1,
            Verdict::Kept(why) => {
                report.count(R::KIND).already_there += 1;
                report.count(R::KIND).warnings += 1;
                report.note(Note::Warning, R::KIND, &id, &why)?;
            }
            verdict @ (Verdict::Update | Verdict::Differs(_) | Verdict::Foreign(_)) => {
                let why = match verdict {
                    Verdict::Differs(why) | Verdict::Foreign(why) => why,
                    _ => "has changed there since: import again".to_owned(),
                };
                report.count(R::KIND).differing += 1;
                report.note(Note::Differs, R::KIND, &id, &why)?;
            }
        }
    }
    Ok(())
}

/// What the totals need of a run: tenant, status, and the row in its canonical form.
pub(super) type Entry = (Uuid, String, String);

impl Totals {
    fn add(&mut self, (tenant, status, row): Entry, here: Option<Entry>) {
        let side = self.runs.entry((tenant, status)).or_default();
        side.there += 1;
        side.checksum_there = side.checksum_there.wrapping_add(checksum(&row));
        if let Some((_, _, row)) = here {
            side.here += 1;
            side.checksum_here = side.checksum_here.wrapping_add(checksum(&row));
        }
    }

    /// Writes the table of tenants and statuses; returns the same as JSON.
    ///
    /// # Errors
    /// When a database fails, or the table cannot be written.
    pub async fn close(&self, target: &mut PgConnection, report: &mut Report<'_>) -> Result<Value> {
        let mut table = table();
        table.set_header(["tenant", "runs", "there", "here", "checksum there", "checksum here"]);
        let mut list = Vec::new();
        for ((tenant, status), side) in &self.runs {
            // What waits there goes on here, or not yet: no two sides to compare.
            let is_compared = status != "QUEUED";
            let checksum = |sum: u128| match is_compared {
                true => format!("{sum:032x}").chars().take(12).collect(),
                false => "-".to_owned(),
            };
            table.add_row([
                tenant.to_string(),
                status.clone(),
                side.there.to_string(),
                side.here.to_string(),
                checksum(side.checksum_there),
                checksum(side.checksum_here),
            ]);
            let mut entry = serde_json::to_value(side)?;
            entry["tenant_id"] = tenant.to_string().into();
            entry["status"] = status.as_str().into();
            if !is_compared {
                entry["checksum_there"] = Value::Null;
                entry["checksum_here"] = Value::Null;
            }
            list.push(entry);
        }
        report.table(&table)?;
        let tenants: Vec<Uuid> = self.runs.keys().map(|(tenant, _)| *tenant).collect();
        let here = sqlx::query_scalar!(
            r#"select count(*) as "runs!" from pipeline_runs where tenant_id = any ($1)"#,
            &tenants
        )
        .fetch_one(target)
        .await?;
        let matched: u64 = self.runs.values().map(|side| side.here).sum();
        let more = u64::try_from(here).unwrap_or_default().saturating_sub(matched);
        if more > 0 {
            report.remark(format!("{more} more runs of these tenants are here and were not compared: they are not there, or --since left them out."));
        }
        Ok(list.into())
    }
}

fn checksum(row: &str) -> u128 {
    let digest = Sha256::digest(row);
    digest.iter().take(16).fold(0, |sum, byte| (sum << 8) | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(row: &str) -> Entry {
        (Uuid::nil(), "FAILED".to_owned(), row.to_owned())
    }

    #[test]
    fn checksums_do_not_depend_on_the_order_and_tell_one_changed_row() {
        let (mut one, mut other, mut third) = (Totals::default(), Totals::default(), Totals::default());
        for row in ["a", "b", "c"] {
            one.add(entry(row), Some(entry(row)));
        }
        for row in ["c", "a", "b"] {
            other.add(entry(row), Some(entry(row)));
        }
        for row in ["a", "b", "c"] {
            third.add(entry(row), (row != "b").then(|| entry(row)).or_else(|| Some(entry("changed"))));
        }
        let side = |totals: &Totals| totals.runs.values().next().copied().unwrap();
        assert_eq!(side(&one), side(&other));
        assert_eq!(side(&one).checksum_there, side(&one).checksum_here);
        assert_ne!(side(&third).checksum_there, side(&third).checksum_here);
        assert_eq!((side(&third).there, side(&third).here), (3, 3));
    }
}
