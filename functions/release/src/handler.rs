//! Path, body, one verb, the message, the reply.

use std::sync::Arc;

use runplane::app::App;
use runplane::dispatch;
use runplane::http::{Call, Reply};
use runplane::problem::Problem;
use runplane::runs::{self, ReleaseReply, ReleaseRequest};
use tokio::time::Instant;

/// Hands the run back.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let deadline = Instant::now() + dispatch::TELL_WITHIN;
    let run_id = call.run_id()?;
    let request: ReleaseRequest = call.body()?;
    request.check()?;

    let release = app.call(async |conn| runs::release(conn, call.own_scope(), run_id, &request).await);
    let mut run = release.await?;
    tracing::Span::current().record("tenant.id", run.tenant_id.to_string());
    tracing::Span::current().record("run.attempt", run.attempt);
    dispatch::tell(&app, &mut run, deadline).await;
    Reply::ok(&ReleaseReply { ok: true, run })
}
