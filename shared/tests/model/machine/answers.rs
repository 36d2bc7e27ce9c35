//! What an answer says of a run is what is stored.

use chrono::{DateTime, Utc};
use runplane::runs::{Run as Answer, RunSummary};

use crate::reference::{Facts, Micros, Run, T, When};

pub fn at(time: DateTime<Utc>, offset: Micros) -> When {
    When::At(time.timestamp_micros() + offset)
}

fn same_times<const N: usize>(run: &Run, told: [(T, Option<DateTime<Utc>>); N], offset: Micros) {
    for (time, told) in told {
        assert_eq!(told.map(|told| at(told, offset)), run[time], "{time:?} was answered of {run:?}");
    }
}

/// `offset`: of the model's clock.
pub fn same_run(run: &Run, answer: &Answer, offset: Micros) {
    let told = Facts {
        id: answer.id,
        tenant_id: answer.tenant_id,
        pipeline_id: answer.pipeline_id,
        pipeline_version_id: answer.pipeline_version_id,
        status: answer.status,
        trigger_type: answer.trigger_type.clone(),
        queue: answer.queue.clone(),
        priority: answer.priority,
        dispatch: answer.dispatch,
        attempt: answer.attempt,
        max_attempts: answer.max_attempts,
        lost: answer.lost,
        max_lost: answer.max_lost,
        claim_count: answer.claim_count,
        claimed_by: answer.claimed_by.clone(),
        lease_seconds: answer.lease_seconds,
        output: answer.output.clone(),
        error_code: answer.error_code.clone(),
        retry_of_run_id: answer.retry_of_run_id,
        root_run_id: answer.root_run_id,
        concurrency_key: answer.concurrency_key.clone(),
        // An answer does not have these.
        lease_token: run.facts.lease_token,
        dispatches: run.facts.dispatches,
        idempotency_key: run.facts.idempotency_key.clone(),
        error_message: run.facts.error_message.clone(),
    };
    assert_eq!(told, run.facts, "was answered, and is stored");
    if let Some(message) = &run.facts.error_message {
        assert_eq!(answer.error_message.as_ref(), Some(message));
    }
    let times = [
        (T::DispatchDue, answer.dispatch_due_at),
        (T::Available, Some(answer.available_at)),
        (T::Claimed, answer.claimed_at),
        (T::LeaseExpires, answer.lease_expires_at),
        (T::Heartbeat, answer.heartbeat_at),
        (T::Started, answer.started_at),
        (T::Finished, answer.finished_at),
        (T::StartBy, answer.start_by),
        (T::Created, Some(answer.created_at)),
        (T::Updated, Some(answer.updated_at)),
    ];
    same_times(run, times, offset);
}

/// The same of a run in short.
pub fn same_summary(run: &Run, answer: &RunSummary, offset: Micros) {
    let told = Facts {
        id: answer.id,
        tenant_id: answer.tenant_id,
        pipeline_version_id: answer.pipeline_version_id,
        status: answer.status,
        attempt: answer.attempt,
        max_attempts: answer.max_attempts,
        ..run.facts.clone()
    };
    assert_eq!(told, run.facts, "was answered, and is stored");
    let times = [
        (T::DispatchDue, answer.dispatch_due_at),
        (T::Available, Some(answer.available_at)),
        (T::Started, answer.started_at),
        (T::Finished, answer.finished_at),
        (T::Created, Some(answer.created_at)),
        (T::Updated, Some(answer.updated_at)),
    ];
    same_times(run, times, offset);
}
