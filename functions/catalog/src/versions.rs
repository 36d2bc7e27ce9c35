//! `/api/pipeline-versions`.

use runplane::app::App;
use runplane::audit::{self, Action, Entry};
use runplane::catalog::{
    self, ApprovedStatus, ChangeStatusError, ChangeStatusRequest, CreateVersionError, CreateVersionRequest,
    EditVersionError, EditVersionRequest, VersionError, VersionFilter, VersionStatus,
};
use runplane::http::{Call, Query, Reply, lists};
use runplane::problem::{Code, Problem};
use serde_json::json;

/// `POST /api/pipeline-versions`.
pub async fn create(app: &App, call: &Call) -> Result<Reply, Problem> {
    call.no_query()?;
    let request: CreateVersionRequest = call.body()?;
    request.check()?;
    tracing::Span::current().record("tenant.id", request.tenant_id.to_string());
    let created = app.call(async |conn| catalog::create_version(conn, &request).await);
    let created = created.await.map_err(|error| match error {
        CreateVersionError::InvalidDagSpec(faults) => Problem::invalid_dag_spec(faults),
        CreateVersionError::TenantNotFound => Problem::new(Code::TenantNotFound, "There is no such tenant"),
        CreateVersionError::PipelineNotFound => {
            Problem::new(Code::PipelineNotFound, "The tenant has no such pipeline")
        }
        CreateVersionError::SourceNotFound => {
            Problem::new(Code::PipelineVersionNotFound, "The tenant has no version to copy with this id")
        }
        CreateVersionError::VersionTaken => version_taken(),
        CreateVersionError::Db(error) => error.into(),
    })?;
    Reply::created(&format!("/api/pipeline-versions/{}", created.version.id), &created)
}

/// `GET /api/pipeline-versions`.
pub async fn list(app: &App, call: &Call) -> Result<Reply, Problem> {
    let mut query = call.query();
    let scope = lists::scope(call, &mut query)?;
    let pipeline_id = query.parsed("pipeline_id", "a UUID");
    let filter = VersionFilter { pipeline_id, status: statuses(&mut query) };
    let page = lists::page(query, scope, &filter)?;
    let list = app.call(async |conn| catalog::list_versions(conn, scope, &filter, &page).await);
    Reply::ok(&list.await?)
}

/// `GET /api/pipeline-versions/{pipeline_version_id}`.
pub async fn get(app: &App, call: &Call) -> Result<Reply, Problem> {
    let (scope, id) = (call.scope()?, call.id("pipeline_version_id")?);
    let version = app.call(async |conn| catalog::get_version(conn, scope, id).await);
    let version = version.await.map_err(|error| match error {
        VersionError::NotFound => not_found(),
        VersionError::Db(error) => error.into(),
    })?;
    Reply::ok(&version)
}

/// `PUT /api/pipeline-versions/{pipeline_version_id}`.
pub async fn edit(app: &App, call: &Call) -> Result<Reply, Problem> {
    let (scope, id) = (call.scope()?, call.id("pipeline_version_id")?);
    let request: EditVersionRequest = call.body()?;
    request.check()?;
    let edited = app.call(async |conn| catalog::edit_version(conn, scope, id, &request).await);
    let edited = edited.await.map_err(|error| match error {
        EditVersionError::InvalidDagSpec(faults) => Problem::invalid_dag_spec(faults),
        EditVersionError::NotFound => not_found(),
        EditVersionError::NotDraft(status) => {
            let detail = format!(
                "Only a DRAFT is edited, and this version is {}: create another version, with copy_of if you like",
                status.as_str()
            );
            Problem::new(Code::InvalidTransition, detail)
        }
        EditVersionError::OtherRevision(current) => other_revision(current),
        EditVersionError::VersionTaken => version_taken(),
        EditVersionError::Db(error) => error.into(),
    })?;
    Reply::ok(&edited)
}

/// `POST /api/pipeline-versions/{pipeline_version_id}/status`.
pub async fn change_status(app: &App, call: &Call) -> Result<Reply, Problem> {
    let (scope, id) = (call.scope()?, call.id("pipeline_version_id")?);
    let request: ChangeStatusRequest = call.body()?;
    request.check()?;
    let by = call.maker(request.approved_by.as_deref());
    let changed = app.transaction(async |conn| {
        let changed = catalog::change_status(conn, scope, id, &request, by).await?;
        let version = &changed.version;
        let action = match request.status {
            ApprovedStatus::Approved => Action::VersionApproved,
            ApprovedStatus::Deprecated => Action::VersionDeprecated,
        };
        let details = json!({
            "pipeline_id": version.pipeline_id,
            "version": version.version,
            "revision": version.revision,
            "from": changed.transitions.last().map(|transition| transition.from.as_str()),
        });
        let entry = call.entry(Some(version.tenant_id), action, version.id);
        audit::record(conn, &Entry { details, ..entry }).await?;
        Ok(changed)
    });
    let changed = changed.await.map_err(|error| match error {
        ChangeStatusError::NotFound => not_found(),
        ChangeStatusError::InvalidTransition { from, to } => {
            let detail = format!(
                "A version that is {} cannot become {}: DRAFT becomes APPROVED, APPROVED becomes DEPRECATED, DEPRECATED becomes APPROVED",
                from.as_str(),
                to.as_str()
            );
            Problem::new(Code::InvalidTransition, detail)
        }
        ChangeStatusError::OtherRevision(current) => other_revision(current),
        ChangeStatusError::ChangedMeanwhile => Problem::new(
            Code::InvalidTransition,
            "Somebody else has changed this version at the same time: look at it again",
        ),
        ChangeStatusError::InvalidDagSpec(faults) => Problem::invalid_dag_spec(faults),
        ChangeStatusError::Db(error) => error.into(),
    })?;
    Reply::ok(&changed)
}

fn statuses(query: &mut Query) -> Vec<VersionStatus> {
    let mut statuses = Vec::new();
    for text in query.all("status") {
        match VersionStatus::ALL.into_iter().find(|status| status.as_str() == text) {
            Some(status) if statuses.contains(&status) => {}
            Some(status) => statuses.push(status),
            None => query.fault("status", "must be DRAFT, APPROVED or DEPRECATED"),
        }
    }
    statuses
}

fn not_found() -> Problem {
    Problem::new(Code::PipelineVersionNotFound, "There is no such pipeline version")
}

fn version_taken() -> Problem {
    Problem::new(Code::AlreadyExists, "The pipeline has a version of this name already")
}

fn other_revision(current: i32) -> Problem {
    let detail = format!(
        "The version is at revision {current}: somebody has edited it since you looked, look at it again"
    );
    Problem::new(Code::InvalidTransition, detail)
}
