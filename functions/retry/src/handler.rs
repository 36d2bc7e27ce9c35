//! Path, body, one verb, the message, the reply.

use std::sync::Arc;

use runplane::app::App;
use runplane::audit::{self, Action, Entry};
use runplane::dispatch;
use runplane::http::{Call, Reply};
use runplane::metrics::RUNS_CREATED;
use runplane::problem::{Code, FieldError, Problem};
use runplane::runs::{self, Created, RetryError, RetryRequest};
use serde_json::json;
use tokio::time::Instant;

/// Creates the new run.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let deadline = Instant::now() + dispatch::TELL_WITHIN;
    let run_id = call.run_id()?;
    let mut request: RetryRequest = call.body_or_default()?;
    request.check()?;
    request.traceparent = call.traceparent();
    let key = call.idempotency_key()?;

    let retry = async |conn: &mut _| {
        let created =
            runs::retry(conn, &app.params, call.own_scope(), run_id, &request, key.as_deref()).await?;
        let Created { run, new } = &created;
        if *new {
            // Never the parameters: they may be secret.
            let details = json!({
                "retry_of_run_id": run_id,
                "pipeline_version_id": run.pipeline_version_id,
                "from": request.from.unwrap_or_default(),
            });
            let entry = call.entry(Some(run.tenant_id), Action::RunRetried, run.id);
            audit::record(conn, &Entry { details, ..entry }).await?;
        }
        Ok(created)
    };
    let Created { mut run, new } = app.armed(app.transaction(retry)).await.map_err(problem)?;
    tracing::Span::current().record("tenant.id", run.tenant_id.to_string());
    if !new {
        return Reply::ok(&run);
    }
    app.metrics.count(RUNS_CREATED);
    dispatch::tell(&app, &mut run, deadline).await;
    Reply::created(&format!("/api/runs/{}", run.id), &run)
}

fn problem(error: RetryError) -> Problem {
    match error {
        RetryError::NotFound => Problem::new(Code::RunNotFound, "There is no such run"),
        RetryError::InvalidTransition(_) => Problem::new(Code::InvalidTransition, error.to_string()),
        RetryError::VersionNotFound => {
            Problem::new(Code::PipelineVersionNotFound, "The run's pipeline has no such version")
        }
        RetryError::VersionNotApproved => {
            Problem::new(Code::VersionNotApproved, "pipeline version must be APPROVED to run")
        }
        RetryError::OpaqueSpecPushed { kind } => {
            let detail = format!(
                "a dag_spec of kind {kind:?} is run by its own workers, and this run is pushed to ours"
            );
            let errors = vec![FieldError::new("/pipeline_version_id", detail.clone())];
            Problem { errors, ..Problem::new(Code::InvalidDagSpec, detail) }
        }
        RetryError::OpaqueFromFailed => Problem::invalid(vec![FieldError::new("/from", error.to_string())]),
        RetryError::InvalidParameters(errors) => Problem::invalid_parameters(errors),
        RetryError::Params(error) => Problem::new(
            Code::InvalidDagSpec,
            format!("The version asks for parameters that nobody can check: its {error}"),
        ),
        RetryError::IdempotencyKeyReused => Problem::new(
            Code::IdempotencyKeyReused,
            "This Idempotency-Key has created a run from another request: use a new key for a new run",
        ),
        RetryError::Digest(error) => Problem::internal(error),
        RetryError::Db(error) => error.into(),
    }
}
