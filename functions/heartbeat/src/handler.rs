//! Path, body, one verb, reply.

use std::sync::Arc;

use runplane::app::App;
use runplane::http::{Call, HeartbeatItems, Reply, RunId, answers};
use runplane::problem::Problem;
use runplane::runs::{self, Beat, HeartbeatError, HeartbeatRequest};

/// One lease, or several.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    if call.came_by(app.function, "/api/runs/heartbeat") {
        bulk(&app, &call).await
    } else {
        one(&app, &call).await
    }
}

/// Extends the lease.
async fn one(app: &App, call: &Call) -> Result<Reply, Problem> {
    let run_id = call.run_id()?;
    let request: HeartbeatRequest = call.body()?;
    request.check()?;

    let beat = app.call(async |conn| runs::heartbeat(conn, call.own_scope(), run_id, &request).await);
    let reply = beat.await?;
    tracing::Span::current().record("tenant.id", reply.tenant_id.to_string());
    tracing::Span::current().record("run.attempt", reply.attempt);
    Reply::ok(&reply)
}

/// Extends the leases that the items are about, each under its own token.
async fn bulk(app: &App, call: &Call) -> Result<Reply, Problem> {
    let items = call.items::<RunId, HeartbeatRequest>(HeartbeatRequest::check)?;
    let right: Vec<_> = items
        .iter()
        .flatten()
        .map(|(id, request)| Beat { scope: call.own_scope(), run_id: id.run_id, request })
        .collect();

    let extended = app.call(async |conn| runs::heartbeat_all(conn, &right).await).await?;
    let extended =
        extended.into_iter().map(|beat| beat.map_err(|refusal| HeartbeatError::from(refusal).into()));
    Reply::ok(&HeartbeatItems::of(answers(items, extended)))
}
