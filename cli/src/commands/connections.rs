//! `runplane connections …`

use serde_json::Value;
use uuid::Uuid;

use super::Context;
use super::body::Body;
use super::list::list;
use crate::args::connections::Command;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Request;
use crate::output::Record;

const PATH: &str = "/api/connections";
const COLUMNS: [&str; 6] = ["id", "name", "kind", "secret_ref", "created_at", "tenant_id"];
const FIELDS: [&str; 7] = ["id", "tenant_id", "name", "kind", "config", "secret_ref", "created_at"];

/// Runs one of them.
pub async fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    let request = match command {
        Command::List { kind, paging } => {
            let request = context.narrowed(Request::get(PATH)).query("kind", kind);
            return list(context, request, &paging, &COLUMNS).await;
        }
        Command::Show { id } => context.narrowed(Request::get(path(id))),
        Command::Create { name, kind, config, secret_ref } => {
            let body = Body::default().set("tenant_id", context.tenant()?.to_string()).set("name", name);
            let body = body.set("kind", kind).set("config", config.read()?).maybe("secret_ref", secret_ref);
            Request::post(PATH).body(body.fields())
        }
        Command::Delete { id } => context.narrowed(Request::delete(path(id))),
    };
    let answer = context.client.send(&request).await?;
    context.output.answer(&answer, view)
}

fn path(id: Uuid) -> String {
    format!("{PATH}/{id}")
}

/// Nothing is left to show of one that was removed.
fn view(connection: &Value) -> String {
    Record::of(connection, &FIELDS).to_string()
}
