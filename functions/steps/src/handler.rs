//! Path, body or query, one verb, reply.

use std::sync::Arc;

use runplane::app::App;
use runplane::http::{Call, Reply, lists};
use runplane::problem::{Code, Problem};
use runplane::steps::{self, LoadError, MAX_STEPS, StepPlace, StepsAsked, StoreStepsRequest};

/// Stores results of steps, or shows one page of them.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    if call.method(app.function) == "PUT" { store(&app, &call).await } else { load(&app, &call).await }
}

async fn store(app: &App, call: &Call) -> Result<Reply, Problem> {
    let run_id = call.run_id()?;
    let request: StoreStepsRequest = call.body()?;
    let (lease_token, results) = request.into_results();
    results.check()?;

    let store =
        async |conn: &mut _| steps::store(conn, call.own_scope(), run_id, lease_token, &results).await;
    let stored = app.call(store).await?;
    tracing::Span::current().record("tenant.id", stored.tenant_id.to_string());
    tracing::Span::current().record("run.attempt", stored.attempt);
    Reply::ok(&stored)
}

async fn load(app: &App, call: &Call) -> Result<Reply, Problem> {
    let run_id = call.run_id()?;
    let mut query = call.query();
    let scope = lists::scope(call, &mut query)?;
    let limit = query.number("limit", 1, MAX_STEPS as i64, MAX_STEPS as i64);
    let cursor = query.text("cursor");
    query.finish()?;
    let after = cursor.map(|text| StepPlace::decode(&text, run_id)).transpose();
    let asked = StepsAsked { limit, after: after.map_err(lists::invalid_cursor)? };

    let load = async |conn: &mut _| steps::load(conn, scope, run_id, &asked).await;
    let page = app.call(load).await.map_err(|error| match error {
        LoadError::NotFound => Problem::new(Code::RunNotFound, "There is no such run"),
        LoadError::Db(error) => error.into(),
    })?;
    tracing::Span::current().record("tenant.id", page.tenant_id.to_string());
    Reply::ok(&page)
}
