//! Path, body, one verb, reply.

use std::sync::Arc;

use runplane::app::App;
use runplane::http::{Call, Reply};
use runplane::problem::{Code, Problem};
use runplane::runs::{self, CompleteError, CompleteRefusal, CompleteReply, CompleteRequest};
use runplane::scope::Scope;

/// Clients of the original API depend on this sentence.
const NOT_RUNNING: &str = "run not RUNNING or not found";

/// Ends the run.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let run_id = call.run_id()?;
    let request: CompleteRequest = call.body()?;
    request.check()?;

    let mut conn = app.conn().await?;
    let run = runs::complete(&mut conn, Scope::All, run_id, &request).await.map_err(problem)?;
    tracing::Span::current().record("tenant.id", run.tenant_id.to_string());
    tracing::Span::current().record("run.attempt", run.attempt);
    Reply::ok(&CompleteReply { ok: true, run })
}

fn problem(error: CompleteError) -> Problem {
    let refusal = match error {
        CompleteError::Refused(refusal) => refusal,
        CompleteError::Db(error) => return error.into(),
    };
    match refusal {
        CompleteRefusal::LeaseLost => Problem::new(Code::LeaseLost, refusal.to_string()),
        CompleteRefusal::LeaseTokenRequired => Problem::new(Code::LeaseTokenRequired, refusal.to_string()),
        // The run is not RUNNING: one sentence, whatever the code.
        CompleteRefusal::NotRunning => Problem::new(Code::RunNotRunning, NOT_RUNNING),
        CompleteRefusal::AttemptOver => Problem::new(Code::LeaseLost, NOT_RUNNING),
        CompleteRefusal::AlreadyFinished => Problem::new(Code::AlreadyFinished, NOT_RUNNING),
        CompleteRefusal::Cancelled => Problem::new(Code::RunCancelled, NOT_RUNNING),
    }
}
