//! `runplane schedules …`

use serde_json::Value;
use uuid::Uuid;

use super::body::Body;
use super::list::list;
use super::{Context, names};
use crate::args::schedules::Command;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Request;
use crate::output::Record;

const PATH: &str = "/api/schedules";
const COLUMNS: [&str; 8] =
    ["id", "name", "cron", "time_zone", "paused", "next_due_at", "last_due_at", "tenant_id"];
const FIELDS: [&str; 27] = [
    "id",
    "tenant_id",
    "name",
    "pipeline_id",
    "pipeline_version_id",
    "cron",
    "time_zone",
    "missed_runs",
    "starts_at",
    "ends_at",
    "paused",
    "next_due_at",
    "due_times",
    "last_due_at",
    "last_run_id",
    "last_error",
    "last_error_at",
    "parameters",
    "queue",
    "priority",
    "labels",
    "dispatch",
    "max_attempts",
    "max_lost",
    "concurrency_key",
    "created_at",
    "updated_at",
];

/// Runs one of them.
pub async fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    let request = match command {
        Command::List { name, pipeline, paused, paging } => {
            let pipeline = names::maybe_pipeline(context, pipeline.as_ref()).await?;
            let request = context.narrowed(Request::get(PATH)).query("name", name);
            let request = request.query("pipeline_id", pipeline).query("paused", paused);
            return list(context, request, &paging, &COLUMNS).await;
        }
        Command::Show { id } => context.narrowed(Request::get(path(id))),
        Command::Create {
            name,
            pipeline,
            cron,
            time_zone,
            missed_runs,
            version,
            parameters,
            queue,
            concurrency_key,
            paused,
        } => {
            let pipeline = names::pipeline(context, &pipeline).await?;
            let parameters = parameters.map(|parameters| parameters.read()).transpose()?;
            let body = Body::default().set("tenant_id", context.tenant()?.to_string()).set("name", name);
            let body = body.set("pipeline_id", pipeline.to_string()).set("cron", cron);
            let body = body.maybe("time_zone", time_zone).maybe("missed_runs", missed_runs);
            let body = body.maybe("pipeline_version_id", version.map(|version| version.to_string()));
            let body = body.maybe("parameters", parameters).maybe("queue", queue);
            let body = body.maybe("concurrency_key", concurrency_key).maybe("paused", paused.then_some(true));
            Request::post(PATH).body(body.fields())
        }
        Command::Pause { id } => paused(context, id, true),
        Command::Resume { id } => paused(context, id, false),
        Command::Delete { id } => context.narrowed(Request::delete(path(id))),
    };
    let answer = context.client.send(&request).await?;
    context.output.answer(&answer, view)
}

fn paused(context: &Context, id: Uuid, paused: bool) -> Request {
    let body = Body::default().set("paused", paused);
    context.narrowed(Request::patch(path(id)).body(body.fields()))
}

fn path(id: Uuid) -> String {
    format!("{PATH}/{id}")
}

/// Nothing is left to show of one that was removed.
fn view(schedule: &Value) -> String {
    Record::of(schedule, &FIELDS).to_string()
}
