//! Path, body, one verb, reply.

use std::sync::Arc;

use runplane::app::App;
use runplane::audit::{self, Action, Entry};
use runplane::http::{Call, Reply};
use runplane::metrics::RUNS_CANCELLED;
use runplane::problem::{Code, Problem};
use runplane::runs::{self, CancelError, CancelRequest, Cancelled};
use serde_json::json;

/// Cancels the run. Its worker, if it has one, learns of it with its next heartbeat.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let run_id = call.run_id()?;
    let request: CancelRequest = call.body_or_default()?;
    request.check()?;

    let cancel = async |conn: &mut _| {
        let Cancelled { run, new } = runs::cancel(conn, call.own_scope(), run_id, &request).await?;
        if new {
            let details = json!({ "pipeline_id": run.pipeline_id, "reason": request.reason });
            let entry = call.entry(Some(run.tenant_id), Action::RunCancelled, run.id);
            audit::record(conn, &Entry { details, ..entry }).await?;
        }
        Ok((run, new))
    };
    let (run, new) = app.transaction(cancel).await.map_err(problem)?;
    tracing::Span::current().record("tenant.id", run.tenant_id.to_string());
    tracing::Span::current().record("run.attempt", run.attempt);
    if new {
        app.metrics.count(RUNS_CANCELLED);
        // Events are due of it, and what it held is free.
        app.arm().await;
    }
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
