//! `runplane webhooks …`

use serde_json::Value;
use uuid::Uuid;

use super::body::Body;
use super::list::list;
use super::{Context, names};
use crate::args::NameOrId;
use crate::args::webhooks::{Changes, Command};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Request;
use crate::output::Record;

const PATH: &str = "/api/webhooks";
const COLUMNS: [&str; 7] = ["id", "name", "url", "event_types", "paused", "created_at", "tenant_id"];
const FIELDS: [&str; 20] = [
    "id",
    "tenant_id",
    "name",
    "url",
    "secret_ref",
    "event_types",
    "pipeline_id",
    "paused",
    "created_at",
    "pending",
    "given_up",
    "waiting_since",
    "failures",
    "failing_since",
    "rests_until",
    "last_error",
    "last_failed_at",
    "last_delivered_at",
    "retried",
    "more",
];

/// Runs one of them.
pub async fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    let request = match command {
        Command::List { name, paging } => {
            let request = context.narrowed(Request::get(PATH)).query("name", name);
            return list(context, request, &paging, &COLUMNS).await;
        }
        Command::Show { id } => context.narrowed(Request::get(path(id))),
        Command::Create { name, to, secret_ref, event_types, pipeline, paused } => {
            let body = Body::default().set("tenant_id", context.tenant()?.to_string()).set("name", name);
            let body = body.set("url", to).set("secret_ref", secret_ref).maybe("event_types", event_types);
            let body = body.maybe("pipeline_id", id_of(context, pipeline).await?);
            Request::post(PATH).body(body.maybe("paused", paused.then_some(true)).fields())
        }
        Command::Set { id, changes } => {
            context.narrowed(Request::patch(path(id))).body(body(context, changes).await?.fields())
        }
        Command::Pause { id } => paused(context, id, true),
        Command::Resume { id } => paused(context, id, false),
        Command::Retry { id } => context.narrowed(Request::post(format!("{}/retry", path(id)))),
        Command::Delete { id } => context.narrowed(Request::delete(path(id))),
    };
    let answer = context.client.send(&request).await?;
    context.output.answer(&answer, view)
}

async fn body(context: &Context, changes: Changes) -> Result<Body, Failure> {
    let pipeline = id_of(context, changes.pipeline).await?;
    Ok(Body::default()
        .maybe("name", changes.name)
        .maybe("url", changes.to)
        .maybe("secret_ref", changes.secret_ref)
        .maybe("event_types", changes.event_types)
        .cleared("event_types", changes.all_event_types)
        .maybe("pipeline_id", pipeline)
        .cleared("pipeline_id", changes.all_pipelines)
        .maybe("paused", changes.paused))
}

async fn id_of(context: &Context, pipeline: Option<NameOrId>) -> Result<Option<String>, Failure> {
    match pipeline {
        Some(pipeline) => Ok(Some(names::pipeline(context, &pipeline).await?.to_string())),
        None => Ok(None),
    }
}

fn paused(context: &Context, id: Uuid, paused: bool) -> Request {
    context.narrowed(Request::patch(path(id))).body(Body::default().set("paused", paused).fields())
}

fn path(id: Uuid) -> String {
    format!("{PATH}/{id}")
}

/// Nothing is left to show of one that was removed.
fn view(webhook: &Value) -> String {
    Record::of(webhook, &FIELDS).to_string()
}
