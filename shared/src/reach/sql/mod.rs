//! Statements on Postgres databases of tenants.
//!
//! | file | what is in it |
//! |---|---|
//! | `asked` | what a step asks for: its rendered `with` |
//! | `lines`, `connect` | open lines to databases, kept for the next call |
//! | `relay`, `socket`, `frames`, `intake` | what stands between sqlx and a server, and passes on no more than there is memory for |
//! | `tls` | how the server is known to be the right one |
//! | `perform` | a statement on a line, from its arguments to its result |
//! | `args`, `scalar`, `array` | arguments as Postgres takes them: JSON to binary, by the types that the statement describes |
//! | `rows`, `decode`, `rest` | results as steps see them: binary to JSON |
//! | `types` | what has to be known of a type for that |
//! | `failures` | why it failed |
//!
//! sqlx sends and gets values in binary. Of the many types of Postgres few are written and read here; the others Postgres itself reads from text
//! and writes as text, in one more statement for all values of a type. A statement of a tenant is never changed, nor is one made out of texts.

mod args;
mod array;
mod asked;
mod connect;
mod decode;
mod failures;
mod frames;
mod intake;
mod lines;
mod perform;
mod relay;
mod rest;
mod rows;
mod scalar;
#[cfg(unix)]
mod socket;
mod tls;
mod types;

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};

use super::{ReachFailure, SqlDestination};
use asked::Asked;
use lines::Lines;
use perform::Deadline;

/// The lines to databases of one process.
#[derive(Debug, Default)]
pub struct Sql {
    lines: Lines,
}

impl Sql {
    /// Without any. Opens nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs the statement of a step. `with` is the step's, rendered: `statement` as it stands, `args`, `max_rows`. The result is
    /// `{"rows": [{<column>: <value>, …}, …], "row_count": <rows returned, or affected>}`.
    ///
    /// If this future is dropped before it is done, its line is closed.
    ///
    /// # Errors
    /// `sql_<SQLSTATE>` with what Postgres says; `connect` and `timeout`, which pass; `tls`, `invalid_connection`, `invalid_statement`, `invalid_args`,
    /// `invalid_max_rows`, `duplicate_columns`, `unsupported_type`, `copy_not_supported`, `too_many_rows`, `result_too_large`, `invalid_result`.
    pub async fn call(
        &self,
        with: &Map<String, Value>,
        destination: &SqlDestination,
        timeout: Duration,
    ) -> Result<Value, ReachFailure> {
        let asked = Asked::read(with)?;
        let deadline = Deadline::after(timeout);
        let late = |_| ReachFailure::passing("timeout", format!("took longer than {timeout:?}"));
        let mut line = timeout_at(deadline.end, self.lines.take(destination)).await.map_err(late)??;
        let read_only = destination.config.read_only.unwrap_or(false);
        let performed = perform::perform(line.connection(), &asked, read_only, deadline);
        // A line that still waits for an answer is closed with this future, or here.
        let result = timeout_at(deadline.end, performed).await.map_err(late)?;
        let result = result.map_err(|failure| line.explained(failure));
        line.give_back(result.is_err()).await;
        result
    }
}

/// A point in time so far from now; the far future, if there is no such.
fn from_now(duration: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(86_400 * 365);
    let now = Instant::now();
    now.checked_add(duration.min(FAR)).unwrap_or(now)
}
