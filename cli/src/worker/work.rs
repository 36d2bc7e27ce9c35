//! One claimed run: its steps are run, its end is reported.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use runplane::dag::execute::{Clock, Ended, JournalError, RunContext, Work, execute};
use runplane::traces::Traceparent;
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Worker;
use super::api::{self, Claim, ClaimedRun, CompletedRun, Trouble, fields};
use super::journal::HttpJournal;
use super::leases::{Kept, Lost};
use super::pace;

/// The `error_code` of a run in which the worker itself went wrong. The Lambda worker has the same.
const PANIC: &str = "worker_panic";
/// The `error_code` of a run whose results the control plane will not have. The Lambda worker has the same.
const NOT_STORED: &str = "results_not_stored";
/// When a run that is for other workers may be claimed again.
const OPAQUE_AGAIN: TimeDelta = TimeDelta::minutes(1);
/// How long the executor may take to let go of a run; when the worker ends, the API may take as long to be told.
pub const LET_GO: Duration = Duration::from_secs(5);
/// For so long it is tried to report an end.
const REPORTING: Duration = Duration::from_secs(600);

/// Works on a run that was asked for at `asked_at`, until its end is reported, it is handed back, or it is somebody else's.
pub async fn run(worker: Arc<Worker>, claim: Claim, asked_at: Instant) {
    let Claim { run, pipeline_version } = claim;
    let lease = worker.leases.keep(run.id, run.lease_token, asked_at);
    let journal = Arc::new(HttpJournal::new(Arc::clone(&worker.client), run.clone(), worker.log));
    let of_run = OfRun { worker, run, journal };
    if let Some(kind) = pipeline_version.opaque_kind() {
        of_run.say_opaque(kind);
        drop(lease);
        return of_run.hand_back(Some(of_run.run.claimed_at + OPAQUE_AGAIN)).await;
    }
    of_run.work(pipeline_version.dag_spec, lease).await;
}

/// A run under way.
struct OfRun {
    worker: Arc<Worker>,
    run: ClaimedRun,
    journal: Arc<HttpJournal>,
}

impl OfRun {
    async fn work(&self, dag_spec: Value, mut lease: Kept) {
        let ends_at = self.worker.time_limit.map(|limit| Instant::now() + limit);
        let leave = self.worker.leave.child_token();
        let work = Work {
            run: context(&self.run),
            dag_spec,
            journal: Arc::clone(&self.journal),
            leave: leave.clone(),
            ends_at,
            untouched: self.run.claim_count == 1 && self.run.retry_of_run_id.is_none(),
            spill: self.worker.spill.clone(),
            reach: Arc::clone(&self.worker.reach),
        };
        let evaluators = Arc::clone(&self.worker.evaluators);
        // A task of its own, so that a panic in it is no panic of the worker.
        let mut task = tokio::spawn(async move { execute(work, &evaluators).await });
        let ended = tokio::select! {
            ended = &mut task => ended,
            lost = lease.lost() => {
                task.abort();
                return self.say_lost(&lost);
            }
            () = overdue(leave, ends_at) => {
                task.abort();
                // Whatever it was about to store is sent by now, or will not be.
                task.await.ok();
                drop(lease);
                return self.hand_back(None).await;
            }
        };
        let report = match ended {
            Ok(Ok(Ended::Succeeded { output })) => json!({ "status": "SUCCEEDED", "output": output }),
            Ok(Ok(Ended::Failed { error_code, error_message, retryable })) => {
                failed(&error_code, &error_message, retryable)
            }
            Ok(Ok(Ended::HandBack { until })) => {
                drop(lease);
                return self.hand_back(until).await;
            }
            Ok(Err(JournalError::Lost(detail))) => return self.say_lost(&Lost::Refused(detail)),
            Ok(Err(JournalError::Unavailable(why))) => {
                self.say("stopped", &format!("cannot go on, {why}"));
                drop(lease);
                return self.hand_back(None).await;
            }
            // Another worker may be able to.
            Ok(Err(JournalError::Refused(why))) => failed(NOT_STORED, &why, true),
            Err(error) => {
                self.say("panicked", &format!("the worker went wrong in this run: {error}"));
                failed(PANIC, "the worker went wrong in this run; its log says how", true)
            }
        };
        // The lease is kept meanwhile. Should it be lost all the same: the answer to the report decides.
        self.complete(fields(report)).await;
        drop(lease);
    }

    /// Reports the end until that is answered.
    async fn complete(&self, mut report: Map<String, Value>) {
        loop {
            let call = || api::complete(&self.worker.client, &self.run, &report);
            match self.until_answered(call).await {
                Ok(run) => return self.say_completed(&report, &run),
                Err(Trouble::Conflict { detail, .. }) => return self.say_lost(&Lost::Refused(detail)),
                Err(Trouble::Refused { detail })
                    if report.get("error_code").is_none_or(|code| code != NOT_STORED) =>
                {
                    let why = format!("the end of the run cannot be stored: {detail}");
                    report = fields(failed(NOT_STORED, &why, false));
                }
                Err(trouble) => return self.say_given_up("completed", &trouble),
            }
        }
    }

    /// Hands the run back until that is answered.
    async fn hand_back(&self, until: Option<DateTime<Utc>>) {
        match self.until_answered(|| self.journal.release(until)).await {
            Ok(()) => {
                let sentence =
                    until.map_or("to go on at once".to_owned(), |until| format!("until {}", second(until)));
                self.worker.log.run("handed back", &self.run, &[("until", json!(until))], &sentence);
            }
            Err(Trouble::Conflict { detail, .. }) => self.say_lost(&Lost::Refused(detail)),
            Err(trouble) => self.say_given_up("handed back", &trouble),
        }
    }

    /// Calls again and again while the API is away: for ten minutes, or until the worker gives up.
    async fn until_answered<T, F>(&self, call: impl Fn() -> F) -> Result<T, Trouble>
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        let until = Instant::now() + REPORTING;
        let give_up = &self.worker.give_up;
        let mut times = 0;
        loop {
            let answered = tokio::select! {
                answered = call() => answered,
                () = give_up.cancelled() => Err(Trouble::Away { why: "no answer in time".to_owned(), after: None }),
            };
            let trouble = match answered {
                Err(trouble @ Trouble::Away { .. }) if !give_up.is_cancelled() => trouble,
                answered => return answered,
            };
            times += 1;
            let pause = pace::after(times, &trouble);
            self.say("unanswered", &format!("{trouble}; again in {:.1} s", pause.as_secs_f32()));
            let given_up = tokio::select! {
                () = tokio::time::sleep(pause) => Instant::now() >= until,
                () = give_up.cancelled() => true,
            };
            if given_up {
                return Err(trouble);
            }
        }
    }

    fn say(&self, event: &str, sentence: &str) {
        self.worker.log.run(event, &self.run, &[], sentence);
    }

    fn say_completed(&self, report: &Map<String, Value>, run: &CompletedRun) {
        let text = |field: &str| report.get(field).and_then(Value::as_str);
        let (status, code) = (text("status").unwrap_or_default(), text("error_code"));
        let mut sentence = status.to_owned();
        if let Some(message) = text("error_message") {
            sentence.push_str(&format!(", {}: {message}", code.unwrap_or_default()));
        }
        if run.status == "QUEUED" {
            sentence.push_str(&format!("; its next attempt is due at {}", second(run.available_at)));
        }
        let more = [("status", json!(status)), ("error_code", json!(code))];
        self.worker.log.run("completed", &self.run, &more, &sentence);
    }

    fn say_lost(&self, lost: &Lost) {
        match lost {
            Lost::Refused(detail) => self.say("lost", &format!("it is not ours any more: {detail}")),
            Lost::Silent => {
                self.say("lost", "the API was silent for as long as its lease: others may have it")
            }
        }
    }

    fn say_given_up(&self, what: &str, trouble: &Trouble) {
        self.say("given up", &format!("cannot be {what}, its lease will expire: {trouble}"));
    }

    /// Once for each version.
    fn say_opaque(&self, kind: &Value) {
        if self.worker.opaque_seen(self.run.pipeline_version_id) {
            return;
        }
        let version = self.run.pipeline_version_id;
        let sentence = format!(
            "runs of the version {version} are for workers that read specs of kind {kind}: this one hands them back. \
             Give those runs a queue of their own, and this worker other ones (QUEUES)"
        );
        self.say("not for us", &sentence);
    }
}

/// Tells the executor to leave when its time is over, and returns when it should long have done so.
async fn overdue(leave: CancellationToken, ends_at: Option<Instant>) {
    let time_is_over = async {
        match ends_at {
            Some(ends_at) => tokio::time::sleep_until(ends_at).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = leave.cancelled() => {}
        () = time_is_over => leave.cancel(),
    }
    tokio::time::sleep(LET_GO).await;
}

fn context(run: &ClaimedRun) -> RunContext {
    RunContext {
        id: run.id,
        tenant_id: run.tenant_id,
        pipeline_version_id: run.pipeline_version_id,
        trigger_type: run.trigger_type.clone(),
        scheduled_for: run.scheduled_for,
        attempt: run.attempt,
        started_at: run.started_at,
        params: run.parameters.clone(),
        traceparent: run.traceparent.as_deref().and_then(Traceparent::read),
        clock: Clock::starting_at(run.claimed_at),
    }
}

fn failed(error_code: &str, error_message: &str, retryable: bool) -> Value {
    json!({ "status": "FAILED", "error_code": error_code, "error_message": error_message, "retryable": retryable })
}

fn second(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
