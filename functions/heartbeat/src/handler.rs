//! Path, body, one verb, reply.

use std::sync::Arc;

use runplane::app::App;
use runplane::http::{Call, Reply};
use runplane::problem::{Code, Problem};
use runplane::runs::{self, HeartbeatError, HeartbeatRefusal, HeartbeatRequest};
use runplane::scope::Scope;

/// Extends the lease.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let run_id = call.run_id()?;
    let request: HeartbeatRequest = call.body()?;
    request.check()?;

    let mut conn = app.conn().await?;
    let reply = runs::heartbeat(&mut conn, Scope::All, run_id, &request).await.map_err(problem)?;
    tracing::Span::current().record("tenant.id", reply.tenant_id.to_string());
    tracing::Span::current().record("run.attempt", reply.attempt);
    Reply::ok(&reply)
}

fn problem(error: HeartbeatError) -> Problem {
    let refusal = match error {
        HeartbeatError::Refused(refusal) => refusal,
        HeartbeatError::Db(error) => return error.into(),
    };
    let code = match refusal {
        HeartbeatRefusal::NotRunning => Code::RunNotRunning,
        HeartbeatRefusal::LeaseLost => Code::LeaseLost,
        HeartbeatRefusal::LeaseTokenRequired => Code::LeaseTokenRequired,
        HeartbeatRefusal::AlreadyFinished => Code::AlreadyFinished,
        HeartbeatRefusal::Cancelled => Code::RunCancelled,
    };
    Problem::new(code, refusal.to_string())
}
