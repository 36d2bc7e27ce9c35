//! `bench kills`: how long a run waits after its worker was killed.
//!
//! Workers are killed with SIGKILL in the middle of a run, while nobody claims over HTTP: what brings the run back is what
//! the stack does by itself. The measured time begins with the last sign of life, the worker's last heartbeat (or its claim,
//! if there was none yet), and ends with the next claim.

mod kill;
mod report;
mod stage;

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use tokio::task::JoinSet;

use super::{environment, noise};
use crate::cargo_lambda;
use crate::paths::Dirs;
use crate::progress::say;
use kill::Wait;
use stage::{Pace, Stage};

/// How often.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Workers that are killed
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    kills: u32,
    /// Runs that are under way at once; each round starts when all of the one before are back
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=50))]
    at_once: u32,
}

/// Builds the functions (as for `up`: what is measured takes half a minute, and no compiler shortens it), kills, and prints
/// a table. Fails when something does not start, and, after the table, when a run was not claimed again.
pub async fn run(dirs: &Dirs, options: &Options) -> Result<()> {
    cargo_lambda::build(dirs).await?;
    let stage = Arc::new(Stage::start(dirs, options.at_once, Pace::Deployed).await?);
    let machine = environment::describe(&stage.database_url).await?;
    let load = noise::load();
    let outcome = rounds(&stage, options).await;
    Arc::into_inner(stage).context("a task has outlived its round")?.stop().await?;

    let waits = outcome?;
    let load = load.map_or_else(|| "unknown".to_owned(), |load| format!("{load:.1}"));
    say(format_args!("\n{machine}; load average before {load}; functions of the dev profile\n"));
    let back: Vec<Wait> = waits.iter().copied().flatten().collect();
    say(report::table(&back));
    let lost = waits.len() - back.len();
    if lost > 0 {
        bail!("{lost} of {} runs were not claimed again within {} s.", waits.len(), kill::LIMIT.as_secs());
    }
    Ok(())
}

/// A small form, of functions that are built already: one kill, with a shorter lease. Whether its run was claimed again.
pub async fn run_small(dirs: &Dirs) -> Result<bool> {
    let options = Options { kills: 1, at_once: 1 };
    let stage = Arc::new(Stage::start(dirs, options.at_once, Pace::Short).await?);
    let outcome = rounds(&stage, &options).await;
    Arc::into_inner(stage).context("a task has outlived its round")?.stop().await?;
    Ok(outcome?.iter().all(Option::is_some))
}

/// One entry for each kill; `None` for a run that was not claimed again.
async fn rounds(stage: &Arc<Stage>, options: &Options) -> Result<Vec<Option<Wait>>> {
    let mut waits = Vec::new();
    while let left @ 1.. = options.kills - waits.len() as u32 {
        let mut under_way = JoinSet::new();
        let outcome = round(stage, left.min(options.at_once), &mut under_way).await;
        // What is left of a round that failed may not outlive it.
        under_way.shutdown().await;
        waits.extend(outcome?);
        say(format_args!("{} of {} killed", waits.len(), options.kills));
    }
    Ok(waits)
}

async fn round(
    stage: &Arc<Stage>,
    kills: u32,
    under_way: &mut JoinSet<Result<Option<Wait>>>,
) -> Result<Vec<Option<Wait>>> {
    for _ in 0..kills {
        // One after the other: two messages that wait at once would go to one worker, one behind the other.
        let held = kill::hold(stage).await?;
        let stage = stage.clone();
        under_way.spawn(async move { kill::kill(&stage, held).await });
    }
    let mut waits = Vec::new();
    while let Some(wait) = under_way.join_next().await {
        waits.push(wait??);
    }
    Ok(waits)
}
