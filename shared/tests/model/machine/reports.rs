//! Heartbeat, complete, release, and what is stored of steps.

use runplane::runs::{
    self, Beat as OneBeat, CompleteError, CompleteRefusal, CompleteRequest, Completion, HeartbeatError,
    HeartbeatRefusal, HeartbeatRequest, Outcome, ReleaseRequest,
};
use runplane::scope::Scope;
use runplane::steps::{self, StepResults};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answered, Machine};
use crate::counts::count;
use crate::reference::report::End;
use crate::transition::{Beat, Reach, Report, StepEnd, Token, Which};
use crate::world::STEPS;

fn heartbeat_code(refusal: &HeartbeatRefusal) -> &'static str {
    match refusal {
        HeartbeatRefusal::NotRunning => "run_not_running",
        HeartbeatRefusal::LeaseLost => "lease_lost",
        HeartbeatRefusal::LeaseTokenRequired => "lease_token_required",
        HeartbeatRefusal::AlreadyFinished => "already_finished",
        HeartbeatRefusal::Cancelled => "run_cancelled",
    }
}

fn refused(error: HeartbeatError) -> HeartbeatRefusal {
    match error {
        HeartbeatError::Refused(refusal) => refusal,
        HeartbeatError::Db(error) => panic!("{error:?}"),
    }
}

fn complete_code(refusal: &CompleteRefusal) -> &'static str {
    match refusal {
        CompleteRefusal::NotRunning => "run_not_running",
        CompleteRefusal::LeaseLost | CompleteRefusal::AttemptOver => "lease_lost",
        CompleteRefusal::LeaseTokenRequired => "lease_token_required",
        CompleteRefusal::AlreadyFinished => "already_finished",
        CompleteRefusal::Cancelled => "run_cancelled",
    }
}

pub fn worker(number: u8) -> String {
    format!("worker-{number}")
}

impl Machine {
    pub(super) fn heartbeat(&mut self, bulk: bool, items: &[Beat]) {
        let asked: Vec<(Scope, Uuid, HeartbeatRequest)> = items
            .iter()
            .map(|item| {
                let id = self.id(item.run);
                let request = HeartbeatRequest {
                    lease_token: self.token(id, item.token),
                    worker_id: item.worker.map(worker),
                    lease_seconds: item.lease_minutes.map(|minutes| minutes * 60),
                };
                (self.scope(id, item.reach), id, request)
            })
            .collect();
        let answers: Vec<_> = if bulk {
            let beats = asked.iter().map(|(scope, run_id, request)| OneBeat {
                scope: *scope,
                run_id: *run_id,
                request,
            });
            let beats: Vec<_> = beats.collect();
            self.lab.call(async |conn| runs::heartbeat_all(conn, &beats).await.unwrap())
        } else {
            let each = asked.iter().map(|(scope, run, request)| {
                let answer = self.lab.call(async |conn| runs::heartbeat(conn, *scope, *run, request).await);
                answer.map_err(refused)
            });
            each.collect()
        };
        self.look();
        for ((scope, run, request), answer) in asked.into_iter().zip(answers) {
            let worker = request.worker_id.as_deref();
            let expected =
                self.model.heartbeat(scope, run, request.lease_token, worker, request.lease_seconds);
            let found = answer.as_ref().map(drop).map_err(heartbeat_code);
            assert_eq!(found, expected, "of a heartbeat of {run} in {scope:?}: {request:?}");
            count(if bulk { "heartbeat_all" } else { "heartbeat" }, expected.err().unwrap_or("ok"));
            if let Ok(reply) = answer {
                self.answered.insert(run, Answered::Beat(reply));
            }
        }
    }

    /// A report that was accepted before: an even number for one whose run was claimed again since.
    fn late(&self, back: u8) -> Option<(Scope, Uuid, CompleteRequest)> {
        let overtaken = |run: &Uuid, request: &CompleteRequest| {
            self.model.runs.get(run).is_some_and(|run| run.tokens.last() != request.lease_token.as_ref())
        };
        let reports = self.reports.iter().rev();
        let those: Vec<_> =
            reports.filter(|(_, run, request)| back % 2 == 1 || overtaken(run, request)).collect();
        those.get(usize::from(back / 2)).map(|report| (*report).clone())
    }

    pub(super) fn complete(&mut self, bulk: bool, items: &[Report]) {
        let asked: Vec<(Scope, Uuid, CompleteRequest)> = items
            .iter()
            .zip(1..)
            .map(|(item, number)| {
                if let Some(before) = item.late.and_then(|back| self.late(back)) {
                    return before;
                }
                let id = self.id(item.run);
                let failed = item.outcome == Outcome::Failed;
                let request = CompleteRequest {
                    status: item.outcome,
                    lease_token: self.token(id, item.token),
                    error_message: failed.then(|| format!("broken by {number}")),
                    error_code: failed.then(|| "broken".to_owned()),
                    retryable: failed.then_some(item.retryable),
                    output: Some(json!({ "number": number })),
                };
                (self.scope(id, item.reach), id, request)
            })
            .collect();
        let answers: Vec<Result<(Answered, Uuid, _), CompleteRefusal>> = if bulk {
            let all = asked.iter();
            let all: Vec<_> = all
                .map(|(scope, run_id, request)| Completion { scope: *scope, run_id: *run_id, request })
                .collect();
            let answers = self.lab.call(async |conn| runs::complete_all(conn, &all).await.unwrap());
            let answers = answers.into_iter();
            answers
                .map(|answer| answer.map(|run| (run.tenant_id, run.dispatch_due_at, run)))
                .map(|answer| answer.map(|(tenant, due, run)| (Answered::Summary(run), tenant, due)))
                .collect()
        } else {
            let each = asked.iter().map(|(scope, run, request)| {
                let answer = self.lab.call(async |conn| runs::complete(conn, *scope, *run, request).await);
                match answer {
                    Ok(run) => {
                        let (tenant, due) = (run.tenant_id, run.dispatch_due_at);
                        Ok((Answered::Run(Box::new(run)), tenant, due))
                    }
                    Err(CompleteError::Refused(refusal)) => Err(refusal),
                    Err(CompleteError::Db(error)) => panic!("{error:?}"),
                }
            });
            each.collect()
        };
        self.look();
        for ((scope, run, request), answer) in asked.into_iter().zip(answers) {
            let end = End {
                outcome: request.status,
                retryable: request.retryable.unwrap_or(true),
                output: request.output.clone(),
                error_code: request.error_code.clone(),
                error_message: request.error_message.clone(),
            };
            let expected = self.model.complete(scope, run, request.lease_token, &end);
            let found = answer.as_ref().map(drop).map_err(complete_code);
            assert_eq!(found, expected.map(drop), "of a completion of {run} in {scope:?}: {request:?}");
            let word = expected.map_or_else(|code| code, |new| if new { "ok" } else { "before" });
            count(if bulk { "complete_all" } else { "complete" }, word);
            if word == "ok" {
                self.reports.push((scope, run, request));
            }
            if let Ok((answered, tenant, due)) = answer {
                self.answered.insert(run, answered);
                self.tell(tenant, run, due);
            }
        }
    }

    pub(super) fn release(&mut self, which: Which, reach: Reach, token: Token, minutes: Option<i64>) {
        let id = self.id(which);
        let scope = self.scope(id, reach);
        let request = ReleaseRequest {
            lease_token: self.token(id, token).unwrap_or(Uuid::from_u128(2)),
            available_at: minutes.map(|minutes| self.in_minutes(minutes)),
        };
        let answer =
            self.lab.call(async |conn| runs::release(conn, scope, id, &request).await).map_err(refused);
        self.look();
        let later = request.available_at.map(|time| self.model.wall(time));
        let expected = self.model.release(scope, id, request.lease_token, later);
        let found = answer.as_ref().map(drop).map_err(heartbeat_code);
        assert_eq!(found, expected, "of a release of {id} in {scope:?}: {request:?}");
        count("release", expected.err().unwrap_or("ok"));
        if let Ok(run) = answer {
            self.tell(run.tenant_id, run.id, run.dispatch_due_at);
            self.answered(run);
        }
    }

    pub(super) fn store_steps(&mut self, which: Which, reach: Reach, token: Token, ends: &[(u8, StepEnd)]) {
        let id = self.id(which);
        let scope = self.scope(id, reach);
        let token = self.token(id, token).unwrap_or(Uuid::from_u128(2));
        let given: Vec<(&'static str, &'static str, Option<Value>)> = ends
            .iter()
            .map(|(step, end)| {
                let step = STEPS[usize::from(*step)];
                match end {
                    StepEnd::Running => (step, "RUNNING", None),
                    StepEnd::Succeeded(number) => (step, "SUCCEEDED", Some(json!(number))),
                    StepEnd::Failed => (step, "FAILED", None),
                }
            })
            .collect();
        let records: Vec<Value> = given
            .iter()
            .map(|(step, status, output)| {
                let error =
                    (*status == "FAILED").then(|| json!({ "error": "broken", "message": "it broke" }));
                json!({ "step_id": step, "status": status, "attempts": 1, "output": output, "error": error })
            })
            .collect();
        let results: StepResults = serde_json::from_value(json!({ "steps": records })).unwrap();
        results.check().unwrap();
        let answer =
            self.lab.call(async |conn| steps::store(conn, scope, id, token, &results).await).map_err(refused);
        self.look();
        let expected = self.model.store_steps(scope, id, token, &given);
        let found = answer.as_ref().map(|stored| stored.changed).map_err(heartbeat_code);
        assert_eq!(found, expected, "of steps of {id} in {scope:?} with {token}");
        count(
            "store_steps",
            expected.map_or_else(|code| code, |changed| if changed > 0 { "ok" } else { "nothing" }),
        );
    }
}
