//! Principal, body, one verb, the message, the reply.

use std::sync::Arc;

use runplane::app::App;
use runplane::dispatch;
use runplane::http::{Call, Key, Reply, RunItems, answers};
use runplane::metrics::RUNS_CREATED;
use runplane::problem::{Code, FieldError, Problem};
use runplane::runs::{self, CreateError, CreateRequest, Created, Creation};
use runplane::traces;
use tokio::time::Instant;

/// One run, or several.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    if call.came_by(app.function, "/api/runs/bulk") {
        bulk(&app, &call).await
    } else {
        one(&app, &call).await
    }
}

/// Creates the run. Whatever SQS does, the caller gets its run: a message that was not sent stays due on the row.
async fn one(app: &App, call: &Call) -> Result<Reply, Problem> {
    let deadline = Instant::now() + dispatch::TELL_WITHIN;
    let mut request: CreateRequest = call.body()?;
    request.check()?;
    request.traceparent = call.traceparent();
    let key = call.idempotency_key()?;
    tracing::Span::current().record("tenant.id", request.tenant_id.to_string());

    let create = app.call(async |conn| runs::create(conn, &app.params, &request, key.as_deref()).await);
    let Created { mut run, new } = app.armed(create).await.map_err(problem)?;
    tracing::Span::current().record("run.id", run.id.to_string());
    traces::note("run.id", &run.id);
    if !new {
        return Reply::ok(&run);
    }
    app.metrics.count(RUNS_CREATED);
    dispatch::tell(app, &mut run, deadline).await;
    Reply::created(&format!("/api/runs/{}", run.id), &run)
}

/// Creates the runs of the items that are right; the others say what is wrong with them.
async fn bulk(app: &App, call: &Call) -> Result<Reply, Problem> {
    let deadline = Instant::now() + dispatch::TELL_WITHIN;
    call.no_idempotency_key()?;
    let mut items = call.items::<Key, CreateRequest>(CreateRequest::check)?;
    let traceparent = call.traceparent();
    for (_, request) in items.iter_mut().flatten() {
        request.traceparent.clone_from(&traceparent);
    }
    let right: Vec<_> = items
        .iter()
        .flatten()
        .map(|(key, request)| Creation {
            request,
            idempotency_key: key.idempotency_key.as_deref(),
            scheduled: None,
        })
        .collect();

    let created = app.call(async |conn| runs::create_all(conn, &app.params, &right).await);
    let created = app.armed(created).await?;
    let (mut new, created): (Vec<_>, Vec<_>) = created
        .into_iter()
        .map(|created| match created {
            Ok(created) if created.new => (Some(created.run), None),
            Ok(created) => (None, Some(Ok((200, created.run)))),
            Err(error) => (None, Some(Err(problem(error)))),
        })
        .unzip();
    let mut told: Vec<_> = new.iter_mut().filter_map(Option::take).collect();
    for _ in &told {
        app.metrics.count(RUNS_CREATED);
    }
    dispatch::tell_all(app, &mut told, deadline).await;
    let mut told = told.into_iter();
    let created = created.into_iter().filter_map(|created| match created {
        Some(answer) => Some(answer),
        None => told.next().map(|run| Ok((201, run))),
    });
    Reply::ok(&RunItems::of(answers(items, created)))
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
        CreateError::InvalidParameters(errors) => Problem::invalid_parameters(errors),
        CreateError::Params(error) => Problem::new(
            Code::InvalidDagSpec,
            format!("The version asks for parameters that nobody can check: its {error}"),
        ),
        CreateError::StartByPast => Problem::invalid(vec![FieldError::new("/start_by", "must lie ahead")]),
        CreateError::IdempotencyKeyReused => Problem::new(
            Code::IdempotencyKeyReused,
            "This Idempotency-Key has created a run from another body: use a new key for a new run",
        ),
        CreateError::Digest(error) => Problem::internal(error),
        CreateError::Db(error) => error.into(),
    }
}
