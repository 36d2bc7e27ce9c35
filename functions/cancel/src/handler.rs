//! Path, body, one verb, reply.

use std::sync::Arc;

use runplane::app::App;
use runplane::http::{Call, Reply};
use runplane::problem::{Code, Problem};
use runplane::runs::{self, CancelError, CancelRequest};
use runplane::scope::Scope;

/// Cancels the run. Its worker, if it has one, learns of it with its next heartbeat.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let run_id = call.run_id()?;
    let request: CancelRequest = call.body_or_default()?;
    request.check()?;

    let cancel = app.call(async |conn| runs::cancel(conn, Scope::All, run_id, &request).await);
    let run = cancel.await.map_err(problem)?;
    tracing::Span::current().record("tenant.id", run.tenant_id.to_string());
    tracing::Span::current().record("run.attempt", run.attempt);
    Reply::ok(&run)
}

fn problem(error: CancelError) -> Problem {
    match error {
        CancelError::NotFound => Problem::new(Code::RunNotFound, "There is no such run"),
        CancelError::AlreadyFinished => {
            Problem::new(Code::AlreadyFinished, "The run has finished: there is nothing to cancel")
        }
        CancelError::Db(error) => error.into(),
    }
}
