//! `/api/schedules`.

use runplane::app::App;
use runplane::audit::{self, Action, Entry};
use runplane::catalog::{
    self, CreateScheduleError, CreateScheduleRequest, CronError, MAX_SCHEDULES, ScheduleError,
    ScheduleFilter, ScheduleRefusal, UpdateScheduleError, UpdateScheduleRequest, UpdatedSchedule,
};
use runplane::http::{Call, Reply, lists};
use runplane::metrics::{RUNS_CREATED, RUNS_SCHEDULED, SCHEDULE_ERRORS};
use runplane::problem::{Code, FieldError, Problem};
use serde_json::json;

const BEHIND: &str = "The schedule has more runs to make up for than can be created at once: try again when the sweep has created them, or give them up with missed_runs skip or latest";

/// `POST /api/schedules`.
pub async fn create(app: &App, call: &Call) -> Result<Reply, Problem> {
    call.no_query()?;
    let request: CreateScheduleRequest = call.body()?;
    request.check()?;
    tracing::Span::current().record("tenant.id", request.tenant_id.to_string());
    let schedule = app.transaction(async |conn| {
        let schedule = catalog::create_schedule(conn, &app.params, &request).await?;
        let details = json!({
            "name": schedule.name,
            "pipeline_id": schedule.pipeline_id,
            "cron": schedule.cron,
            "time_zone": schedule.time_zone,
            "missed_runs": schedule.missed_runs,
            "paused": schedule.paused,
        });
        let entry = call.entry(Some(schedule.tenant_id), Action::ScheduleCreated, schedule.id);
        audit::record(conn, &Entry { details, ..entry }).await?;
        Ok(schedule)
    });
    let schedule = schedule.await.map_err(|error| match error {
        CreateScheduleError::TenantNotFound => Problem::new(Code::TenantNotFound, "There is no such tenant"),
        CreateScheduleError::PipelineNotFound => {
            Problem::new(Code::PipelineNotFound, "The tenant has no such pipeline")
        }
        CreateScheduleError::NameTaken => name_taken(),
        CreateScheduleError::LimitReached => {
            let detail = format!("The tenant has {MAX_SCHEDULES} schedules, and may have no more");
            Problem::new(Code::LimitReached, detail)
        }
        CreateScheduleError::Cron(error) => unreadable(&error),
        CreateScheduleError::Refused(refusal) => refused(refusal),
        CreateScheduleError::Db(error) => error.into(),
    })?;
    Reply::created(&format!("/api/schedules/{}", schedule.id), &schedule)
}

/// `GET /api/schedules`.
pub async fn list(app: &App, call: &Call) -> Result<Reply, Problem> {
    let mut query = call.query();
    let scope = lists::scope(call, &mut query)?;
    let pipeline_id = query.parsed("pipeline_id", "a UUID");
    let filter = ScheduleFilter {
        pipeline_id,
        name: query.stored_text("name"),
        paused: query.parsed("paused", "true or false"),
    };
    let page = lists::page(query, scope, &filter)?;
    let list = app.call(async |conn| catalog::list_schedules(conn, scope, &filter, &page).await);
    Reply::ok(&list.await?)
}

/// `GET /api/schedules/{schedule_id}`.
pub async fn get(app: &App, call: &Call) -> Result<Reply, Problem> {
    let (scope, id) = (call.scope()?, call.id("schedule_id")?);
    let schedule = app.call(async |conn| catalog::get_schedule(conn, scope, id).await);
    Reply::ok(&schedule.await.map_err(problem)?)
}

/// `PATCH /api/schedules/{schedule_id}`.
pub async fn update(app: &App, call: &Call) -> Result<Reply, Problem> {
    let (scope, id) = (call.scope()?, call.id("schedule_id")?);
    let request: UpdateScheduleRequest = call.body()?;
    request.check()?;
    let updated = app.transaction(async |conn| {
        let updated = catalog::update_schedule(conn, &app.params, scope, id, &request).await?;
        let UpdatedSchedule { before, after, .. } = &updated;
        if let Some(details) = catalog::schedule_changes(before, after) {
            let entry = call.entry(Some(after.tenant_id), Action::ScheduleChanged, after.id);
            audit::record(conn, &Entry { details, ..entry }).await?;
        }
        Ok(updated)
    });
    let updated = updated.await.map_err(|error| match error {
        UpdateScheduleError::NotFound => problem(ScheduleError::NotFound),
        UpdateScheduleError::NameTaken => name_taken(),
        UpdateScheduleError::Behind => Problem::new(Code::ScheduleBehind, BEHIND),
        UpdateScheduleError::Cron(error) => unreadable(&error),
        UpdateScheduleError::Refused(refusal) => refused(refusal),
        UpdateScheduleError::Db(error) => error.into(),
    })?;
    // What was due at this moment has got its runs, as by a sweep, which tells SQS of them.
    let (created, failed) = (updated.ticked.created as f64, updated.ticked.failed as f64);
    for (metric, count) in [(RUNS_CREATED, created), (RUNS_SCHEDULED, created), (SCHEDULE_ERRORS, failed)] {
        if count > 0.0 {
            app.metrics.note(metric, count);
        }
    }
    Reply::ok(&updated.after)
}

/// `DELETE /api/schedules/{schedule_id}`.
pub async fn delete(app: &App, call: &Call) -> Result<Reply, Problem> {
    let (scope, id) = (call.scope()?, call.id("schedule_id")?);
    let deleted = app.transaction(async |conn| {
        let schedule = catalog::delete_schedule(conn, scope, id).await?;
        let details = json!({ "name": schedule.name, "pipeline_id": schedule.pipeline_id });
        let entry = call.entry(Some(schedule.tenant_id), Action::ScheduleDeleted, schedule.id);
        audit::record(conn, &Entry { details, ..entry }).await?;
        Ok(())
    });
    deleted.await.map_err(problem)?;
    Ok(Reply::no_content())
}

fn problem(error: ScheduleError) -> Problem {
    match error {
        ScheduleError::NotFound => Problem::new(Code::ScheduleNotFound, "There is no such schedule"),
        ScheduleError::Db(error) => error.into(),
    }
}

fn name_taken() -> Problem {
    Problem::new(Code::AlreadyExists, "The tenant has a schedule of this name already")
}

fn unreadable(error: &CronError) -> Problem {
    let pointer = match error {
        CronError::Expression(_) => "/cron",
        CronError::TimeZone => "/time_zone",
    };
    Problem::invalid(vec![FieldError::new(pointer, error.to_string())])
}

fn refused(refusal: ScheduleRefusal) -> Problem {
    match refusal {
        ScheduleRefusal::EndsBeforeItStarts => {
            Problem::invalid(vec![FieldError::new("/ends_at", "must be later than starts_at")])
        }
        ScheduleRefusal::NeverDue => Problem::invalid(vec![FieldError::new(
            "/cron",
            "has no time that lies ahead, or none between starts_at and ends_at",
        )]),
        ScheduleRefusal::VersionNotFound => {
            Problem::new(Code::PipelineVersionNotFound, "The pipeline has no such version")
        }
        ScheduleRefusal::NothingApproved => {
            Problem::new(Code::VersionNotApproved, "The pipeline has no APPROVED version that could run")
        }
        ScheduleRefusal::VersionNotApproved => {
            Problem::new(Code::VersionNotApproved, "pipeline version must be APPROVED to run")
        }
        ScheduleRefusal::OpaqueSpecPushed { kind } => {
            let detail = format!(
                "a dag_spec of kind {kind:?} is run by its own workers: the schedule needs \"dispatch\": \"pull\""
            );
            let errors = vec![FieldError::new("/dispatch", detail.clone())];
            Problem { errors, ..Problem::new(Code::InvalidDagSpec, detail) }
        }
        ScheduleRefusal::InvalidParameters(errors) => Problem::invalid_parameters(errors),
        ScheduleRefusal::Params(error) => Problem::new(
            Code::InvalidDagSpec,
            format!("The version asks for parameters that nobody can check: its {error}"),
        ),
        ScheduleRefusal::Db(error) => error.into(),
    }
}
