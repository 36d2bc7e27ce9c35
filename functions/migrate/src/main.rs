//! Brings the database up before new code takes traffic: called by CloudFormation as a custom resource, or by hand (docs/decisions/0027).

mod answer;
mod request;
#[cfg(test)]
mod tests;

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use runplane::config::{ConfigError, Settings};
use runplane::functions::{self, Function};
use runplane::invocation::left;
use runplane::migrate::{Deployment, Migrated};
use serde_json::{Value, json};

use answer::Answer;
use request::{Kind, Request};

const FUNCTION: &Function = functions::named(env!("CARGO_PKG_NAME"));

/// The time that is kept for the answer, if there is twice as much: what ends an invocation leaves CloudFormation waiting for an hour.
const ANSWER_TAKES: Duration = Duration::from_secs(30);
/// How long it goes on where the function's deadline is not known.
const UNKNOWN_DEADLINE: Duration = Duration::from_secs(600);

type Configured = Result<Deployment, ConfigError>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runplane::logging::init(None);
    let configured = &Deployment::from_settings(&mut Settings::of(FUNCTION));
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let limit = limit(event.context.deadline);
        handle(configured, &event.payload, &event.context.request_id, limit).await
    }))
    .await
}

/// How long the work may take, for a deadline in milliseconds since 1970. One that lies in the past is unknown: `cargo lambda watch` sends a length of
/// time instead.
fn limit(deadline_ms: u64) -> Duration {
    left(deadline_ms).map_or(UNKNOWN_DEADLINE, |left| left.saturating_sub(ANSWER_TAKES.min(left / 2)))
}

/// Does what is asked, and answers whoever asks: CloudFormation where it says so, else the caller. `request_id` is Lambda's.
async fn handle(
    configured: &Configured,
    event: &Value,
    request_id: &str,
    limit: Duration,
) -> Result<Value, Error> {
    let request = Request::of(event);
    let work = done(configured, request.as_ref(), request_id, limit);
    respond(request.as_ref(), work).await
}

/// Answers a request, or whoever has called by hand, with what comes of the work.
async fn respond(
    request: Option<&Request>,
    work: impl Future<Output = Result<Done, String>>,
) -> Result<Value, Error> {
    let started = Instant::now();
    // A panic would leave CloudFormation without an answer.
    let done = AssertUnwindSafe(work).catch_unwind().await;
    let done = done.unwrap_or_else(|_| Err("the function panicked: its log says where".to_owned()));
    let duration_ms = started.elapsed().as_millis() as u64;
    match &done {
        Ok(Done::Migrated(migrated)) => tracing::info!(
            schema = migrated.schema,
            applied = migrated.applied.len(),
            operator_key = migrated.operator_key,
            duration_ms,
            "the database is up to date"
        ),
        Ok(Done::Nothing) => tracing::info!(duration_ms, "nothing to do: the database stays as it is"),
        Err(reason) => tracing::error!(error = reason, duration_ms, "the database was not brought up"),
    }
    match request {
        Some(request) => {
            let answer = Answer::new(request, &done);
            answer::send(&request.response_url, &answer).await.map(|()| Value::Null).map_err(|error| {
                tracing::error!(error, "CloudFormation has no answer");
                // Lambda calls again then, twice: all of it may be done again.
                Error::from("CloudFormation has no answer: the log says why")
            })
        }
        None => match done {
            Ok(Done::Migrated(migrated)) => Ok(json!(migrated)),
            Ok(Done::Nothing) => Ok(Value::Null),
            Err(reason) => Err(Error::from(reason)),
        },
    }
}

/// What came of a request.
enum Done {
    /// The database has what this version needs.
    Migrated(Migrated),
    /// Nothing was to be done.
    Nothing,
}

/// Fails with the reason, which has no password.
async fn done(
    configured: &Configured,
    request: Option<&Request>,
    request_id: &str,
    limit: Duration,
) -> Result<Done, String> {
    match request.map(|request| &request.kind) {
        // The data stays when the stack goes: nothing may keep it from going, a database that is away least of all.
        Some(Kind::Delete) => return Ok(Done::Nothing),
        Some(Kind::Unknown(kind)) => return Err(format!("there is no request of type {kind:?}")),
        Some(Kind::Create | Kind::Update) | None => {}
    }
    let deployment = configured.as_ref().map_err(ToString::to_string)?;
    let migrated = deployment.bring_up(limit, request_id).await;
    migrated.map(Done::Migrated).map_err(|error| deployment.masked(&error.to_string()))
}
