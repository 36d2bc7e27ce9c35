//! `runplane pipelines …`

use serde_json::Value;
use uuid::Uuid;

use super::body::Body;
use super::list::list;
use super::{Context, names};
use crate::args::pipelines::{Changes, Command};
use crate::args::{Limit, NameOrId};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Request;
use crate::output::Record;

const PATH: &str = "/api/pipelines";
const COLUMNS: [&str; 7] = ["id", "name", "queue", "max_running", "paused", "created_at", "tenant_id"];
const FIELDS: [&str; 8] =
    ["id", "tenant_id", "name", "description", "queue", "max_running", "paused", "created_at"];

/// Runs one of them.
pub async fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    let request = match command {
        Command::List { name, paging } => {
            let request = context.narrowed(Request::get(PATH)).query("name", name);
            return list(context, request, &paging, &COLUMNS).await;
        }
        Command::Show { pipeline } => Request::get(path(context, &pipeline).await?),
        Command::Create { name, description, queue, max_running, paused } => {
            let body = Body::default().set("tenant_id", context.tenant()?.to_string()).set("name", name);
            let body = body.maybe("description", description).maybe("queue", queue);
            let body = body.maybe("max_running", max_running).maybe("paused", paused.then_some(true));
            let answer = context.client.send(&Request::post(PATH).body(body.fields())).await?;
            return context.output.answer(&answer, view);
        }
        Command::Set { pipeline, changes } => {
            Request::patch(path(context, &pipeline).await?).body(body(changes).fields())
        }
        Command::Pause { pipeline } => paused(context, &pipeline, true).await?,
        Command::Resume { pipeline } => paused(context, &pipeline, false).await?,
    };
    let answer = context.client.send(&context.narrowed(request)).await?;
    context.output.answer(&answer, view)
}

fn body(changes: Changes) -> Body {
    Body::default()
        .maybe("name", changes.name)
        .maybe("description", changes.description)
        .cleared("description", changes.no_description)
        .maybe("queue", changes.queue)
        .cleared("queue", changes.no_queue)
        .maybe("max_running", changes.max_running.map(Limit::json))
        .maybe("paused", changes.paused)
}

async fn paused(context: &Context, pipeline: &NameOrId, paused: bool) -> Result<Request, Failure> {
    let body = Body::default().set("paused", paused);
    Ok(Request::patch(path(context, pipeline).await?).body(body.fields()))
}

async fn path(context: &Context, pipeline: &NameOrId) -> Result<String, Failure> {
    let id: Uuid = names::pipeline(context, pipeline).await?;
    Ok(format!("{PATH}/{id}"))
}

fn view(pipeline: &Value) -> String {
    Record::of(pipeline, &FIELDS).to_string()
}
