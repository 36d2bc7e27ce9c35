//! What a run does.

use runplane::dag::{self, UNSUPPORTED_STEP};
use runplane::runs::{Claim, CompleteRequest, Outcome};

/// Runs the claimed version and says how it ended. Steps given as strings do nothing; other ones fail the run, which
/// says so rather than pretend.
pub async fn execute(claim: &Claim) -> CompleteRequest {
    let mut request = CompleteRequest::new(Outcome::Succeeded);
    match dag::plan(&claim.pipeline_version.dag_spec) {
        Ok(plan) => {
            tracing::debug!(steps = plan.steps.len(), "all steps are done: none of them does anything")
        }
        Err(unsupported) => {
            request.status = Outcome::Failed;
            request.error_code = Some(UNSUPPORTED_STEP.to_owned());
            request.error_message = Some(unsupported.to_string());
            // Another attempt would find the same spec.
            request.retryable = Some(false);
        }
    }
    request
}
