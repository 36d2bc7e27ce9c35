//! Create all: several QUEUED runs, each of an APPROVED version.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::create::{CreateError, CreateRequest, refusals};
use super::idempotency::{KeyUse, digest, find_by_keys};
use super::parameters::{Checked, of_versions};
use super::rounds::rounds;
use super::{Labels, RunStatus, RunSummary, summary_from};
use crate::dag::ParamsCache;

/// One create request of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Creation<'a> {
    /// Has passed [`CreateRequest::check`].
    pub request: &'a CreateRequest,
    /// Makes it repeatable: 1 to 255 characters.
    pub idempotency_key: Option<&'a str>,
    /// What makes it, if that is a schedule.
    pub scheduled: Option<Scheduled>,
}

/// A time of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheduled {
    /// The schedule.
    pub schedule_id: Uuid,
    /// The time.
    pub scheduled_for: DateTime<Utc>,
}

/// A run that a create request has led to, in short.
#[derive(Debug)]
pub struct CreatedSummary {
    /// The run.
    pub run: RunSummary,
    /// False if an earlier request with the same key created it.
    pub new: bool,
}

/// One of a round, on its way.
struct Pending<'a> {
    position: usize,
    item: Creation<'a>,
    digest: Option<Vec<u8>>,
    checked: Checked,
}

/// Does what [`create`](super::create) would do with each in turn, in one statement, or three if some are refused or were created before,
/// and one more for versions that `cache` does not know. Answers in the order of `items`. Where a key comes several times, each time takes
/// statements of its own.
///
/// # Errors
/// [`sqlx::Error`]: nothing was inserted, unless a key comes several times.
pub async fn create_all(
    conn: &mut PgConnection,
    cache: &ParamsCache,
    items: &[Creation<'_>],
) -> Result<Vec<Result<CreatedSummary, CreateError>>, sqlx::Error> {
    let given = items.iter().map(|Creation { request, .. }| {
        (request.tenant_id, request.pipeline_version_id, request.parameters.clone().unwrap_or_default())
    });
    let mut checked: Vec<_> =
        of_versions(conn, cache, given.collect()).await?.into_iter().map(Some).collect();
    let mut answers: Vec<_> = items.iter().map(|_| None).collect();
    let key = |item: &Creation<'_>| Some((item.request.tenant_id, item.idempotency_key?.to_owned()));
    for round in rounds(items.iter().map(key)) {
        let mut pending = Vec::new();
        for position in round {
            let item = items[position];
            match (item.idempotency_key.map(|_| digest(item.request)).transpose(), checked[position].take()) {
                (Err(error), _) => answers[position] = Some(Err(error.into())),
                (Ok(digest), Some(checked)) => pending.push(Pending { position, item, digest, checked }),
                (Ok(_), None) => {}
            }
        }
        create_round(conn, pending, &mut answers).await?;
    }
    Ok(answers.into_iter().map(|answer| answer.unwrap_or(Err(CreateError::VersionNotFound))).collect())
}

/// Creates those whose keys all differ.
async fn create_round(
    conn: &mut PgConnection,
    pending: Vec<Pending<'_>>,
    answers: &mut [Option<Result<CreatedSummary, CreateError>>],
) -> Result<(), sqlx::Error> {
    let mut inserted = insert(conn, &pending).await?;
    let mut left = Vec::new();
    for one in pending {
        match inserted.remove(&one.position) {
            Some(run) => answers[one.position] = Some(Ok(CreatedSummary { run, new: true })),
            None => left.push(one),
        }
    }
    let keys: Vec<_> = left
        .iter()
        .filter_map(|one| {
            Some((one.item.request.tenant_id, one.item.idempotency_key?, one.digest.as_deref()?))
        })
        .collect();
    let mut used = find_by_keys(conn, &keys).await?;
    let mut refused = Vec::new();
    for one in left {
        let key = one.item.idempotency_key.map(|key| (one.item.request.tenant_id, key.to_owned()));
        match key.and_then(|key| used.remove(&key)) {
            None | Some(KeyUse::Unused) => refused.push(one),
            Some(KeyUse::Same(run)) => {
                answers[one.position] = Some(Ok(CreatedSummary { run: *run, new: false }));
            }
            Some(KeyUse::Other) => answers[one.position] = Some(Err(CreateError::IdempotencyKeyReused)),
        }
    }
    let (positions, asked): (Vec<_>, Vec<_>) =
        refused.into_iter().map(|one| (one.position, (one.item.request, one.checked))).unzip();
    for (position, refusal) in positions.into_iter().zip(refusals(conn, asked).await?) {
        answers[position] = Some(Err(refusal));
    }
    Ok(())
}

/// Inserts those whose parameters are right; the runs by position.
async fn insert(
    conn: &mut PgConnection,
    pending: &[Pending<'_>],
) -> Result<HashMap<usize, RunSummary>, sqlx::Error> {
    let right: Vec<_> = pending
        .iter()
        .filter_map(|one| match &one.checked {
            Checked::Right(parameters) => Some((one, parameters)),
            Checked::Wrong(_) | Checked::NoSchema(_) | Checked::NotApproved => None,
        })
        .collect();
    if right.is_empty() {
        return Ok(HashMap::new());
    }
    let no_labels = Labels::new();
    let requests = || right.iter().map(|(one, _)| one.item.request);
    let ids: Vec<_> = right.iter().map(|_| Uuid::now_v7()).collect();
    let tenants: Vec<_> = requests().map(|request| request.tenant_id).collect();
    let versions: Vec<_> = requests().map(|request| request.pipeline_version_id).collect();
    let triggers: Vec<_> = requests().map(|r| r.trigger_type.as_deref().unwrap_or("manual")).collect();
    let parameters: Vec<_> = right.iter().map(|(_, parameters)| Json(&parameters.shown)).collect();
    let secrets: Vec<_> = right.iter().map(|(_, parameters)| parameters.secret.as_ref().map(Json)).collect();
    let queues: Vec<_> = requests().map(|request| request.queue.as_deref()).collect();
    let priorities: Vec<_> = requests().map(|request| request.priority.unwrap_or(5) as i16).collect();
    let labels: Vec<_> = requests().map(|r| Json(r.labels.as_ref().unwrap_or(&no_labels))).collect();
    let dispatches: Vec<_> = requests().map(|r| r.dispatch.unwrap_or_default().as_str()).collect();
    let run_after: Vec<_> = requests().map(|request| request.run_after).collect();
    let max_attempts: Vec<_> = requests().map(|request| request.max_attempts).collect();
    let max_lost: Vec<_> = requests().map(|request| request.max_lost.unwrap_or(3)).collect();
    let keys: Vec<_> = right.iter().map(|(one, _)| one.item.idempotency_key).collect();
    let digests: Vec<_> = right.iter().map(|(one, _)| one.digest.as_deref()).collect();
    let start_by: Vec<_> = requests().map(|request| request.start_by).collect();
    let concurrency_keys: Vec<_> = requests().map(|request| request.concurrency_key.as_deref()).collect();
    let scheduled = || right.iter().map(|(one, _)| one.item.scheduled);
    let schedules: Vec<_> = scheduled().map(|scheduled| scheduled.map(|s| s.schedule_id)).collect();
    let scheduled_for: Vec<_> = scheduled().map(|scheduled| scheduled.map(|s| s.scheduled_for)).collect();
    let traceparents: Vec<_> =
        requests().map(|request| request.traceparent.as_ref().map(ToString::to_string)).collect();
    let rows = sqlx::query_file!(
        "sql/create_all.sql",
        &ids,
        &tenants,
        &versions,
        &triggers[..] as _,
        &parameters[..] as _,
        &queues[..] as _,
        &priorities,
        &labels[..] as _,
        &dispatches[..] as _,
        &run_after[..] as _,
        &max_attempts[..] as _,
        &max_lost,
        &keys[..] as _,
        &digests[..] as _,
        &start_by[..] as _,
        &concurrency_keys[..] as _,
        &secrets[..] as _,
        &schedules[..] as _,
        &scheduled_for[..] as _,
        &traceparents[..] as _,
    )
    .fetch_all(conn)
    .await?;
    let mut by_id: HashMap<Uuid, RunSummary> =
        rows.into_iter().map(|row| (row.id, summary_from!(row))).collect();
    let placed = ids.iter().zip(&right).filter_map(|(id, (one, _))| Some((one.position, by_id.remove(id)?)));
    Ok(placed.collect())
}
