//! Principal, body, one verb, the message, the reply.

use std::sync::Arc;
use std::time::Duration;

use runplane::app::App;
use runplane::dispatch::{Dispatcher, MAX_DELAY_SECONDS};
use runplane::http::{Call, Reply};
use runplane::problem::{Code, FieldError, Problem};
use runplane::runs::{self, CreateError, CreateRequest, Created};
use tokio::time::Instant;

/// A caller has an answer within two seconds, whatever SQS does; this much of it is ours.
const DISPATCH_WITHIN: Duration = Duration::from_millis(1800);

/// Creates the run. Whatever SQS does, the caller gets its run: a message that was not sent stays due on the row.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let deadline = Instant::now() + DISPATCH_WITHIN;
    let request: CreateRequest = call.body()?;
    request.check()?;
    let key = call.idempotency_key()?;
    tracing::Span::current().record("tenant.id", request.tenant_id.to_string());

    let created = runs::create(&mut *app.conn().await?, &request, key.as_deref()).await.map_err(problem)?;
    tracing::Span::current().record("run.id", created.run.id.to_string());
    if !created.new {
        return Reply::ok(&created.run);
    }
    let mut run = created.run.clone();
    if let (Some(dispatcher), Some(_)) = (&app.dispatcher, run.dispatch_due_at) {
        // From here on the run is there, and whatever happens its creator is told so.
        match tokio::time::timeout_at(deadline, dispatch(&app, dispatcher, &created)).await {
            Ok(true) => run.dispatch_due_at = None,
            Ok(false) => {}
            Err(_) => {
                tracing::warn!("run created, dispatch stays due: no time left to tell SQS and the row");
                app.db.discard().await;
            }
        }
    }
    Reply::created(&format!("/api/runs/{}", run.id), &run)
}

/// Tells SQS, then the row that SQS knows. False: the dispatch stays due.
async fn dispatch(app: &App, dispatcher: &Dispatcher, created: &Created) -> bool {
    let (run, Some(due_at)) = (&created.run, created.run.dispatch_due_at) else { return false };
    if created.delay_seconds > MAX_DELAY_SECONDS {
        return false;
    }
    if let Err(error) = dispatcher.send(run.tenant_id, run.id, created.delay_seconds).await {
        tracing::warn!(error = format!("{:#}", anyhow::Error::new(error)), "run created, dispatch stays due");
        return false;
    }
    let marked =
        async { runs::mark_dispatched(&mut *app.conn().await?, run.tenant_id, run.id, due_at).await };
    if let Err(error) = marked.await {
        // The message comes once more, which is harmless.
        tracing::warn!(error = format!("{error:#}"), "run dispatched, but its dispatch stays due");
        app.db.discard().await;
        return false;
    }
    true
}

fn problem(error: CreateError) -> Problem {
    match error {
        CreateError::TenantNotFound => Problem::new(Code::TenantNotFound, "There is no such tenant"),
        CreateError::VersionNotFound => {
            Problem::new(Code::PipelineVersionNotFound, "The tenant has no such pipeline version")
        }
        // Clients of the original API depend on this sentence.
        CreateError::VersionNotApproved => {
            Problem::new(Code::VersionNotApproved, "pipeline version must be APPROVED to run")
        }
        CreateError::OpaqueSpecPushed { kind } => {
            let detail = format!(
                "a dag_spec of kind {kind:?} is run by its own workers: create the run with \"dispatch\": \"pull\""
            );
            let errors = vec![FieldError::new("/dispatch", detail.clone())];
            Problem { errors, ..Problem::new(Code::InvalidDagSpec, detail) }
        }
        CreateError::IdempotencyKeyReused => Problem::new(
            Code::IdempotencyKeyReused,
            "This Idempotency-Key has created a run from another body: use a new key for a new run",
        ),
        CreateError::Digest(error) => Problem::internal(error),
        CreateError::Db(error) => error.into(),
    }
}
