//! `cargo xtask chaos`: faults injected from a seed while thousands of runs go through the whole system, and what has to hold whatever happens, checked
//! afterwards from the database and the driver's own log.

mod client;
mod courier;
mod create;
mod disk;
mod drive;
mod fate;
mod fault;
pub mod history;
mod inject;
pub mod invariants;
pub mod ledger;
mod plan;
mod reader;
mod report;
mod reports;
mod scenario;
mod stage;
pub mod store;
mod watcher;
mod witness;
mod worker;
mod world;

use anyhow::{Result, bail};

use crate::bench::target;
use crate::paths::Dirs;
use crate::progress::say;
use crate::{cargo_lambda, release, test};
use plan::Plan;

pub use scenario::Scenario;

/// How much of it.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Which faults; several: one after the other, each on a stack of its own
    #[arg(long, value_enum, default_values_t = [Scenario::Mixed])]
    pub scenario: Vec<Scenario>,
    /// Every scenario
    #[arg(long, conflicts_with = "scenario")]
    pub all: bool,
    /// Runs of each scenario
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(50..=1_000_000))]
    pub runs: u32,
    /// What faults and behaviour are drawn from; any by default, which is printed
    #[arg(long)]
    pub seed: Option<u64>,
    /// Print which fault comes when, and do nothing
    #[arg(long)]
    pub plan: bool,
    /// The functions as they are deployed, instead of the dev profile: takes longer to build, for long runs
    #[arg(long)]
    pub release: bool,
}

/// Runs the scenarios and prints a report of each. Fails when something does not start, and, after the reports, when an invariant was violated.
pub async fn run(dirs: &Dirs, options: &Options) -> Result<()> {
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    let scenarios: &[Scenario] = match options.all {
        true => clap::ValueEnum::value_variants(),
        false => &options.scenario,
    };
    if options.plan {
        for &scenario in scenarios {
            say(format_args!(
                "{}, seed {seed}:\n{}",
                scenario.name(),
                Plan::of(seed, scenario, options.runs)
            ));
        }
        return Ok(());
    }
    let small_disk = disk::enter_namespace();
    // Behind the namespace, in which this program has begun anew.
    let _lock = test::lock(dirs, "chaos")?;
    let stop = test::interrupted()?;
    tokio::select! {
        done = every(dirs, scenarios, (seed, options.runs), options.release, small_disk) => done,
        // Whatever was started ends with what has started it.
        () = stop.cancelled() => bail!("Interrupted."),
    }
}

async fn every(
    dirs: &Dirs,
    scenarios: &[Scenario],
    (seed, runs): (u64, u32),
    release: bool,
    small_disk: bool,
) -> Result<()> {
    let programs = if release {
        release::build(dirs).await?.programs
    } else {
        cargo_lambda::build(dirs).await?;
        target(dirs).join("debug")
    };
    let mut violated = Vec::new();
    for &scenario in scenarios {
        if !drive::drive(dirs, &programs, scenario, (seed, runs), small_disk).await? {
            violated.push(scenario.name());
        }
    }
    if !violated.is_empty() {
        bail!("invariants were violated (seed {seed}): {}", violated.join(", "));
    }
    Ok(())
}
