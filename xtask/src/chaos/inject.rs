//! Makes the faults of a plan happen, each when its moment has come.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::Connection as _;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::fault::{Fault, Kind};
use super::plan::{Plan, Planned};
use super::stage::Stage;
use crate::database;
use crate::progress::say;

/// What each piece on a slow line waits.
const SLOW: Duration = Duration::from_millis(40);
/// How long Postgres may take to answer after its disk was full.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);
/// How long it may take until `create` is held, or not held any more.
const SWITCHED_WITHIN: Duration = Duration::from_secs(60);

/// A fault that has happened.
#[derive(Debug, Clone, Copy)]
pub struct Happened {
    /// What.
    pub fault: Fault,
    /// When it was over.
    pub over: DateTime<Utc>,
}

/// Injects all faults of the plan, and returns when the last one is over. Faults overlap where their moments do. Fails when one could not be made to
/// happen.
pub async fn inject(
    stage: &Arc<Stage>,
    plan: Plan,
    mut accepted: watch::Receiver<u32>,
) -> Result<Vec<Happened>> {
    let mut under_way: JoinSet<Result<Happened>> = JoinSet::new();
    for Planned { accepted: moment, fault } in plan.0 {
        // Clients that are gone have had all their runs accepted, or could not go on: either way there is no later moment.
        let _ = accepted.wait_for(|&accepted| accepted >= moment).await;
        let stage = Arc::clone(stage);
        under_way.spawn(async move {
            happen(&stage, fault).await.with_context(|| fault.to_string())?;
            Ok(Happened { fault, over: Utc::now() })
        });
    }
    let mut happened = Vec::new();
    while let Some(one) = under_way.join_next().await {
        happened.push(one??);
    }
    Ok(happened)
}

async fn happen(stage: &Stage, fault: Fault) -> Result<()> {
    let lasts = fault.lasts;
    match fault.kind {
        Kind::KillFunction => {
            stage.host.kill_environment(fault.function.unwrap_or_default()).await;
        }
        Kind::DieBeforeSend => {
            // Commits are made, and nobody can be told.
            stage.to_sqs.freeze();
            tokio::time::sleep(lasts).await;
            kill_all(stage, "create").await;
            // What they had written to the line never arrives.
            stage.to_sqs.cut();
        }
        Kind::DieBeforeClear => {
            hold(stage, true).await?;
            tokio::time::sleep(lasts).await;
            kill_all(stage, "create").await;
            hold(stage, false).await?;
        }
        Kind::CrashPostgres => {
            let mut postgres = stage.postgres.lock().await;
            postgres.crash().await?;
            tokio::time::sleep(lasts).await;
            postgres.restart().await?;
        }
        Kind::CutPostgres => stage.to_postgres.cut(),
        Kind::SlowPostgres => {
            stage.to_postgres.slow(SLOW);
            tokio::time::sleep(lasts).await;
            stage.to_postgres.slow(Duration::ZERO);
        }
        Kind::FillDisk => fill_disk(stage, lasts).await?,
        Kind::SqsAway => {
            stage.to_sqs.refuse(true);
            tokio::time::sleep(lasts).await;
            stage.to_sqs.refuse(false);
        }
        Kind::LoseMessages => {
            let (sqs, queue_url) = &stage.queue;
            sqs.purge_queue().queue_url(queue_url).send().await?;
        }
        Kind::RoughCourier => {
            stage.courier.begin();
            tokio::time::sleep(lasts).await;
            stage.courier.end();
        }
        Kind::SweepTwice => {
            // Other faults may end them: the next sweep does their work.
            let nothing = json!({});
            let _ = tokio::join!(stage.host.invoke("sweep", &nothing), stage.host.invoke("sweep", &nothing));
        }
        Kind::LoseAnswers => {
            stage.to_api.mute(true);
            tokio::time::sleep(lasts).await;
            stage.to_api.mute(false);
        }
    }
    Ok(())
}

async fn kill_all(stage: &Stage, function: &str) {
    for _ in stage.host.pids(function) {
        stage.host.kill_environment(function).await;
    }
}

/// Postgres goes on, or ends itself, as it likes; afterwards it is started again if it does not answer.
async fn fill_disk(stage: &Stage, lasts: Duration) -> Result<()> {
    let Some(disk) = &stage.disk else { return Ok(()) };
    let mut postgres = stage.postgres.lock().await;
    let full = disk.clone();
    // Gigabytes are no matter of microseconds.
    tokio::task::spawn_blocking(move || full.fill()).await??;
    tokio::time::sleep(lasts).await;
    disk.clear()?;
    let answers =
        async { database::connect(&stage.database_url).await?.ping().await.map_err(anyhow::Error::from) };
    if !matches!(tokio::time::timeout(ANSWERS_WITHIN, answers).await, Ok(Ok(()))) {
        say("Postgres does not answer after its disk was full: starting it again");
        postgres.kill().await?;
        postgres.restart().await?;
    }
    Ok(())
}

/// Past every line. Fails when Postgres does not take it within a minute.
async fn hold(stage: &Stage, hold: bool) -> Result<()> {
    let since = Instant::now();
    loop {
        // Nobody crashes it meanwhile; it may be recovering.
        let _postgres = stage.postgres.lock().await;
        match switch(&stage.database_url, hold).await {
            Err(_) if since.elapsed() < SWITCHED_WITHIN => {}
            switched => return switched,
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn switch(database_url: &str, hold: bool) -> Result<()> {
    let mut connection = database::connect(database_url).await?;
    let update = sqlx::query("update chaos.switches set hold = $1").bind(hold);
    update.execute(&mut connection).await?;
    Ok(())
}
