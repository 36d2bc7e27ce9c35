//! Create, cancel, retry.

use runplane::runs::{
    self, CancelError, CancelRequest, CreateError, CreateRequest, Creation, RetryError, RetryFrom,
    RetryRequest, RunSummary,
};
use runplane::scope::Scope;
use serde_json::json;
use uuid::Uuid;

use super::{Answered, Machine};
use crate::counts::count;
use crate::reference::create::{Made, body};
use crate::transition::{Item, Name, NewRun, Reach, RetryOn, Version, Which};
use crate::world::{PIPELINES, PIPELINES_OF_A_TENANT};

fn create_code(error: &CreateError) -> &'static str {
    match error {
        CreateError::TenantNotFound => "tenant_not_found",
        CreateError::VersionNotFound => "pipeline_version_not_found",
        CreateError::VersionNotApproved => "version_not_approved",
        CreateError::StartByPast => "invalid_field",
        CreateError::IdempotencyKeyReused => "idempotency_key_reused",
        CreateError::OpaqueSpecPushed { .. }
        | CreateError::InvalidParameters(_)
        | CreateError::Params(_)
        | CreateError::Digest(_)
        | CreateError::Db(_) => panic!("{error:?}"),
    }
}

fn retry_code(error: &RetryError) -> &'static str {
    match error {
        RetryError::NotFound => "run_not_found",
        RetryError::InvalidTransition(_) => "invalid_transition",
        RetryError::VersionNotFound => "pipeline_version_not_found",
        RetryError::VersionNotApproved => "version_not_approved",
        RetryError::IdempotencyKeyReused => "idempotency_key_reused",
        RetryError::OpaqueSpecPushed { .. }
        | RetryError::OpaqueFromFailed
        | RetryError::InvalidParameters(_)
        | RetryError::Params(_)
        | RetryError::Digest(_)
        | RetryError::Db(_) => panic!("{error:?}"),
    }
}

/// A retry as it is asked for.
#[derive(Debug)]
pub(super) struct Retry {
    scope: Scope,
    of: Uuid,
    request: RetryRequest,
    key: Option<String>,
}

/// The word for a run that was made, or not.
fn word(new: bool) -> &'static str {
    if new { "ok" } else { "before" }
}

impl Machine {
    pub(super) fn create(&mut self, bulk: bool, items: &[Item]) {
        let mut asked: Vec<(Name, CreateRequest, Option<String>)> = Vec::new();
        for item in items {
            let (name, request, key) = match item {
                Item::New(new) => {
                    let key = new.idempotency_key.map(|key| format!("key-{key}"));
                    (new.name, self.request(new), key)
                }
                Item::Again { name, of, changed } => {
                    // Maybe one that stands before it in this batch.
                    let batch = asked.iter().find(|(name, _, _)| name == of);
                    let first = batch.map(|(_, request, key)| (request.clone(), key.clone()));
                    let Some((mut request, key)) = first.or_else(|| self.requests.get(of).cloned()) else {
                        continue;
                    };
                    if *changed {
                        request.priority = Some(3);
                    }
                    (*name, request, key)
                }
            };
            asked.push((name, request, key));
        }
        let lab = self.lab.clone();
        let verb = if bulk { "create_all" } else { "create" };
        let creations: Vec<_> = asked
            .iter()
            .map(|(_, request, key)| Creation { request, idempotency_key: key.as_deref(), scheduled: None })
            .collect();
        let answers: Vec<Result<(Answered, Uuid, bool), CreateError>> = if bulk {
            let answers =
                lab.call(async |conn| runs::create_all(conn, &lab.cache, &creations).await.unwrap());
            let answers = answers.into_iter();
            answers
                .map(|answer| answer.map(|made| (made.run.id, made)))
                .map(|answer| answer.map(|(id, made)| (Answered::Summary(made.run), id, made.new)))
                .collect()
        } else {
            let each = creations.iter().map(|creation| {
                let key = creation.idempotency_key;
                let made =
                    lab.call(async |conn| runs::create(conn, &lab.cache, creation.request, key).await)?;
                let id = made.run.id;
                Ok((Answered::Run(Box::new(made.run)), id, made.new))
            });
            each.collect()
        };
        self.look();
        for ((name, request, key), answer) in asked.into_iter().zip(answers) {
            let expected = self.model.may_create(&request, key.as_deref());
            let found = answer.as_ref().map(|(_, id, new)| if *new { Made::New } else { Made::Before(*id) });
            assert_eq!(found.map_err(create_code), expected, "of {request:?} with {key:?}");
            count(verb, expected.map_or_else(|code| code, |made| word(made == Made::New)));
            self.requests.insert(name, (request.clone(), key.clone()));
            let Ok((answered, id, new)) = answer else { continue };
            if new {
                self.model.create(id, &request, key.as_deref());
                let due = match &answered {
                    Answered::Run(run) => run.dispatch_due_at,
                    Answered::Summary(RunSummary { dispatch_due_at, .. }) => *dispatch_due_at,
                    Answered::Beat(_) => None,
                };
                self.tell(request.tenant_id, id, due);
            }
            self.names.insert(name, id);
            self.answered.insert(id, answered);
        }
    }

    fn request(&self, new: &NewRun) -> CreateRequest {
        let world = &self.model.world;
        let pipeline = |tenant: usize, place: usize| &world.pipelines[PIPELINES_OF_A_TENANT * tenant + place];
        let version = match new.version {
            Version::Approved(place) => pipeline(new.tenant, place).versions[0],
            Version::Draft => pipeline(new.tenant, 0).draft,
            Version::OtherTenants => pipeline(1 - new.tenant, 0).versions[0],
            Version::OfUnknownTenant => pipeline(new.tenant, 0).versions[0],
        };
        let tenant = match new.version {
            Version::OfUnknownTenant => Uuid::from_u128(7),
            _ => world.tenants[new.tenant],
        };
        let request = CreateRequest {
            tenant_id: tenant,
            pipeline_version_id: version,
            parameters: None,
            trigger_type: None,
            dispatch: Some(new.dispatch),
            queue: new.gpu.then(|| "gpu".to_owned()),
            priority: new.priority,
            run_after: new.run_after.map(|minutes| self.in_minutes(minutes)),
            start_by: new.start_by.map(|minutes| self.in_minutes(minutes)),
            max_attempts: new.max_attempts,
            max_lost: Some(new.max_lost),
            labels: None,
            concurrency_key: new.concurrency_key.map(|key| format!("one-{key}")),
            traceparent: None,
        };
        request.check().unwrap();
        request
    }

    pub(super) fn cancel(&mut self, which: Which, reach: Reach) {
        let id = self.id(which);
        let scope = self.scope(id, reach);
        let request = CancelRequest { reason: Some("no use".to_owned()) };
        let answer = self.lab.call(async |conn| runs::cancel(conn, scope, id, &request).await);
        self.look();
        let expected = self.model.cancel(scope, id, "no use");
        let found = answer.as_ref().map(|cancelled| cancelled.new).map_err(|error| match error {
            CancelError::NotFound => "run_not_found",
            CancelError::AlreadyFinished => "already_finished",
            CancelError::Db(error) => panic!("{error:?}"),
        });
        assert_eq!(found, expected, "of a cancel of {id}");
        count("cancel", expected.map_or_else(|code| code, word));
        if let Ok(cancelled) = answer {
            self.answered(cancelled.run);
        }
    }

    pub(super) fn retry_request(
        &self,
        (of, reach): (Which, Reach),
        key: Option<u8>,
        from_failed: bool,
        on: RetryOn,
    ) -> Retry {
        let id = self.id(of);
        let world = &self.model.world;
        let pipeline = self.model.runs.get(&id).map_or(0, |run| world.pipeline(run.facts.pipeline_id));
        let version = match on {
            RetryOn::Same => None,
            RetryOn::Other => Some(world.pipelines[pipeline].versions[1]),
            RetryOn::Draft => Some(world.pipelines[pipeline].draft),
            RetryOn::OtherPipelines => Some(world.pipelines[(pipeline + 1) % PIPELINES].versions[1]),
        };
        let request = RetryRequest {
            parameters: None,
            from: Some(if from_failed { RetryFrom::Failed } else { RetryFrom::Start }),
            pipeline_version_id: version,
            traceparent: None,
        };
        request.check().unwrap();
        Retry { scope: self.scope(id, reach), of: id, request, key: key.map(|key| format!("key-{key}")) }
    }

    pub(super) fn retry(&mut self, name: Name, retry: Retry, again: bool) {
        let retry = self.retried.take().filter(|_| again).unwrap_or(retry);
        let Retry { scope, of, request, key } = &retry;
        let key = key.as_deref();
        let mut body = body(request);
        body["retry_of_run_id"] = json!(of);
        let lab = self.lab.clone();
        let answer = lab.call(async |conn| runs::retry(conn, &lab.cache, *scope, *of, request, key).await);
        self.look();
        let version = request.pipeline_version_id;
        let expected = self.model.may_retry(*scope, *of, version, key, &body);
        let found = answer.as_ref().map(|made| if made.new { Made::New } else { Made::Before(made.run.id) });
        assert_eq!(found.map_err(retry_code), expected, "of {retry:?}");
        count("retry", expected.map_or_else(|code| code, |made| word(made == Made::New)));
        if let Ok(made) = answer {
            if made.new {
                let from_failed = request.from == Some(RetryFrom::Failed);
                self.model.retry(made.run.id, *of, version, from_failed, key, body);
                self.tell(made.run.tenant_id, made.run.id, made.run.dispatch_due_at);
            }
            self.names.insert(name, made.run.id);
            self.answered(made.run);
        }
        self.retried = Some(retry);
    }
}
