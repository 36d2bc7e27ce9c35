//! Path, body, one verb, reply.

use std::sync::Arc;

use runplane::app::App;
use runplane::http::{Call, Reply};
use runplane::problem::Problem;
use runplane::runs::{self, HeartbeatRequest};
use runplane::scope::Scope;

/// Extends the lease.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let run_id = call.run_id()?;
    let request: HeartbeatRequest = call.body()?;
    request.check()?;

    let beat = app.call(async |conn| runs::heartbeat(conn, Scope::All, run_id, &request).await);
    let reply = beat.await?;
    tracing::Span::current().record("tenant.id", reply.tenant_id.to_string());
    tracing::Span::current().record("run.attempt", reply.attempt);
    Reply::ok(&reply)
}
