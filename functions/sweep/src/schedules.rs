//! Schedules that are due: each is a transaction of its own, so that one that fails neither keeps others from their runs nor takes them back.

use std::collections::HashSet;
use std::time::Instant;

use runplane::app::App;
use runplane::catalog;
use runplane::db::is_one_statements;
use runplane::scope::Scope;
use runplane::sweep::{self, DueSchedule};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::sweep::Swept;

/// Schedules of a batch.
const BATCH: i64 = 100;

/// The walk of one sweep over the schedules that are due, the longest due first: over those that are merely late, and then over those that have missed times,
/// since one that has very many runs to make up for must not keep others from theirs until they have missed them. It creates the runs of each once, so
/// that no schedule makes up for more than a hundred with each sweep.
#[derive(Debug, Default)]
pub struct Schedules {
    /// Whether it has come to those that have missed times.
    missed: bool,
    after: Option<DueSchedule>,
    /// What it has been to. One that has more to make up for is due again at once, at a later time than before: ahead of the walk.
    ticked: HashSet<Uuid>,
    ended: bool,
}

impl Schedules {
    /// Creates the runs of the next batch. Returns whether there may be more in this sweep.
    ///
    /// # Errors
    /// [`sqlx::Error`] if Postgres is out of reach. What was created by then stays.
    pub async fn batch(
        &mut self,
        app: &App,
        scope: Scope,
        until: Instant,
        swept: &mut Swept,
    ) -> Result<bool, sqlx::Error> {
        while !self.ended {
            let (missed, after) = (self.missed, self.after);
            let due =
                async |conn: &mut PgConnection| sweep::due_schedules(conn, scope, missed, after, BATCH).await;
            let due = app.call_in_time(due).await?;
            let is_full = due.len() as u64 >= BATCH.unsigned_abs();
            for one in due {
                if Instant::now() >= until {
                    return Ok(true);
                }
                if self.ticked.insert(one.id) {
                    tick(app, scope, one, swept).await?;
                }
                self.after = Some(one);
            }
            if is_full {
                return Ok(true);
            }
            (self.ended, self.missed, self.after) = (self.missed, true, None);
        }
        Ok(false)
    }
}

async fn tick(app: &App, scope: Scope, due: DueSchedule, swept: &mut Swept) -> Result<(), sqlx::Error> {
    let ticked =
        app.transaction_in_time(async |conn| catalog::tick_schedule(conn, &app.params, scope, due.id).await);
    match ticked.await {
        Ok(ticked) => {
            swept.scheduled += ticked.created;
            swept.schedule_errors += ticked.failed;
            Ok(())
        }
        Err(error) if !is_one_statements(&error) => Err(error),
        // It stays due, and the next sweep tries again: the others do not wait for it.
        Err(error) => {
            app.db.discard().await;
            let id = due.id.to_string();
            tracing::error!(schedule.id = id, error = format!("{error:#}"), "Postgres refused a schedule");
            swept.schedule_errors += 1;
            Ok(())
        }
    }
}
