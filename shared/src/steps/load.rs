//! Load: what is stored of a run's steps and items.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sqlx::postgres::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::check::MAX_STEPS;
use super::{SkipReason, StepError, StepRecord, StepStatus};
use crate::cursor::{InvalidCursor, digest};
use crate::dag::execute::Stored;
use crate::scope::Scope;

/// A page ends before it is larger than this: Lambda answers with 6 MB at most, in which each byte may take two.
const MAX_PAGE_BYTES: i64 = 2_900_000;

/// A place in the steps of a run: after this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepPlace {
    step_id: String,
    item: i32,
    /// As the page before has said it: found by reading all rows of the run, which is done once.
    worked_ms: i64,
}

impl StepPlace {
    /// Opaque to clients: the place, and a digest of it and the run, in base64.
    pub(crate) fn encode(&self, run_id: Uuid) -> String {
        let mut bytes = digest(self, Scope::All, &run_id).to_vec();
        bytes.extend(self.item.to_be_bytes());
        bytes.extend(self.worked_ms.to_be_bytes());
        bytes.extend(self.step_id.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads the `next_cursor` of a page of the same run's steps.
    ///
    /// # Errors
    /// [`InvalidCursor`] if it is none.
    pub fn decode(text: &str, run_id: Uuid) -> Result<Self, InvalidCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        let (given, rest) = bytes.split_first_chunk::<8>().ok_or(InvalidCursor)?;
        let (item, rest) = rest.split_first_chunk::<4>().ok_or(InvalidCursor)?;
        let (worked_ms, step_id) = rest.split_first_chunk::<8>().ok_or(InvalidCursor)?;
        let step_id = String::from_utf8(step_id.to_vec()).map_err(|_| InvalidCursor)?;
        let (item, worked_ms) = (i32::from_be_bytes(*item), i64::from_be_bytes(*worked_ms));
        let place = Self { step_id, item, worked_ms };
        // Postgres cannot compare with a NUL.
        let ours = *given == digest(&place, Scope::All, &run_id) && !place.step_id.contains('\0');
        if ours { Ok(place) } else { Err(InvalidCursor) }
    }
}

/// Which page.
#[derive(Clone, Debug)]
pub struct StepsAsked {
    /// Rows on it, 1 to 1000.
    pub limit: i64,
    /// It begins after this place.
    pub after: Option<StepPlace>,
}

/// One page of what is stored of a run's steps. It may hold fewer than asked for although there are more: `next_cursor` tells.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StepPage {
    /// By step id and item; the step as a whole before its items. Those of earlier attempts of the run are there too, until they are written over.
    pub items: Vec<StepRecord>,
    /// How long the present attempt of the run has been worked on, in milliseconds.
    pub worked_ms: i64,
    /// As asked for.
    pub limit: i64,
    /// How many `items` there are.
    pub count: usize,
    /// Where the next page begins; null on the last one.
    pub next_cursor: Option<String>,
    /// Whose run it is, for the log.
    #[serde(skip)]
    #[schema(ignore)]
    pub tenant_id: Uuid,
    /// Where the next page begins, for whoever reads all of them.
    #[serde(skip)]
    #[schema(ignore)]
    next: Option<StepPlace>,
}

/// Why nothing can be shown.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no such run in this scope.
    #[error("run not found")]
    NotFound,
    /// Postgres.
    #[error(transparent)]
    Db(#[from] sqlx::Error),
}

/// One page of at most 1000 rows and about 2.9 MB, or one row.
///
/// # Errors
/// [`LoadError`].
pub async fn load(
    conn: &mut PgConnection,
    scope: Scope,
    run_id: Uuid,
    asked: &StepsAsked,
) -> Result<StepPage, LoadError> {
    let rows = sqlx::query_file!(
        "sql/load_steps.sql",
        scope.tenant(),
        run_id,
        asked.after.as_ref().map(|place| place.step_id.as_str()),
        asked.after.as_ref().map(|place| place.item),
        asked.limit,
        MAX_PAGE_BYTES as _,
        asked.after.as_ref().map(|place| place.worked_ms),
    )
    .fetch_all(conn)
    .await?;
    let Some(first) = rows.first() else { return Err(LoadError::NotFound) };
    let (tenant_id, worked_ms) = (first.tenant_id, first.worked_ms);
    let follows = rows.last().and_then(|row| row.follows) == Some(true);
    // None of them where there is no step.
    let records = rows.into_iter().filter_map(|row| {
        Some(StepRecord {
            step_id: row.step_id?,
            item: row.item.filter(|item| *item >= 0),
            status: row.status?,
            reason: row.reason,
            attempts: row.attempts?,
            output: row.output,
            output_ref: row.output_ref,
            output_bytes: row.output_bytes,
            error: row.error.zip(row.error_message).map(|(error, message)| StepError { error, message }),
            started_at: row.started_at,
            finished_at: row.finished_at,
            resume_at: row.resume_at,
            run_attempt: row.run_attempt?,
        })
    });
    let items: Vec<_> = records.collect();
    let next = items.last().filter(|_| follows).map(|last| StepPlace {
        step_id: last.step_id.clone(),
        item: last.item.unwrap_or(-1),
        worked_ms,
    });
    let next_cursor = next.as_ref().map(|place| place.encode(run_id));
    Ok(StepPage { count: items.len(), items, worked_ms, limit: asked.limit, next_cursor, tenant_id, next })
}

/// Everything that is stored of the run's steps, as an executor needs it.
///
/// # Errors
/// [`LoadError`].
pub async fn load_all(conn: &mut PgConnection, scope: Scope, run_id: Uuid) -> Result<Stored, LoadError> {
    let mut all = Stored::default();
    let mut asked = StepsAsked { limit: MAX_STEPS as i64, after: None };
    loop {
        let page = load(conn, scope, run_id, &asked).await?;
        all.records.extend(page.items);
        all.worked_ms = page.worked_ms;
        match page.next {
            Some(place) => asked.after = Some(place),
            None => return Ok(all),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_belongs_to_one_run() {
        let (run, other) = (Uuid::now_v7(), Uuid::now_v7());
        for place in [
            StepPlace { step_id: "load".to_owned(), item: -1, worked_ms: 0 },
            StepPlace { step_id: "größe".to_owned(), item: 999, worked_ms: 70_000 },
        ] {
            let text = place.encode(run);
            assert_eq!(StepPlace::decode(&text, run), Ok(place));
            for (forged, run) in [(&*text, other), (&text[1..], run), ("", run), ("!!", run)] {
                assert_eq!(StepPlace::decode(forged, run), Err(InvalidCursor), "{forged}");
            }
        }
        let nul = StepPlace { step_id: "a\0".to_owned(), item: 0, worked_ms: 0 }.encode(run);
        assert_eq!(StepPlace::decode(&nul, run), Err(InvalidCursor));
    }
}
