//! Schedules that are due: each is a transaction of its own, so that one that fails neither keeps others from their runs nor takes them back.

use std::time::Instant;

use runplane::app::App;
use runplane::catalog;
use runplane::db::is_one_statements;
use runplane::scope::Scope;
use runplane::sweep::{self, DueSchedule};

use crate::sweep::Swept;

/// Schedules of a batch.
const BATCH: i64 = 100;

/// The walk of one sweep over the schedules that are due, the longest due first. It comes to each of them once, so that one that has very many runs to make up
/// for creates no more than a hundred with each sweep.
#[derive(Debug, Default)]
pub struct Schedules {
    after: Option<DueSchedule>,
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
        if self.ended {
            return Ok(false);
        }
        let after = self.after;
        let due =
            app.call_in_time(async |conn| sweep::due_schedules(conn, scope, after, BATCH).await).await?;
        self.ended = (due.len() as u64) < BATCH.unsigned_abs();
        for one in due {
            if Instant::now() >= until {
                self.ended = false;
                return Ok(true);
            }
            tick(app, scope, one, swept).await?;
            self.after = Some(one);
        }
        Ok(!self.ended)
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
