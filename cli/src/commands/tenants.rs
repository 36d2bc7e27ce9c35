//! `runplane tenants …`

mod delete;

use serde_json::Value;
use uuid::Uuid;

use super::Context;
use super::body::Body;
use super::list::list;
use crate::args::Limit;
use crate::args::tenants::Command;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Request;
use crate::output::Record;

const PATH: &str = "/api/tenants";
const COLUMNS: [&str; 5] = ["id", "name", "max_running", "paused", "created_at"];

/// Runs one of them.
pub async fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    let request = match command {
        Command::List(paging) => return list(context, Request::get(PATH), &paging, &COLUMNS).await,
        Command::Show { id } => Request::get(path(id)),
        Command::Create { name, max_running, paused } => {
            let body = Body::default().set("name", name).maybe("max_running", max_running);
            Request::post(PATH).body(body.maybe("paused", paused.then_some(true)).fields())
        }
        Command::Set { id, changes } => {
            let body = Body::default().maybe("name", changes.name);
            let body = body.maybe("max_running", changes.max_running.map(Limit::json));
            Request::patch(path(id)).body(body.maybe("paused", changes.paused).fields())
        }
        Command::Pause { id } => paused(id, true),
        Command::Resume { id } => paused(id, false),
        Command::Delete { id, name } => return delete::run(context, id, &name).await,
    };
    let answer = context.client.send(&request).await?;
    context.output.answer(&answer, view)
}

fn paused(id: Uuid, paused: bool) -> Request {
    Request::patch(path(id)).body(Body::default().set("paused", paused).fields())
}

fn path(id: Uuid) -> String {
    format!("{PATH}/{id}")
}

fn view(tenant: &Value) -> String {
    Record::of(tenant, &COLUMNS).to_string()
}
