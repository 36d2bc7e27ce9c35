//! The stages of a sweep: one that fails does not keep the others from what they have to do.

use std::time::Instant;

use runplane::app::App;
use runplane::db::is_one_statements;

/// What has failed in one sweep.
pub struct Stages<'a> {
    app: &'a App,
    until: Instant,
    failed: Vec<(&'static str, sqlx::Error)>,
}

impl<'a> Stages<'a> {
    /// Of a sweep that begins, and is to end at this time.
    pub fn new(app: &'a App, until: Instant) -> Self {
        Self { app, until, failed: Vec::new() }
    }

    /// A batch of the stage of this name; what it says, and nothing where it fails, which is told in the log. It has no other batch in this sweep then:
    /// that would begin with the same rows.
    ///
    /// # Errors
    /// [`sqlx::Error`] if Postgres is out of reach, for every other stage too.
    pub async fn batch<T: Default>(
        &mut self,
        stage: &'static str,
        batch: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        // What fails may take seconds until it does, and the time that is kept for the last batches has room for one that does.
        let is_late = !self.failed.is_empty() && Instant::now() >= self.until;
        if is_late || self.failed.iter().any(|(failed, _)| *failed == stage) {
            return Ok(T::default());
        }
        match batch.await {
            Err(error) if is_one_statements(&error) => {
                self.app.db.discard().await;
                let text = format!("{error:#}");
                tracing::error!(stage, error = text, "a stage of the sweep failed: the others go on");
                self.failed.push((stage, error));
                Ok(T::default())
            }
            result => result,
        }
    }

    /// How the sweep ends.
    ///
    /// # Errors
    /// What the first stage failed with that did.
    pub fn end(self) -> Result<(), sqlx::Error> {
        self.failed.into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
    }
}
