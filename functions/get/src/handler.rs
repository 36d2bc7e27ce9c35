//! Path, query, one verb, reply.

use std::sync::Arc;
use std::time::Duration;

use runplane::app::App;
use runplane::http::{Call, MAX_WAIT_SECONDS, Reply};
use runplane::problem::{Code, Problem};
use runplane::runs::{self, GetError};
use tokio::time::Instant;

/// The pause between two looks at a run whose end somebody waits for (docs/decisions/0009).
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Shows the run; with `wait_seconds`, when it has ended, or that time is over.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let run_id = call.run_id()?;
    let mut query = call.query();
    let wait_seconds = query.number("wait_seconds", 0, MAX_WAIT_SECONDS.into(), 0);
    query.finish()?;

    let until = Instant::now() + Duration::from_secs(wait_seconds.unsigned_abs());
    let details = loop {
        let look = app.call_in_time(async |conn| runs::get(conn, call.own_scope(), run_id).await);
        let details = look.await.map_err(problem)?;
        let left = until.saturating_duration_since(Instant::now());
        if details.run.finished_at.is_some() || left.is_zero() {
            break details;
        }
        tokio::time::sleep(LOOK_EVERY.min(left)).await;
    };
    tracing::Span::current().record("tenant.id", details.run.tenant_id.to_string());
    Reply::ok(&details)
}

fn problem(error: GetError) -> Problem {
    match error {
        GetError::NotFound => Problem::new(Code::RunNotFound, "There is no such run"),
        GetError::Db(error) => error.into(),
    }
}
