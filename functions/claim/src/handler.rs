//! Body, one verb, reply.

use std::sync::Arc;

use runplane::app::App;
use runplane::http::{Call, Reply};
use runplane::problem::{Code, FieldError, Problem};
use runplane::runs::{self, Claim, ClaimError, ClaimOptions, ClaimReply, ClaimRequest};
use runplane::scope::Scope;

/// Claims the best run that is due.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let request: ClaimRequest = call.body()?;
    request.check()?;

    let claim = claim(&app, &request).await.map_err(problem)?;
    if let Some(claim) = &claim {
        // Whoever asks for one tenant does not move everybody's turn.
        if request.tenant_id.is_none() {
            app.set_last_tenant(claim.run.run.tenant_id);
        }
        let span = tracing::Span::current();
        span.record("tenant.id", claim.run.run.tenant_id.to_string());
        span.record("run.id", claim.run.run.id.to_string());
        span.record("run.attempt", claim.run.run.attempt);
    }
    Reply::ok(&ClaimReply::from(claim))
}

/// Again, if the claim_id is on another run: the second time for the loser of two calls with one claim_id, the third for one
/// whose lease has expired.
async fn claim(app: &App, request: &ClaimRequest) -> Result<Option<Claim>, ClaimError> {
    let (scope, last_tenant) = (Scope::from(request.tenant_id), app.last_tenant());
    for again in [false, true, true] {
        let options = ClaimOptions { again, ..request.options() };
        match app.call(async |conn| runs::claim(conn, scope, last_tenant, options).await).await {
            Err(ClaimError::ClaimIdTaken) => {}
            answer => return answer,
        }
    }
    // Somebody else's: another tenant's run, or another worker that was quicker each time.
    Err(ClaimError::ClaimIdInUse)
}

fn problem(error: ClaimError) -> Problem {
    match error {
        ClaimError::ClaimIdInUse | ClaimError::ClaimIdTaken => {
            let detail = "another worker holds a run under this claim_id: use a claim_id of your own";
            Problem {
                errors: vec![FieldError::new("/claim_id", detail)],
                ..Problem::new(Code::AlreadyExists, detail)
            }
        }
        ClaimError::Db(error) => error.into(),
    }
}
