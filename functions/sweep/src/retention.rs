//! Old runs are deleted from the oldest on. Among them may be many that have to stay, QUEUED ones of a tenant that is paused for instance:
//! they are walked past once, however many batches and sweeps it takes, and not again for every batch.

use std::sync::Mutex;

use runplane::app::App;
use runplane::scope::Scope;
use runplane::sweep::{self, Place};
use sqlx::PgConnection;

/// Runs that a batch looks at.
const BATCH: i64 = 500;
/// Rows of its steps, its logs and its artifacts that one statement deletes.
const ROWS: i64 = 10_000;
/// Batches of a sweep in which nothing could be deleted; then the next sweep goes on.
const MAX_FRUITLESS: u32 = 10;

/// Where the last sweep of this environment stopped, if it has not come to the end. Nothing is lost with it: a new one begins with the
/// oldest run.
#[derive(Debug, Default)]
pub struct Bookmark(Mutex<Option<Place>>);

impl Bookmark {
    fn get(&self) -> Option<Place> {
        *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn set(&self, place: Option<Place>) {
        *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = place;
    }
}

/// What one sweep walks.
pub struct Walk<'a> {
    /// Only of sweeps over everybody's runs.
    bookmark: Option<&'a Bookmark>,
    after: Option<Place>,
    fruitless: u32,
    ended: bool,
}

impl<'a> Walk<'a> {
    /// Goes on where the sweep before stopped. `days` that runs are kept after their end; 0 = for ever.
    pub fn new(bookmark: &'a Bookmark, scope: Scope, days: i32) -> Self {
        let bookmark = (scope == Scope::All).then_some(bookmark);
        Self { bookmark, after: bookmark.and_then(Bookmark::get), fruitless: 0, ended: days == 0 }
    }

    /// The next batch: of what belongs to its runs if that is much, else the runs. Returns how many runs were deleted, and whether there may be
    /// more in this sweep.
    ///
    /// # Errors
    /// [`sqlx::Error`]; nothing was deleted.
    pub async fn batch(&mut self, app: &App, scope: Scope, days: i32) -> Result<(u64, bool), sqlx::Error> {
        if self.ended {
            return Ok((0, false));
        }
        let after = self.after;
        let much =
            async |conn: &mut PgConnection| sweep::evidence(conn, scope, days, BATCH, after, ROWS).await;
        if app.call_in_time(much).await? {
            return Ok((0, true));
        }
        let done =
            app.call_in_time(async |conn| sweep::retention(conn, scope, days, BATCH, after).await).await?;
        let at_end = done.walked < BATCH.unsigned_abs();
        self.after = if at_end { None } else { done.last };
        self.fruitless += u32::from(done.deleted == 0);
        self.ended = at_end || self.fruitless >= MAX_FRUITLESS;
        if let Some(bookmark) = self.bookmark {
            bookmark.set(self.after);
        }
        Ok((done.deleted, !self.ended))
    }
}
