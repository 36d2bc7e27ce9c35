//! `cargo xtask bench …`: what docs/benchmarks.md reports. Each command starts what it needs and prints a markdown table.

mod driver;
mod environment;
mod functions;
mod invocations;
mod kills;
mod noise;
mod pgbench;
mod script;
mod start;
mod stats;
mod verbs;
mod world;

use anyhow::Result;
use clap::Subcommand;

use crate::paths::Dirs;

pub use driver::target;

/// What is measured.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Verbs per second at 1, 8 and 32 connections, beside pgbench with the same statements
    Verbs(verbs::Options),
    /// Size, start and memory of the functions as they are deployed
    Functions(functions::Options),
    /// How long a run waits after its worker was killed
    Kills(kills::Options),
}

/// Measures, and prints a table. Fails when something does not build or start, or when a call is refused.
pub async fn run(dirs: &Dirs, command: Command) -> Result<()> {
    match command {
        Command::Verbs(options) => verbs::run(dirs, &options).await,
        Command::Functions(options) => functions::run(dirs, &options).await,
        Command::Kills(options) => kills::run(dirs, &options).await,
    }
}
