//! What a run does: its steps, by the executor that outside workers have too.

use std::sync::Arc;

use runplane::app::App;
use runplane::dag::evaluate::Evaluators;
use runplane::dag::execute::{self, Ended, JournalError, RunContext, Spill, Work};
use runplane::reach::Reach;
use runplane::runs::Claim;
use runplane::scope::Scope;
use runplane::steps::PgJournal;

use crate::leave::Leaving;

/// What executing needs, besides what it executes.
#[derive(Clone, Debug)]
pub struct Executor {
    /// Where results are kept.
    pub app: Arc<App>,
    /// What evaluates expressions.
    pub evaluators: Arc<Evaluators>,
    /// Where large outputs are kept.
    pub spill: Option<Arc<dyn Spill>>,
    /// What steps reach outside.
    pub reach: Arc<Reach>,
}

impl Executor {
    /// Does what is left of a claimed run, until it has ended or has to be handed back.
    ///
    /// # Errors
    /// [`JournalError`]: its steps' results cannot be stored here.
    pub async fn execute(&self, claim: &Claim, leave: Leaving) -> Result<Ended, JournalError> {
        let run = &claim.run.run;
        let work = Work {
            run: RunContext::of(&claim.run),
            dag_spec: claim.pipeline_version.dag_spec.clone(),
            journal: Arc::new(journal(&self.app, claim)),
            leave: leave.token,
            ends_at: leave.ends_at,
            untouched: run.claim_count == 1 && run.retry_of_run_id.is_none(),
            spill: self.spill.clone(),
            reach: Arc::clone(&self.reach),
        };
        execute::execute(work, &self.evaluators).await
    }
}

/// Where the results of a claimed run's steps are kept.
pub fn journal(app: &Arc<App>, claim: &Claim) -> PgJournal {
    let run = &claim.run.run;
    PgJournal::new(Arc::clone(app), Scope::Tenant(run.tenant_id), run.id, claim.run.lease_token)
}
