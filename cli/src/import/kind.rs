//! What the four kinds of rows have in common, and what is done with a batch of one.

mod write;

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::fit::{Fit, Fitted, LeftOut};
use super::known::Known;
use super::report::{Kind, Note, Report};
use super::source::{Raw, Source, Table};
use super::verify::Entry;

/// What becomes of a row whose id is here already.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing: it is here as it is there.
    Same,
    /// It is brought up to date.
    Update,
    /// It stays as it is here, for a reason that is told.
    Kept(String),
    /// It stays as it is here, which is not what is there.
    Differs(String),
    /// Another row has its id.
    Foreign(String),
}

/// A kind of rows: how they are read, made to fit, compared and written.
pub(super) trait Rows {
    /// A row as it is to be here.
    type Row: std::fmt::Debug;
    /// What the report calls it.
    const KIND: Kind;
    /// Where it is read.
    const TABLE: Table;

    /// Before any row is read. `given_twice` are ids that stand twice there, in lower case.
    fn new(given_twice: HashSet<String>) -> Self;

    /// Makes rows fit.
    async fn fit(
        &mut self,
        source: &mut Source,
        known: &Known,
        batch: Vec<Raw>,
    ) -> Result<Vec<Fit<Self::Row>>>;

    /// The id of a row.
    fn id(row: &Self::Row) -> Uuid;

    /// Rows that are here, by these ids.
    async fn here(target: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Self::Row>, sqlx::Error>;

    /// What becomes of a row of the source that is here as `here`.
    fn compare(&self, row: &Self::Row, here: &Self::Row) -> Verdict;

    /// Names that are unique here are given to rows that are new.
    async fn settle(
        &mut self,
        _target: &mut PgConnection,
        _new: &mut [Fitted<Self::Row>],
    ) -> Result<(), sqlx::Error> {
        Ok(())
    }

    /// Inserts rows, all or none.
    async fn insert(target: &mut PgConnection, rows: &[&Self::Row]) -> Result<(), sqlx::Error>;

    /// Brings a row up to date. False: somebody changed it here meanwhile.
    async fn update(_target: &mut PgConnection, _row: &Self::Row) -> Result<bool, sqlx::Error> {
        Ok(false)
    }

    /// What `--verify` counts by tenant; `None`: nothing.
    fn entry(_row: &Self::Row) -> Option<Entry> {
        None
    }

    /// Whether it may well not be here yet, since it has not ended.
    fn waits(_row: &Self::Row) -> bool {
        false
    }

    /// The row is here now.
    fn is_here(_known: &mut Known, _row: &Self::Row) {}
}

/// Imports a batch in one transaction; with `dry_run` writes nothing and says the same.
///
/// # Errors
/// When Postgres fails; then nothing of the batch is here. A row that Postgres refuses is left out with what it said.
pub(super) async fn import<R: Rows>(
    rows: &mut R,
    (source, target): (&mut Source, &mut PgConnection),
    known: &mut Known,
    batch: Vec<Raw>,
    dry_run: bool,
    report: &mut Report<'_>,
) -> Result<()> {
    report.count(R::KIND).read += batch.len() as u64;
    let fits = rows.fit(source, known, batch).await?;
    let fitted = sort_out::<R>(fits, report)?;

    let mut transaction = target.begin().await?;
    let here = here::<R>(&mut transaction, &fitted).await?;
    let (mut new, mut updates) = (Vec::new(), Vec::new());
    for fitted in fitted {
        let Some(here) = here.get(&R::id(&fitted.row)) else {
            new.push(fitted);
            continue;
        };
        let id = R::id(&fitted.row).to_string();
        match rows.compare(&fitted.row, here) {
            Verdict::Update => {
                updates.push(fitted);
                continue;
            }
            Verdict::Same => report.count(R::KIND).already_there += 1,
            Verdict::Kept(why) => {
                report.count(R::KIND).already_there += 1;
                report.count(R::KIND).warnings += 1;
                report.note(Note::Warning, R::KIND, &id, &why)?;
            }
            Verdict::Differs(why) => report.left_out(R::KIND, &id, &why)?,
            Verdict::Foreign(why) => {
                report.left_out(R::KIND, &id, &why)?;
                continue;
            }
        }
        R::is_here(known, here);
    }
    rows.settle(&mut transaction, &mut new).await?;
    let mut refused = HashMap::new();
    if !dry_run {
        refused.extend(write::insert::<R>(&mut transaction, &new).await?);
        refused.extend(write::update::<R>(&mut transaction, &updates).await?);
    }
    transaction.commit().await?;

    // Told only now: a batch that failed has changed nothing.
    for (is_update, fitted) in
        new.into_iter().map(|row| (false, row)).chain(updates.into_iter().map(|row| (true, row)))
    {
        let id = R::id(&fitted.row);
        if let Some(why) = refused.get(&id) {
            report.left_out(R::KIND, &id.to_string(), why)?;
            if is_update {
                R::is_here(known, &fitted.row);
            }
            continue;
        }
        let counts = report.count(R::KIND);
        *(if is_update { &mut counts.updated } else { &mut counts.copied }) += 1;
        arrived::<R>(known, fitted, report)?;
    }
    Ok(())
}

fn arrived<R: Rows>(known: &mut Known, fitted: Fitted<R::Row>, report: &mut Report<'_>) -> Result<()> {
    let id = R::id(&fitted.row).to_string();
    report.count(R::KIND).changed_to_fit += u64::from(!fitted.changes.is_empty());
    report.count(R::KIND).warnings += u64::from(!fitted.warnings.is_empty());
    for change in &fitted.changes {
        report.note(Note::Changed, R::KIND, &id, change)?;
    }
    for warning in &fitted.warnings {
        report.note(Note::Warning, R::KIND, &id, warning)?;
    }
    R::is_here(known, &fitted.row);
    Ok(())
}

/// Reports what is left out; the rest.
pub(super) fn sort_out<R: Rows>(
    fits: Vec<Fit<R::Row>>,
    report: &mut Report<'_>,
) -> Result<Vec<Fitted<R::Row>>> {
    let mut rows = Vec::with_capacity(fits.len());
    for fit in fits {
        match fit {
            Ok(row) => rows.push(row),
            Err(LeftOut { id, why }) => report.left_out(R::KIND, &id, &why)?,
        }
    }
    Ok(rows)
}

/// The rows of a batch that are here, by id.
pub(super) async fn here<R: Rows>(
    target: &mut PgConnection,
    batch: &[Fitted<R::Row>],
) -> Result<HashMap<Uuid, R::Row>, sqlx::Error> {
    let ids: Vec<Uuid> = batch.iter().map(|fitted| R::id(&fitted.row)).collect();
    Ok(R::here(target, &ids).await?.into_iter().map(|row| (R::id(&row), row)).collect())
}
