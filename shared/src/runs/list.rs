//! List: runs, newest first, one page at a time.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::fields::is_storable;
use super::{Dispatch, Labels, Run, RunStatus, run_from};
use crate::scope::Scope;

/// Which runs. Everything that is `None` or empty does not matter.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ListFilter {
    /// Any of these.
    pub status: Vec<RunStatus>,
    /// Runs of this queue.
    pub queue: Option<String>,
    /// Runs of any version of this pipeline.
    pub pipeline_id: Option<Uuid>,
    /// Runs of this version.
    pub pipeline_version_id: Option<Uuid>,
    /// Runs that have all of these.
    pub labels: Labels,
    /// Created later than this.
    pub created_after: Option<DateTime<Utc>>,
    /// Created earlier than this.
    pub created_before: Option<DateTime<Utc>>,
}

/// Which page.
#[derive(Clone, Debug)]
pub struct Page {
    /// Runs on it, 1 to 100.
    pub limit: i64,
    /// Runs before it, 0 to 10000.
    pub offset: i64,
    /// It begins after this place.
    pub cursor: Option<Cursor>,
}

/// A place in a list: after the run that was created then and has this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    created_at: DateTime<Utc>,
    id: Uuid,
}

/// The cursor is not one of ours, or belongs to another list.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("cursor is not a next_cursor of this list with these filters")]
pub struct InvalidCursor;

impl Cursor {
    /// Opaque to clients: place and digest of the list it belongs to, in base64.
    fn encode(self, scope: Scope, filter: &ListFilter) -> String {
        let mut bytes = Vec::with_capacity(32);
        bytes.extend(self.created_at.timestamp_micros().to_be_bytes());
        bytes.extend(self.id.as_bytes());
        bytes.extend(self.digest(scope, filter));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads the `next_cursor` of a page of the same list.
    ///
    /// # Errors
    /// [`InvalidCursor`] if it is none, or one of another list.
    pub fn decode(text: &str, scope: Scope, filter: &ListFilter) -> Result<Self, InvalidCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        let (micros, rest) = bytes.split_first_chunk::<8>().ok_or(InvalidCursor)?;
        let (id, digest) = rest.split_first_chunk::<16>().ok_or(InvalidCursor)?;
        let created_at = DateTime::from_timestamp_micros(i64::from_be_bytes(*micros)).ok_or(InvalidCursor)?;
        let cursor = Self { created_at, id: Uuid::from_bytes(*id) };
        let ours = digest == cursor.digest(scope, filter) && is_storable(&created_at);
        if ours { Ok(cursor) } else { Err(InvalidCursor) }
    }

    /// Ties the place to its list. Not a secret: whoever computes one gets a page of a list that is theirs anyway.
    fn digest(self, scope: Scope, filter: &ListFilter) -> [u8; 8] {
        let digest = Sha256::digest(format!("{self:?} {:?} {filter:?}", scope.tenant()));
        let mut short = [0; 8];
        short.copy_from_slice(&digest[..8]);
        short
    }
}

/// One page of a list. It may hold fewer runs than asked for although there are more: `next_cursor` tells.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RunPage {
    /// Newest first.
    pub items: Vec<Run>,
    /// As asked for.
    pub limit: i64,
    /// As asked for.
    pub offset: i64,
    /// Runs in `items`.
    pub count: usize,
    /// Where the next page begins; null on the last one.
    pub next_cursor: Option<String>,
}

/// A page ends before it is larger than this: Lambda answers with 6 MB at most.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// About how large a run is as JSON.
fn size(run: &Run) -> usize {
    2048 + run.parameters.to_string().len() + run.output.as_ref().map_or(0, |output| output.to_string().len())
}

/// The page, in a stable order: `created_at`, then `id`, both descending.
///
/// # Errors
/// [`sqlx::Error`].
pub async fn list(
    conn: &mut PgConnection,
    scope: Scope,
    filter: &ListFilter,
    page: &Page,
) -> Result<RunPage, sqlx::Error> {
    let (one_status, statuses) = match filter.status.as_slice() {
        [] => (None, None),
        [one] => (Some(one.as_str()), None),
        many => (None, Some(many.iter().map(|status| status.as_str().to_owned()).collect::<Vec<_>>())),
    };
    let rows = sqlx::query_file!(
        "sql/list.sql",
        scope.tenant(),
        one_status,
        statuses.as_deref(),
        filter.queue,
        filter.pipeline_id,
        filter.pipeline_version_id,
        (!filter.labels.is_empty()).then(|| Json(&filter.labels)) as _,
        filter.created_after,
        filter.created_before,
        page.cursor.map(|cursor| cursor.created_at),
        page.cursor.map(|cursor| cursor.id),
        // One more than asked for tells whether there is another page.
        page.limit + 1,
        page.offset,
    )
    .fetch_all(conn)
    .await?;
    let found = rows.len();
    let mut bytes = 0;
    let items: Vec<Run> = rows
        .into_iter()
        .take(page.limit as usize)
        .map(|row| run_from!(row))
        .take_while(|run| {
            let first = bytes == 0;
            bytes += size(run);
            first || bytes <= MAX_PAGE_BYTES
        })
        .collect();
    let more = found > items.len();
    let next_cursor = items
        .last()
        .filter(|_| more)
        .map(|last| Cursor { created_at: last.created_at, id: last.id }.encode(scope, filter));
    Ok(RunPage { count: items.len(), items, limit: page.limit, offset: page.offset, next_cursor })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_belongs_to_one_list() {
        let filter = ListFilter::default();
        let cursor = Cursor {
            created_at: DateTime::from_timestamp_micros(1_790_000_000_123_456).unwrap(),
            id: Uuid::now_v7(),
        };
        let text = cursor.encode(Scope::All, &filter);
        assert_eq!(Cursor::decode(&text, Scope::All, &filter), Ok(cursor));
        assert_eq!(Cursor::decode(&text, Scope::Tenant(Uuid::nil()), &filter), Err(InvalidCursor));
        let other = ListFilter { status: vec![RunStatus::Failed], ..filter.clone() };
        assert_eq!(Cursor::decode(&text, Scope::All, &other), Err(InvalidCursor));
    }

    #[test]
    fn a_forged_cursor_is_refused() {
        let text =
            Cursor { created_at: Utc::now(), id: Uuid::now_v7() }.encode(Scope::All, &ListFilter::default());
        for forged in ["", "x", "!!!", &text[1..], &format!("{text}AAAA"), &URL_SAFE_NO_PAD.encode([0; 32])] {
            assert_eq!(
                Cursor::decode(forged, Scope::All, &ListFilter::default()),
                Err(InvalidCursor),
                "{forged}"
            );
        }
    }
}
