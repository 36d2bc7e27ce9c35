//! Path, body, one verb, the message if there is another attempt, the reply.

use std::sync::Arc;

use runplane::app::App;
use runplane::dispatch;
use runplane::http::{Call, Reply, RunId, RunItems, answers};
use runplane::problem::{Code, Problem};
use runplane::runs::{self, CompleteError, CompleteRefusal, CompleteReply, CompleteRequest, Completion};
use tokio::time::Instant;

/// Clients of the original API depend on this sentence.
const NOT_RUNNING: &str = "run not RUNNING or not found";

/// One run, or several.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    if call.came_by(app.function, "/api/runs/complete") {
        bulk(&app, &call).await
    } else {
        one(&app, &call).await
    }
}

/// Ends the run, or the attempt.
async fn one(app: &App, call: &Call) -> Result<Reply, Problem> {
    let deadline = Instant::now() + dispatch::TELL_WITHIN;
    let run_id = call.run_id()?;
    let request: CompleteRequest = call.body()?;
    request.check()?;

    let completion = app.call(async |conn| runs::complete(conn, call.own_scope(), run_id, &request).await);
    let mut run = completion.await.map_err(problem)?;
    tracing::Span::current().record("tenant.id", run.tenant_id.to_string());
    tracing::Span::current().record("run.attempt", run.attempt);
    app.metrics.completed(run.status, run.started_at, run.finished_at);
    // A run that has another attempt waits for it.
    dispatch::tell(app, &mut run, deadline).await;
    Reply::ok(&CompleteReply { ok: true, run })
}

/// Ends the runs, or the attempts, that the items are about, each under its own token.
async fn bulk(app: &App, call: &Call) -> Result<Reply, Problem> {
    let deadline = Instant::now() + dispatch::TELL_WITHIN;
    let items = call.items::<RunId, CompleteRequest>(CompleteRequest::check)?;
    let right: Vec<_> = items
        .iter()
        .flatten()
        .map(|(id, request)| Completion { scope: call.own_scope(), run_id: id.run_id, request })
        .collect();

    let ended = app.call(async |conn| runs::complete_all(conn, &right).await).await?;
    let (mut runs, refusals): (Vec<_>, Vec<_>) = ended
        .into_iter()
        .map(|ended| match ended {
            Ok(run) => (Some(run), None),
            Err(refusal) => (None, Some(refusal)),
        })
        .unzip();
    let mut told: Vec<_> = runs.iter_mut().filter_map(Option::take).collect();
    for run in &told {
        app.metrics.completed(run.status, run.started_at, run.finished_at);
    }
    dispatch::tell_all(app, &mut told, deadline).await;
    let mut told = told.into_iter();
    let ended = refusals.into_iter().filter_map(|refusal| match refusal {
        Some(refusal) => Some(Err(refused(refusal))),
        None => told.next().map(|run| Ok((200, run))),
    });
    Reply::ok(&RunItems::of(answers(items, ended)))
}

fn problem(error: CompleteError) -> Problem {
    match error {
        CompleteError::Refused(refusal) => refused(refusal),
        CompleteError::Db(error) => error.into(),
    }
}

fn refused(refusal: CompleteRefusal) -> Problem {
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
