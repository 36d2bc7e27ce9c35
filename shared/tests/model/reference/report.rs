//! What whoever holds a run may say of it: the table of docs/api.md ("What complete and heartbeat answer"), and what follows from it.

use runplane::runs::{Dispatch, Outcome, RunStatus};
use runplane::scope::Scope;
use serde_json::Value;
use uuid::Uuid;

use super::{Ended, MINUTE, Model, Run, Step, T, When};

/// What is reported with an end.
#[derive(Clone, Debug)]
pub struct End {
    pub outcome: Outcome,
    pub retryable: bool,
    pub output: Option<Value>,
    pub error_code: Option<String>,
    pub error_message: Option<String>,
}

impl Model {
    /// Whether a lease goes on, and why not.
    pub fn heartbeat(
        &mut self,
        scope: Scope,
        id: Uuid,
        token: Option<Uuid>,
        worker: Option<&str>,
        seconds: Option<i32>,
    ) -> Result<(), &'static str> {
        let run = self.visible(scope, id).ok_or("run_not_running")?;
        if !run.is(RunStatus::Running) {
            return Err(refusal(run, token));
        }
        let alive = self.is_alive(run);
        match token {
            Some(token) if run.facts.lease_token != Some(token) => return Err("lease_lost"),
            None if run.facts.claim_count > 1 => return Err("lease_token_required"),
            None if worker.is_some() && run.facts.claimed_by.as_deref() != worker => {
                return Err("lease_lost");
            }
            _ if !alive => return Err("lease_lost"),
            _ => {}
        }
        let run = self.runs.get_mut(&id).unwrap();
        let seconds = seconds.or(run.facts.lease_seconds).unwrap();
        run[T::Heartbeat] = Some(When::NOW);
        run[T::LeaseExpires] = Some(When::after(i64::from(seconds) * 1_000_000));
        run.touched();
        Ok(())
    }

    /// Whether an end is accepted, and why not: `true` if it is new, `false` if it repeats one.
    pub fn complete(
        &mut self,
        scope: Scope,
        id: Uuid,
        token: Option<Uuid>,
        end: &End,
    ) -> Result<bool, &'static str> {
        let run = self.visible(scope, id).ok_or("run_not_running")?;
        match (run.facts.status, token) {
            (RunStatus::Cancelled, _) => return Err("run_cancelled"),
            // Also under a lease that has expired: the work is done, nobody else has it.
            (RunStatus::Running, Some(token)) if run.facts.lease_token != Some(token) => {
                return Err("lease_lost");
            }
            (RunStatus::Running, None) if run.facts.claim_count > 1 => return Err("lease_token_required"),
            (RunStatus::Running, _) => {}
            (RunStatus::Queued, None) => return Err("run_not_running"),
            (RunStatus::Queued, Some(token)) => {
                // Of the latest claim, which has ended so.
                let same = run.ended.last().is_some_and(|ended| {
                    ended.token == token
                        && ended.outcome == "FAILED"
                        && ended.claim_number == run.facts.claim_count
                });
                return if same && end.outcome == Outcome::Failed { Ok(false) } else { Err("lease_lost") };
            }
            (RunStatus::Succeeded | RunStatus::Failed, Some(token))
                if run.facts.lease_token != Some(token) =>
            {
                return Err("lease_lost");
            }
            (status @ (RunStatus::Succeeded | RunStatus::Failed), Some(_))
                if status == RunStatus::from(end.outcome) =>
            {
                return Ok(false);
            }
            (RunStatus::Succeeded | RunStatus::Failed, _) => return Err("already_finished"),
        }
        let pipeline = self.world.pipeline(run.facts.pipeline_id);
        let token = run.facts.lease_token.unwrap();
        let delay = self.world.pipelines[pipeline].delay(run.facts.attempt);
        let run = self.runs.get_mut(&id).unwrap();
        end_run(run, end, delay);
        let before = self.reports.insert(token, end.outcome);
        assert!(before.is_none(), "{token} has reported {before:?}, and now {:?}", end.outcome);
        Ok(true)
    }

    /// Whether the run is handed back, and why not.
    pub fn release(
        &mut self,
        scope: Scope,
        id: Uuid,
        token: Uuid,
        later: Option<When>,
    ) -> Result<(), &'static str> {
        let ahead = later.filter(|later| !self.clock.passed(*later)).unwrap_or(When::NOW);
        let run = self.held(scope, id, token)?;
        run.facts.status = RunStatus::Queued;
        run[T::Queued] = Some(When::NOW);
        run[T::Available] = Some(ahead);
        run[T::DispatchDue] = (run.facts.dispatch == Dispatch::Push).then_some(ahead);
        run.without_claim();
        run.touched();
        Ok(())
    }

    /// How many of the steps are others than before, or why they are not stored.
    pub fn store_steps(
        &mut self,
        scope: Scope,
        id: Uuid,
        token: Uuid,
        steps: &[(&'static str, &'static str, Option<Value>)],
    ) -> Result<i64, &'static str> {
        let run = self.held(scope, id, token)?;
        let mut changed = 0;
        for (step, status, output) in steps {
            let new = Step { run_attempt: run.facts.attempt, status, output: output.clone() };
            let old = run.steps.get(*step);
            // What has ended within this attempt of the run stays as it is.
            let stays = old.is_some_and(|old| {
                old.run_attempt == new.run_attempt && (old.status != "RUNNING" || old.status == new.status)
            });
            if !stays {
                run.steps.insert((*step).to_owned(), new);
                changed += 1;
            }
        }
        Ok(changed)
    }

    /// A run for whoever holds it with this token, its lease alive or not.
    fn held(&mut self, scope: Scope, id: Uuid, token: Uuid) -> Result<&mut Run, &'static str> {
        let run = self.visible_mut(scope, id).ok_or("run_not_running")?;
        if !run.is(RunStatus::Running) {
            return Err(refusal(run, Some(token)));
        }
        if run.facts.lease_token == Some(token) { Ok(run) } else { Err("lease_lost") }
    }
}

/// Why nothing may be said of a run that is not RUNNING.
fn refusal(run: &Run, token: Option<Uuid>) -> &'static str {
    match (run.facts.status, token) {
        (RunStatus::Cancelled, _) => "run_cancelled",
        (RunStatus::Queued, None) => "run_not_running",
        (RunStatus::Queued, Some(_)) => "lease_lost",
        (_, Some(token)) if run.facts.lease_token != Some(token) => "lease_lost",
        _ => "already_finished",
    }
}

/// `delay`: how long it waits for its next attempt, at least and at most.
fn end_run(run: &mut Run, end: &End, delay: (i64, i64)) {
    run[T::LeaseExpires] = None;
    run.touched();
    if end.outcome == Outcome::Succeeded {
        run.facts.status = RunStatus::Succeeded;
        run.facts.output = end.output.clone();
        run[T::Finished] = Some(When::NOW);
        return;
    }
    run.ended.push(Ended {
        claim_number: run.facts.claim_count,
        attempt: run.facts.attempt,
        outcome: "FAILED",
        token: run.facts.lease_token.unwrap(),
        claimed_by: run.facts.claimed_by.clone().unwrap(),
        error_code: end.error_code.clone(),
    });
    if end.retryable && run.facts.attempt < run.facts.max_attempts {
        let available = When::Now { from: delay.0, to: delay.1 };
        run.facts.status = RunStatus::Queued;
        run.facts.attempt += 1;
        run[T::Queued] = Some(When::NOW);
        run[T::Available] = Some(available);
        run[T::DispatchDue] = (run.facts.dispatch == Dispatch::Push).then_some(available);
        run.without_claim();
    } else {
        run.facts.status = RunStatus::Failed;
        run.facts.output = end.output.clone();
        run.facts.error_code = end.error_code.clone();
        run.facts.error_message = end.error_message.clone();
        run[T::Finished] = Some(When::NOW);
    }
}

/// The delay of an n-th attempt: min(cap, delay · rateⁿ⁻¹), of which full jitter takes a random part.
pub fn delay(minutes: i64, rate: i64, jitter: bool, attempt: i32) -> (i64, i64) {
    let whole = minutes * MINUTE * rate.pow(attempt as u32 - 1);
    (if jitter { 0 } else { whole }, whole)
}
