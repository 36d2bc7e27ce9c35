//! One run: created, claimed by a worker, which is killed, and claimed again.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::stage::Stage;
use crate::{bench::world, database};

/// How long a run may wait to be claimed again.
pub(super) const LIMIT: Duration = Duration::from_secs(180);
/// How long a new run may wait for its first worker.
const FIRST_CLAIM: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);
/// What the worker puts before the name of its log stream when it claims.
const CLAIMED_BY: &str = "lambda:worker:";

/// How long a killed run waited, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Wait {
    /// From the last heartbeat of the killed worker, or its claim, to the next claim.
    pub since_heartbeat: f64,
    /// From the kill to the next claim.
    pub since_kill: f64,
}

/// A run that a worker holds.
#[derive(Debug)]
pub(super) struct Held(Uuid);

/// Creates a push run over HTTP and waits until a worker has claimed it. Fails when none does within a minute.
pub(super) async fn hold(stage: &Stage) -> Result<Held> {
    let body =
        json!({ "tenant_id": world::TENANT, "pipeline_version_id": world::VERSION, "dispatch": "push" });
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build()?;
    let response = client.post(format!("{}/api/runs", stage.host.base_url)).json(&body).send().await?;
    let status = response.status();
    let answer: Value = response.json().await.context("the answer of create")?;
    ensure!(status == 201, "create answered {status}: {answer}");
    let run_id: Uuid = answer["id"].as_str().context("create answered without an id")?.parse()?;

    let mut connection = database::connect(&stage.database_url).await?;
    let since = Instant::now();
    while holder(&mut connection, run_id).await?.is_none() {
        ensure!(
            since.elapsed() < FIRST_CLAIM,
            "no worker claims the run {run_id} (see .dev/logs/bench-kills)"
        );
        tokio::time::sleep(POLL).await;
    }
    Ok(Held(run_id))
}

/// Lets the worker work for a random while, kills it, and waits until the run is claimed again; `None` when it is not.
/// Fails when the run is not where this benchmark has put it.
pub(super) async fn kill(stage: &Stage, Held(run_id): Held) -> Result<Option<Wait>> {
    // The low bits of a version 4 UUID are random.
    let life = Uuid::new_v4().as_u128() as u64 % stage.pace.longest_life().as_millis() as u64;
    tokio::time::sleep(Duration::from_millis(life)).await;

    let mut connection = database::connect(&stage.database_url).await?;
    let holder = holder(&mut connection, run_id).await?;
    let Some(log_stream) = holder.as_deref().and_then(|holder| holder.strip_prefix(CLAIMED_BY)) else {
        bail!("the run {run_id} was to be held by a worker, and is held by {holder:?}");
    };
    if stage.host.kill_log_stream("worker", log_stream).await.is_none() {
        bail!("the worker of the run {run_id} had ended before it was killed");
    }
    let killed_at: DateTime<Utc> =
        sqlx::query_scalar("select clock_timestamp()").fetch_one(&mut connection).await?;

    let since = Instant::now();
    while since.elapsed() < LIMIT {
        if let Some(wait) = claimed_again(&mut connection, run_id, killed_at).await? {
            return Ok(Some(wait));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(None)
}

/// Who has claimed the run first and holds it.
async fn holder(connection: &mut PgConnection, run_id: Uuid) -> Result<Option<String>> {
    let asked =
        "select claimed_by from pipeline_runs where id = $1 and status = 'RUNNING' and claim_count = 1";
    Ok(sqlx::query_scalar(asked).bind(run_id).fetch_optional(connection).await?)
}

/// How long the run has waited, if it was claimed a second time. A lost attempt ended with its lease, and each heartbeat
/// extends the lease from its own moment: a lease's length before its end was the last sign of life.
async fn claimed_again(
    connection: &mut PgConnection,
    run_id: Uuid,
    killed_at: DateTime<Utc>,
) -> Result<Option<Wait>> {
    let asked = "
        select extract(epoch from r.claimed_at
                 - greatest(a.claimed_at, a.ended_at - make_interval(secs => r.lease_seconds)))::float8,
               extract(epoch from r.claimed_at - $2)::float8
        from pipeline_runs r
        join run_attempts a on a.run_id = r.id and a.claim_number = 1 and a.outcome = 'LOST'
        where r.id = $1 and r.claim_count = 2";
    let found = sqlx::query_as(asked).bind(run_id).bind(killed_at).fetch_optional(connection).await?;
    Ok(found.map(|(since_heartbeat, since_kill)| Wait { since_heartbeat, since_kill }))
}
