//! `http`, `sql`, `lambda`, `sqs`: what leads outside, by a connection of the run's tenant.

use std::collections::HashMap;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::UNAVAILABLE;
use crate::catalog::Connection;
use crate::dag::ConnectionKind;
use crate::dag::execute::attempt::{Failure, Tools};
use crate::dag::execute::{Journal, JournalError};
use crate::dag::shape::CONNECTION;
use crate::dag::spec::Step;
use crate::reach::{Along, Destination, ReachFailure, secrets};
use crate::traces;

/// How long a connection is remembered: a thousand items ask once, and one that was deleted is known soon.
const REMEMBERED: Duration = Duration::from_secs(30);
/// The errors of credentials that are not right (any more).
const CREDENTIALS_REFUSED: [&str; 4] = ["http_401", "http_403", "sql_28P01", "sql_28000"];

/// The connections that an execution has asked for, by name.
#[derive(Debug, Default)]
pub(in crate::dag::execute) struct KnownConnections(Mutex<HashMap<String, (Instant, Connection)>>);

/// Does what the rendered `with` says.
pub(super) async fn call<J: Journal>(
    tools: &Tools<J>,
    step: &Step,
    item: Option<usize>,
    with: &Map<String, Value>,
    timeout: Duration,
) -> Result<Value, Failure> {
    let started = Instant::now();
    let key = idempotency_key(tools, step, item);
    let traceparent = traces::current().or_else(|| tools.run.traceparent.clone());
    let along = Along { idempotency_key: &key, traceparent: traceparent.as_ref() };
    let Some(name) = with.get(CONNECTION).and_then(Value::as_str) else {
        return Ok(tools.reach.request(with, along, timeout).await?);
    };
    let connection = connection(tools, step, name).await?;
    let tenant = tools.run.tenant_id;
    let secret = match &connection.secret_ref {
        Some(secret_ref) => Some(tools.reach.secrets.get(tenant, secret_ref).await?),
        None => None,
    };
    // Before anything may tell of it.
    secret.iter().for_each(|secret| tools.mask.add(secret.expose_secret()));
    let secret = match secret {
        Some(secret) if connection.kind == ConnectionKind::Sql => {
            let password = secrets::password(secret)?;
            tools.mask.add(password.expose_secret());
            Some(password)
        }
        secret => secret,
    };
    let destination = Destination::read(&connection, secret)?;
    let left = timeout.saturating_sub(started.elapsed());
    let called = tools.reach.call(with, &destination, along, left).await;
    if let (Err(ReachFailure { error, .. }), Some(secret_ref)) = (&called, &connection.secret_ref)
        && CREDENTIALS_REFUSED.contains(&error.as_str())
    {
        tools.reach.secrets.forget(tenant, secret_ref);
    }
    Ok(called?)
}

/// The tenant's connection that the step names.
async fn connection<J: Journal>(tools: &Tools<J>, step: &Step, name: &str) -> Result<Connection, Failure> {
    // One asks, the others wait for its answer.
    let mut known = tools.connections.0.lock().await;
    let now = Instant::now();
    let remembered = known.get(name).filter(|(until, _)| *until > now);
    let connection = match remembered {
        Some((_, connection)) => connection.clone(),
        None => {
            let found = tools.journal.connection(name).await.map_err(|error| match error {
                JournalError::Unavailable(_) | JournalError::Lost(_) => {
                    Failure::passing(UNAVAILABLE, error.to_string())
                }
                JournalError::Refused(_) => Failure::new("invalid_connection", error.to_string()),
            })?;
            let Some(connection) = found else {
                let message = format!("the tenant has no connection {name:?} any more");
                return Err(Failure::new("connection_not_found", message));
            };
            known.insert(name.to_owned(), (now + REMEMBERED, connection.clone()));
            connection
        }
    };
    if connection.kind.as_str() == step.kind.as_str() {
        return Ok(connection);
    }
    let (is, wanted) = (connection.kind.as_str(), step.kind.as_str());
    let message =
        format!("the connection {name:?} is of kind {is} by now, and the step needs one of kind {wanted}");
    Err(Failure::new("connection_not_found", message))
}

/// The same for all attempts, whoever makes them.
fn idempotency_key<J>(tools: &Tools<J>, step: &Step, item: Option<usize>) -> String {
    let item = item.map(|item| format!("/{item}")).unwrap_or_default();
    format!("{}/{}{item}", tools.run.id, step.id)
}
