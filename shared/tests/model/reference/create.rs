//! Create, cancel, retry.

use runplane::runs::{CreateRequest, Dispatch, RunStatus};
use runplane::scope::Scope;
use serde_json::Value;
use uuid::Uuid;

use super::{Facts, Model, Run, Step, T, When};
use crate::world::STEPS;

/// What a request with an Idempotency-Key leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    New,
    /// This run, as it is now.
    Before(Uuid),
}

/// What a request says, without what it leaves out.
pub fn body(request: &impl serde::Serialize) -> Value {
    let mut body = serde_json::to_value(request).unwrap();
    body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    body
}

impl Model {
    /// What the tenant's key says about a request.
    fn by_key(&self, tenant: Uuid, key: Option<&str>, body: &Value) -> Option<Result<Made, &'static str>> {
        let (first, run) = self.keys.get(&(tenant, key?.to_owned()))?;
        Some(if first == body { Ok(Made::Before(*run)) } else { Err("idempotency_key_reused") })
    }

    /// Whether a request creates a run, and why not.
    pub fn may_create(&self, request: &CreateRequest, key: Option<&str>) -> Result<Made, &'static str> {
        if let Some(answer) = self.by_key(request.tenant_id, key, &body(request)) {
            return answer;
        }
        if !self.world.tenants.contains(&request.tenant_id) {
            return Err("tenant_not_found");
        }
        let version = self.world.version(request.pipeline_version_id);
        let version = version
            .filter(|version| version.tenant == request.tenant_id)
            .ok_or("pipeline_version_not_found")?;
        if !version.is_approved {
            return Err("version_not_approved");
        }
        if self.passed(request.start_by.map(|by| self.wall(by))) {
            return Err("invalid_field");
        }
        Ok(Made::New)
    }

    /// A time that a client has sent.
    pub fn wall(&self, time: chrono::DateTime<chrono::Utc>) -> When {
        When::At(time.timestamp_micros() + self.clock.offset)
    }

    /// A run that was created.
    pub fn create(&mut self, id: Uuid, request: &CreateRequest, key: Option<&str>) {
        let version = self.world.version(request.pipeline_version_id).unwrap();
        let pipeline = &self.world.pipelines[version.pipeline];
        let facts = Facts {
            id,
            tenant_id: request.tenant_id,
            pipeline_id: pipeline.id,
            pipeline_version_id: request.pipeline_version_id,
            status: RunStatus::Queued,
            trigger_type: "manual".to_owned(),
            queue: request
                .queue
                .clone()
                .or(pipeline.queue.map(str::to_owned))
                .unwrap_or("default".to_owned()),
            priority: request.priority.unwrap_or(5) as i16,
            dispatch: request.dispatch.unwrap_or(Dispatch::Push),
            dispatches: 0,
            attempt: 1,
            max_attempts: request.max_attempts.or(pipeline.max_attempts).unwrap_or(1),
            lost: 0,
            max_lost: request.max_lost.unwrap_or(3),
            claim_count: 0,
            claimed_by: None,
            lease_seconds: None,
            lease_token: None,
            output: None,
            error_code: None,
            error_message: None,
            retry_of_run_id: None,
            root_run_id: id,
            idempotency_key: key.map(str::to_owned),
            concurrency_key: request.concurrency_key.clone(),
        };
        let ahead =
            request.run_after.map(|after| self.wall(after)).filter(|after| !self.clock.passed(*after));
        let mut run = self.fresh(facts, ahead);
        run[T::StartBy] = request.start_by.map(|by| self.wall(by));
        self.insert(run, body(request));
    }

    /// A run that has just become QUEUED for the first time. SQS is not told of one that nobody could claim.
    fn fresh(&self, facts: Facts, ahead: Option<When>) -> Run {
        let due = match (facts.dispatch, ahead) {
            (Dispatch::Pull, _) => None,
            (Dispatch::Push, Some(ahead)) => Some(ahead),
            (Dispatch::Push, None) => self.obstacle(&facts, true).is_none().then_some(When::NOW),
        };
        let mut run = Run {
            facts,
            times: Default::default(),
            tokens: Vec::new(),
            ended: Vec::new(),
            steps: Default::default(),
            claim_id: None,
            is_behind: false,
        };
        run[T::DispatchDue] = due;
        run[T::Available] = Some(ahead.unwrap_or(When::NOW));
        run[T::Queued] = Some(When::NOW);
        run[T::Created] = Some(When::NOW);
        run.touched();
        run
    }

    fn insert(&mut self, run: Run, body: Value) {
        if let Some(key) = &run.facts.idempotency_key {
            self.keys.insert((run.facts.tenant_id, key.clone()), (body, run.facts.id));
        }
        let before = self.runs.insert(run.facts.id, run);
        assert!(before.is_none(), "a new run has the id of another one");
    }

    /// The run is CANCELLED; false: it was before.
    pub fn cancel(&mut self, scope: Scope, id: Uuid, reason: &str) -> Result<bool, &'static str> {
        let run = self.visible_mut(scope, id).ok_or("run_not_found")?;
        match run.facts.status {
            RunStatus::Cancelled => return Ok(false),
            RunStatus::Succeeded | RunStatus::Failed => return Err("already_finished"),
            RunStatus::Queued | RunStatus::Running => {}
        }
        run.facts.status = RunStatus::Cancelled;
        run.facts.error_code = Some("cancelled".to_owned());
        run.facts.error_message = Some(reason.to_owned());
        run[T::Finished] = Some(When::NOW);
        run[T::LeaseExpires] = None;
        run[T::DispatchDue] = None;
        run[T::Redispatch] = None;
        run.touched();
        Ok(true)
    }

    /// Whether a retry creates a run on this version, and why not. `body` is the request's with the run that it is about.
    pub fn may_retry(
        &self,
        scope: Scope,
        id: Uuid,
        version: Option<Uuid>,
        key: Option<&str>,
        body: &Value,
    ) -> Result<Made, &'static str> {
        let run = self.visible(scope, id).ok_or("run_not_found")?;
        if let Some(answer) = self.by_key(run.facts.tenant_id, key, body) {
            return answer;
        }
        if !matches!(run.facts.status, RunStatus::Failed | RunStatus::Cancelled) {
            return Err("invalid_transition");
        }
        let pipeline = self.world.pipeline(run.facts.pipeline_id);
        let version = version.map(|version| self.world.version(version));
        match version {
            Some(version) if version.is_none_or(|version| version.pipeline != pipeline) => {
                Err("pipeline_version_not_found")
            }
            Some(Some(version)) if !version.is_approved => Err("version_not_approved"),
            _ => Ok(Made::New),
        }
    }

    /// The new run of a retry.
    pub fn retry(
        &mut self,
        id: Uuid,
        of: Uuid,
        version: Option<Uuid>,
        from_failed: bool,
        key: Option<&str>,
        body: Value,
    ) {
        let old = &self.runs[&of];
        let facts = Facts {
            id,
            pipeline_version_id: version.unwrap_or(old.facts.pipeline_version_id),
            status: RunStatus::Queued,
            trigger_type: "retry".to_owned(),
            dispatches: 0,
            attempt: 1,
            lost: 0,
            claim_count: 0,
            claimed_by: None,
            lease_seconds: None,
            lease_token: None,
            output: None,
            error_code: None,
            error_message: None,
            retry_of_run_id: Some(of),
            idempotency_key: key.map(str::to_owned),
            ..old.facts.clone()
        };
        let mut run = self.fresh(facts, None);
        if from_failed {
            // Each depends on the one before: what comes after one that runs again, or has run again since, runs again.
            let mut newest = 0;
            for step in STEPS {
                let Some(stored) = old.steps.get(step) else { break };
                if stored.status != "SUCCEEDED" || stored.run_attempt < newest {
                    break;
                }
                newest = stored.run_attempt;
                run.steps.insert(step.to_owned(), Step { run_attempt: 0, ..stored.clone() });
            }
        }
        self.insert(run, body);
    }
}
