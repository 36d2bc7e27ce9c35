//! `runplane versions …`

use serde_json::Value;
use uuid::Uuid;

use super::body::Body;
use super::list::list;
use super::{Context, names};
use crate::args::versions::{Command, Word};
use crate::args::{NameOrId, Paging};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::{Answer, Request};
use crate::output::{Record, table};
use crate::source::Source;

const PATH: &str = "/api/pipeline-versions";
const COLUMNS: [&str; 7] =
    ["id", "version", "status", "revision", "updated_at", "approved_by", "pipeline_id"];
const FIELDS: [&str; 11] = [
    "id",
    "tenant_id",
    "pipeline_id",
    "version",
    "status",
    "revision",
    "dag_sha256",
    "created_at",
    "updated_at",
    "approved_at",
    "approved_by",
];
const TRANSITIONS: [&str; 5] = ["at", "from", "to", "by", "comment"];

/// Runs one of them.
pub async fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    let answer = match command {
        Command::List { pipeline, status, paging } => {
            return of_a_list(context, pipeline, status, &paging).await;
        }
        Command::Show { id, dag_spec } => {
            let answer = context.client.send(&context.narrowed(Request::get(path(id)))).await?;
            if dag_spec {
                return context.output.text(&format!("{:#}", answer.body["dag_spec"]));
            }
            answer
        }
        Command::Create { pipeline, version, file, approve, comment, by } => {
            let word = Word { comment, by };
            return create(context, &pipeline, version, &file, approve.then_some(word)).await;
        }
        Command::Edit { id, file, version, revision } => {
            let source = Source::read(&file)?;
            let body = Body::default().set("dag_spec", source.value().clone());
            let body = body.maybe("version", version).maybe("revision", revision);
            let request = context.narrowed(Request::put(path(id)).body(body.fields()));
            in_file(&source, context.client.send(&request).await)?
        }
        Command::Copy { id, version, pipeline } => copy(context, id, version, pipeline.as_ref()).await?,
        Command::Approve { id, revision, word } => {
            context.client.send(&transition(context, id, "APPROVED", revision, word)).await?
        }
        Command::Deprecate { id, word } => {
            context.client.send(&transition(context, id, "DEPRECATED", None, word)).await?
        }
    };
    context.output.answer(&answer, view)
}

async fn of_a_list(
    context: &Context,
    pipeline: Option<NameOrId>,
    status: Vec<String>,
    paging: &Paging,
) -> Result<Exit, Failure> {
    let pipeline = names::maybe_pipeline(context, pipeline.as_ref()).await?;
    let mut request = context.narrowed(Request::get(PATH)).query("pipeline_id", pipeline);
    for status in status {
        request = request.query("status", Some(status.to_ascii_uppercase()));
    }
    list(context, request, paging, &COLUMNS).await
}

/// Creates a DRAFT, and with `approval` approves that revision of it. A DRAFT that cannot be approved stays, and is printed.
async fn create(
    context: &Context,
    pipeline: &NameOrId,
    version: String,
    file: &str,
    approval: Option<Word>,
) -> Result<Exit, Failure> {
    let tenant = context.tenant()?;
    let source = Source::read(file)?;
    let pipeline = names::pipeline(context, pipeline).await?;
    let body = Body::default().set("tenant_id", tenant.to_string()).set("pipeline_id", pipeline.to_string());
    let body = body.set("version", version).set("dag_spec", source.value().clone());
    let created = context.client.send(&Request::post(PATH).body(body.fields())).await;
    let created = in_file(&source, created)?;
    let Some(word) = approval else { return context.output.answer(&created, view) };
    let id = names::id(&created.body)?;
    let request = transition(context, id, "APPROVED", created.body["revision"].as_u64(), word);
    match in_file(&source, context.client.send(&request).await) {
        Ok(approved) => context.output.answer(&approved, view),
        Err(failure) => {
            context.output.answer(&created, view)?;
            context
                .output
                .note(&format!("It stays a DRAFT: mend it with `runplane versions edit {id} {file}`"));
            Err(failure)
        }
    }
}

async fn copy(
    context: &Context,
    id: Uuid,
    version: String,
    pipeline: Option<&NameOrId>,
) -> Result<Answer, Failure> {
    let original = context.client.send(&context.narrowed(Request::get(path(id)))).await?.body;
    let pipeline = match pipeline {
        Some(pipeline) => names::pipeline(context, pipeline).await?.to_string().into(),
        None => original["pipeline_id"].clone(),
    };
    let body = Body::default().set("tenant_id", original["tenant_id"].clone()).set("pipeline_id", pipeline);
    let body = body.set("version", version).set("copy_of", id.to_string());
    context.client.send(&Request::post(PATH).body(body.fields())).await
}

fn transition(context: &Context, id: Uuid, status: &str, revision: Option<u64>, word: Word) -> Request {
    let body = Body::default().set("status", status).maybe("comment", word.comment);
    let body = body.maybe("revision", revision).maybe("approved_by", word.by.or_else(user));
    context.narrowed(Request::post(format!("{}/status", path(id))).body(body.fields()))
}

/// Who works here, as the shell says: an approval without a name is worth little later. Whose API key it is the API knows better.
fn user() -> Option<String> {
    let of = |name| std::env::var(name).ok().filter(|user| !user.trim().is_empty());
    ["RUNPLANE_BY", "USER", "LOGNAME", "USERNAME"].into_iter().find_map(of)
}

/// A refusal of a dag_spec, with the places in the file it came from.
fn in_file(source: &Source, answer: Result<Answer, Failure>) -> Result<Answer, Failure> {
    answer.map_err(|failure| match failure {
        Failure::Refused(refusal) => Box::new(refusal.located_in(source)).into(),
        other => other,
    })
}

fn path(id: Uuid) -> String {
    format!("{PATH}/{id}")
}

fn view(version: &Value) -> String {
    let mut shown = Record::of(version, &FIELDS).to_string();
    if let Some(transitions) = version["transitions"].as_array().filter(|transitions| !transitions.is_empty())
    {
        shown.push_str("\n\ntransitions\n");
        shown.push_str(&table(transitions, &TRANSITIONS, None));
    }
    shown
}
