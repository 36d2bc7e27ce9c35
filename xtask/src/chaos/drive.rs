//! One scenario from its start to its report.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::client::{Client, Problems};
use super::create::Creators;
use super::fault::Kind;
use super::inject::{self, Happened};
use super::ledger::{Entry, Kind as Said, Ledger};
use super::plan::Plan;
use super::report::{self, Outcome};
use super::scenario::Scenario;
use super::stage::Stage;
use super::worker::Worker;
use super::world::PULLED;
use super::{invariants, reader, store, watcher};
use crate::database;
use crate::paths::Dirs;
use crate::progress::say;

/// Clients that create at once.
const CREATORS: usize = 3;
/// Workers that serve all tenants, beside one of each tenant's own.
const FLEET: usize = 3;
/// How long everything may go on when the last fault is over and nothing is created any more.
const DRAINS_WITHIN: Duration = Duration::from_secs(420);
/// Of the disk under Postgres: what it needs at the least, and what so many runs need beside that.
const DISK_MEBIBYTES: u64 = 1_024;
const RUNS_TO_A_MEBIBYTE: u64 = 40;

/// Drives the scenario on functions whose programs lie in this folder; whether every invariant holds. Fails when something does not start or cannot be judged.
pub(super) async fn drive(
    dirs: &Dirs,
    programs: &Path,
    scenario: Scenario,
    (seed, runs): (u64, u32),
    small_disk: bool,
) -> Result<bool> {
    let mut plan = Plan::of(seed, scenario, runs);
    if !small_disk {
        plan = plan.without(Kind::FillDisk);
        if scenario.kinds().contains(&Kind::FillDisk) {
            say(
                "The disk of Postgres is not filled up: this machine lets no program mount a small one for itself.",
            );
        }
    }
    say(format_args!(
        "Chaos: {runs} runs, scenario {}, {} faults, seed {seed}. Again: `cargo xtask chaos --scenario {} --runs {runs} --seed {seed}`",
        scenario.name(),
        plan.0.len(),
        scenario.name()
    ));
    let ledger = Arc::new(Ledger::default());
    let disk = small_disk.then_some(DISK_MEBIBYTES + u64::from(runs) / RUNS_TO_A_MEBIBYTE);
    let stage = Arc::new(Stage::start(dirs, programs, seed, Arc::clone(&ledger), disk).await?);
    let driven = through(&stage, scenario, seed, runs, plan, &ledger).await;
    let mut stage = Arc::into_inner(stage).context("a task has outlived its scenario")?;
    let judged = match driven {
        Ok((happened, problems, seconds)) => {
            stage.quiet().await?;
            judge(&stage, &ledger, (scenario, seed, runs), happened, &problems, seconds).await
        }
        Err(error) => Err(error),
    };
    stage.stop().await?;
    judged
}

/// Creates, works and injects until all runs have ended.
async fn through(
    stage: &Arc<Stage>,
    scenario: Scenario,
    seed: u64,
    runs: u32,
    plan: Plan,
    ledger: &Arc<Ledger>,
) -> Result<(Vec<Happened>, Arc<Problems>, f64)> {
    let (stop, problems) = (CancellationToken::new(), Arc::new(Problems::default()));
    let client = Client::new(stage.api_url(), String::new(), Arc::clone(&problems), stop.clone())?;
    let (open, seen) = watch::channel(0);
    let mut side = JoinSet::new();
    side.spawn(watcher::watch(stage.database_url.clone(), open));
    for worker in workers(stage, scenario, seed, &client, ledger) {
        side.spawn(Arc::new(worker).work(stop.clone()));
    }
    side.spawn(reader::read(seed, client.clone(), Arc::clone(&stage.world), Arc::clone(ledger)));
    let since = Instant::now();
    let creators = Arc::new(Creators::new(
        (seed, runs, scenario.clocks()),
        Arc::clone(&stage.world),
        client.clone(),
        Arc::clone(ledger),
        seen.clone(),
    ));
    let mut creating = JoinSet::new();
    for _ in 0..CREATORS {
        let creators = Arc::clone(&creators);
        creating.spawn(async move { creators.create().await });
    }
    let accepted = creators.accepted.subscribe();
    drop(creators);
    let (happened, created) = tokio::join!(inject::inject(stage, plan, accepted), async {
        while let Some(ended) = creating.join_next().await {
            ended.context("a creator panicked")?;
        }
        say(format_args!(
            "{} runs accepted after {:.0} s",
            ledger.count(Said::Created),
            since.elapsed().as_secs_f64()
        ));
        anyhow::Ok(())
    });
    let result = async {
        created?;
        let happened = happened?;
        drain(stage, &client, ledger, seen).await?;
        Ok((happened, problems, since.elapsed().as_secs_f64()))
    };
    let result = result.await;
    stop.cancel();
    side.shutdown().await;
    result
}

/// Waits until every run has ended, but not for ever. Runs that a wrong clock has put an hour ahead are cancelled: nobody waits for them.
async fn drain(
    stage: &Stage,
    client: &Client,
    ledger: &Ledger,
    mut open: watch::Receiver<i64>,
) -> Result<()> {
    let ahead = "select id, tenant_id from pipeline_runs where status = 'QUEUED' and available_at > now() + interval '20 min'";
    let mut connection = database::connect(&stage.database_url).await?;
    let ahead: Vec<(Uuid, Uuid)> = sqlx::query_as(ahead).fetch_all(&mut connection).await?;
    for (run, tenant) in ahead {
        let owner = stage.world.tenants.iter().find(|one| one.id == tenant).context("a run of no tenant")?;
        let path = format!("/api/runs/{run}/cancel");
        let asked = client.with_key(&owner.key).ask(Method::POST, &path, &json!({}), None).await;
        if asked.is_some_and(|(status, _)| status == 200) {
            ledger.note(Entry { run_tenant_id: Some(tenant), ..Entry::new(Said::Cancelled, tenant, run) });
        }
    }
    // One look that began after all this.
    open.borrow_and_update();
    let ended = async {
        loop {
            open.changed().await.context("the watcher is gone")?;
            if *open.borrow_and_update() == 0 {
                return anyhow::Ok(());
            }
        }
    };
    if let Ok(ended) = tokio::time::timeout(DRAINS_WITHIN, ended).await {
        return ended;
    }
    let left: Vec<(String, String, i64)> = sqlx::query_as(
        "select r.status, t.name, count(*) from pipeline_runs r join tenants t on t.id = r.tenant_id
         where finished_at is null group by 1, 2 order by 3 desc",
    )
    .fetch_all(&mut connection)
    .await?;
    // The report goes on: an invariant says that, and the others may say why.
    say(format_args!(
        "{} s after the last fault there are runs that have not ended: {left:?}",
        DRAINS_WITHIN.as_secs()
    ));
    Ok(())
}

fn workers(
    stage: &Stage,
    scenario: Scenario,
    seed: u64,
    client: &Client,
    ledger: &Arc<Ledger>,
) -> Vec<Worker> {
    let own = stage
        .world
        .tenants
        .iter()
        .filter(|tenant| tenant.of.pulls)
        .map(|tenant| (Some(tenant.id), &tenant.key, None));
    let queue = scenario.needs_sqs().then_some(PULLED);
    let fleet = (0..FLEET).map(|_| (None, &stage.world.fleet_key, queue));
    let every = own.chain(fleet).enumerate();
    every
        .map(|(index, (tenant, key, queue))| Worker {
            name: format!("worker-{index}"),
            seed: seed.wrapping_add(index as u64),
            fates: seed,
            stalls: scenario.stalls(),
            // Right, an hour behind, right, an hour ahead.
            clock: TimeDelta::hours(if scenario.clocks() { [0, -1, 0, 1][index % 4] } else { 0 }),
            tenant,
            queue,
            client: client.with_key(key),
            ledger: Arc::clone(ledger),
        })
        .collect()
}

async fn judge(
    stage: &Stage,
    ledger: &Ledger,
    (scenario, seed, runs): (Scenario, u64, u32),
    happened: Vec<Happened>,
    problems: &Problems,
    seconds: f64,
) -> Result<bool> {
    let mut connection = database::connect(&stage.database_url).await?;
    store::load(&mut connection, &ledger.take()).await?;
    let checked = invariants::check(&mut connection).await?;
    let figures = report::figures(&mut connection, &happened).await?;
    let outcome = Outcome {
        scenario,
        seed,
        runs,
        seconds,
        checked,
        figures,
        problems: problems.all(),
        unexpected: problems.unexpected(),
    };
    say(outcome.text());
    Ok(outcome.holds())
}
