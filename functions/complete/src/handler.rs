//! Path, body, one verb, the message if there is another attempt, the reply.

use std::sync::Arc;

use runplane::app::App;
use runplane::dispatch;
use runplane::http::{Call, Reply};
use runplane::problem::{Code, Problem};
use runplane::runs::{self, CompleteError, CompleteRefusal, CompleteReply, CompleteRequest};
use runplane::scope::Scope;
use tokio::time::Instant;

/// Clients of the original API depend on this sentence.
const NOT_RUNNING: &str = "run not RUNNING or not found";

/// Ends the run, or the attempt.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let deadline = Instant::now() + dispatch::TELL_WITHIN;
    let run_id = call.run_id()?;
    let request: CompleteRequest = call.body()?;
    request.check()?;

    let completion = app.call(async |conn| runs::complete(conn, Scope::All, run_id, &request).await);
    let mut run = completion.await.map_err(problem)?;
    tracing::Span::current().record("tenant.id", run.tenant_id.to_string());
    tracing::Span::current().record("run.attempt", run.attempt);
    // A run that has another attempt waits for it.
    dispatch::tell(&app, &mut run, deadline).await;
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
