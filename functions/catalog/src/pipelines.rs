//! `/api/pipelines`.

use runplane::app::App;
use runplane::audit::{self, Action, Entry, Limits};
use runplane::catalog::{
    self, CreatePipelineError, CreatePipelineRequest, PipelineError, PipelineFilter, UpdatePipelineError,
    UpdatePipelineRequest,
};
use runplane::http::{Call, Reply, lists};
use runplane::problem::{Code, Problem};
use serde_json::json;

/// `POST /api/pipelines`.
pub async fn create(app: &App, call: &Call) -> Result<Reply, Problem> {
    call.no_query()?;
    let request: CreatePipelineRequest = call.body()?;
    request.check()?;
    tracing::Span::current().record("tenant.id", request.tenant_id.to_string());
    let pipeline = app.transaction(async |conn| {
        let pipeline = catalog::create_pipeline(conn, &request).await?;
        let details = json!({
            "name": pipeline.name,
            "queue": pipeline.queue,
            "max_running": pipeline.max_running,
            "paused": pipeline.paused,
        });
        let entry = call.entry(Some(pipeline.tenant_id), Action::PipelineCreated, pipeline.id);
        audit::record(conn, &Entry { details, ..entry }).await?;
        Ok(pipeline)
    });
    let pipeline = pipeline.await.map_err(|error| match error {
        CreatePipelineError::TenantNotFound => Problem::new(Code::TenantNotFound, "There is no such tenant"),
        CreatePipelineError::NameTaken => name_taken(),
        CreatePipelineError::Db(error) => error.into(),
    })?;
    Reply::created(&format!("/api/pipelines/{}", pipeline.id), &pipeline)
}

/// `GET /api/pipelines`.
pub async fn list(app: &App, call: &Call) -> Result<Reply, Problem> {
    let mut query = call.query();
    let scope = lists::scope(call, &mut query)?;
    let filter = PipelineFilter { name: query.stored_text("name") };
    let page = lists::page(query, scope, &filter)?;
    let list = app.call(async |conn| catalog::list_pipelines(conn, scope, &filter, &page).await);
    Reply::ok(&list.await?)
}

/// `GET /api/pipelines/{pipeline_id}`.
pub async fn get(app: &App, call: &Call) -> Result<Reply, Problem> {
    let (scope, id) = (call.scope()?, call.id("pipeline_id")?);
    let pipeline = app.call(async |conn| catalog::get_pipeline(conn, scope, id).await);
    let pipeline = pipeline.await.map_err(|error| match error {
        PipelineError::NotFound => not_found(),
        PipelineError::Db(error) => error.into(),
    })?;
    Reply::ok(&pipeline)
}

/// `PATCH /api/pipelines/{pipeline_id}`.
pub async fn update(app: &App, call: &Call) -> Result<Reply, Problem> {
    let (scope, id) = (call.scope()?, call.id("pipeline_id")?);
    let request: UpdatePipelineRequest = call.body()?;
    request.check()?;
    let pipeline = app.transaction(async |conn| {
        let before = audit::limits_of_pipeline(conn, scope, id).await?;
        let before = before.ok_or(UpdatePipelineError::NotFound)?;
        let pipeline = catalog::update_pipeline(conn, scope, id, &request).await?;
        if let Some(details) = before.changed_to(&Limits::from(&pipeline)) {
            let entry = call.entry(Some(pipeline.tenant_id), Action::PipelineChanged, pipeline.id);
            audit::record(conn, &Entry { details, ..entry }).await?;
        }
        Ok(pipeline)
    });
    let pipeline = pipeline.await.map_err(|error| match error {
        UpdatePipelineError::NotFound => not_found(),
        UpdatePipelineError::NameTaken => name_taken(),
        UpdatePipelineError::Db(error) => error.into(),
    })?;
    Reply::ok(&pipeline)
}

fn not_found() -> Problem {
    Problem::new(Code::PipelineNotFound, "There is no such pipeline")
}

fn name_taken() -> Problem {
    Problem::new(Code::AlreadyExists, "The tenant has a pipeline of this name already")
}
