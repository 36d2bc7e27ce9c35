//! `runplane runs …`

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::body::{Body, add, texts};
use super::list::list;
use super::{Context, logs, names, steps, waiting, watch};
use crate::args::runs::{Command, Create, List, Parameters, Watching};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::{Answer, Request};
use crate::output::{Record, table};
use crate::source::Source;

const PATH: &str = "/api/runs";
const COLUMNS: [&str; 8] =
    ["id", "status", "created_at", "error_code", "attempt", "queue", "finished_at", "trigger_type"];
const FIELDS: [&str; 29] = [
    "id",
    "status",
    "tenant_id",
    "pipeline_id",
    "pipeline_version_id",
    "trigger_type",
    "parameters",
    "labels",
    "queue",
    "priority",
    "dispatch",
    "available_at",
    "start_by",
    "concurrency_key",
    "traceparent",
    "attempt",
    "max_attempts",
    "lost",
    "max_lost",
    "claimed_by",
    "lease_expires_at",
    "created_at",
    "started_at",
    "finished_at",
    "output",
    "error_code",
    "error_message",
    "retry_of_run_id",
    "root_run_id",
];
const ARTIFACTS: [&str; 5] = ["id", "artifact_type", "source", "created_at", "payload"];
const ATTEMPTS: [&str; 6] = ["attempt", "outcome", "claimed_by", "ended_at", "error_code", "error_message"];

/// Runs one of them.
pub async fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::List(which) => {
            let request = of_a_list(context, &which).await?;
            list(context, request, &which.paging, &COLUMNS).await
        }
        Command::Show { id } => {
            let answer = context.client.send(&Request::get(path(id))).await?;
            context.output.answer(&answer, details)
        }
        Command::Create(new) => {
            let answer = context.client.send(&creation(context, &new).await?).await?;
            created(context, &answer, new.watch).await
        }
        Command::Retry(again) => {
            let body = Body::default().maybe("parameters", parameters(&again.parameters)?);
            let body = body.maybe("pipeline_version_id", again.version.map(|id| id.to_string()));
            let body = body.maybe("from", again.from).fields();
            let request =
                Request::post(format!("{}/retry", path(again.id))).body(body).keyed(again.idempotency_key);
            created(context, &context.client.send(&request).await?, again.watch).await
        }
        Command::Logs(which) => logs::run(context, &which).await,
        Command::Artifacts { id, paging } => {
            let request = Request::get(format!("{}/artifacts", path(id)));
            list(context, request, &paging, &ARTIFACTS).await
        }
        Command::Watch { id, watching } => watch::run(context, id, &watching).await,
        Command::Cancel { id, reason } => {
            let request = Request::post(format!("{}/cancel", path(id))).repeatable();
            let request = request.body(Body::default().maybe("reason", reason).fields());
            let answer = context.client.send(&request).await?;
            context.output.answer(&answer, view)
        }
    }
}

async fn of_a_list(context: &Context, which: &List) -> Result<Request, Failure> {
    let pipeline = names::maybe_pipeline(context, which.pipeline.as_ref()).await?;
    let version = match &which.version {
        Some(version) => Some(names::version(context, pipeline, version).await?),
        None => None,
    };
    let mut request = context
        .narrowed(Request::get(PATH))
        .query("pipeline_id", pipeline)
        .query("pipeline_version_id", version)
        .query("queue", which.queue.as_ref())
        .query("created_after", which.created_after.map(time))
        .query("created_before", which.created_before.map(time));
    for status in &which.status {
        request = request.query("status", Some(status.to_ascii_uppercase()));
    }
    for label in &which.label {
        request = request.query(&format!("label.{}", label.key), Some(&label.value));
    }
    Ok(request)
}

async fn creation(context: &Context, new: &Create) -> Result<Request, Failure> {
    let tenant = context.tenant()?;
    let parameters = parameters(&new.parameters)?;
    let labels = texts("--label", &new.label)?;
    let pipeline = names::maybe_pipeline(context, new.pipeline.as_ref()).await?;
    let version = names::version(context, pipeline, &new.version).await?;
    let body = Body::default()
        .set("tenant_id", tenant.to_string())
        .set("pipeline_version_id", version.to_string())
        .maybe("parameters", parameters)
        .maybe("dispatch", new.dispatch.clone())
        .maybe("queue", new.queue.clone())
        .maybe("priority", new.priority)
        .maybe("labels", labels)
        .maybe("trigger_type", new.trigger_type.clone())
        .maybe("run_after", new.run_after.map(time))
        .maybe("start_by", new.start_by.map(time))
        .maybe("concurrency_key", new.concurrency_key.clone())
        .maybe("max_attempts", new.max_attempts)
        .maybe("max_lost", new.max_lost);
    Ok(Request::post(PATH).body(body.fields()).keyed(new.idempotency_key.clone()))
}

/// Those of the file, and over them those of the command line; None if neither was given.
fn parameters(given: &Parameters) -> Result<Option<Value>, Failure> {
    let mut object = match &given.params_file {
        None => Map::new(),
        Some(file) => match Source::read(file).map_err(Failure::File)?.value() {
            Value::Object(object) => object.clone(),
            _ => return Err(Failure::Usage(format!("{file} has to hold a JSON object"))),
        },
    };
    let json = given.param.iter().map(|one| (one.key.clone(), one.value.clone()));
    let text = given.param_text.iter().map(|one| (one.key.clone(), Value::from(one.value.clone())));
    add(&mut object, "the parameter", json.chain(text))?;
    let none = object.is_empty() && given.params_file.is_none();
    Ok((!none).then_some(Value::Object(object)))
}

/// Prints a run that is new, or follows it.
async fn created(context: &Context, answer: &Answer, follow: bool) -> Result<Exit, Failure> {
    if !follow {
        return context.output.answer(answer, view);
    }
    let id = names::id(&answer.body)?;
    context.output.note(&format!("Run {id}"));
    watch::run(context, id, &Watching::default()).await
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn path(id: Uuid) -> String {
    format!("{PATH}/{id}")
}

fn view(run: &Value) -> String {
    Record::of(run, &FIELDS).to_string()
}

fn details(details: &Value) -> String {
    let mut record = Record::of(&details["run"], &FIELDS);
    if let Some(phrase) = waiting::phrase(&details["waiting_for"]) {
        record = record.with("waiting_for", &phrase);
    }
    let mut shown = record.to_string();
    if let Some(steps) = steps::as_table(details) {
        shown.push_str(&format!("\n\nsteps\n{steps}"));
    }
    if let Some(attempts) = details["attempts"].as_array().filter(|attempts| !attempts.is_empty()) {
        shown.push_str(&format!("\n\nattempts\n{}", table(attempts, &ATTEMPTS, None)));
    }
    shown
}
