//! Body, one verb, the message that has the sweep come, reply.

use std::sync::Arc;

use runplane::app::App;
use runplane::http::{Call, Reply};
use runplane::problem::{Code, FieldError, Problem};
use runplane::runs::{ClaimError, ClaimReply, ClaimRequest};

/// Claims the best runs that are due.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let request: ClaimRequest = call.body()?;
    request.check()?;
    let claimed = app.claim(call.scope_of(request.tenant_id)?, request.options()).await.map_err(problem)?;
    // Not beside the claim: those that find nothing, which may be most, put nothing in flight.
    if !claimed.claims.is_empty() {
        app.arm().await;
    }
    if let [claim] = claimed.claims.as_slice() {
        let span = tracing::Span::current();
        span.record("tenant.id", claim.run.run.tenant_id.to_string());
        span.record("run.id", claim.run.run.id.to_string());
        span.record("run.attempt", claim.run.run.attempt);
    }
    Reply::ok(&ClaimReply::of(claimed, request.max_runs))
}

fn problem(error: ClaimError) -> Problem {
    match error {
        ClaimError::ClaimIdInUse => {
            let detail = "another worker holds a run under this claim_id: use a claim_id of your own";
            Problem {
                errors: vec![FieldError::new("/claim_id", detail)],
                ..Problem::new(Code::AlreadyExists, detail)
            }
        }
        ClaimError::Db(error) => error.into(),
    }
}
