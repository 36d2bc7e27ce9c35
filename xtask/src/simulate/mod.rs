//! `cargo xtask simulate`: what of AWS a day of runs takes, and which part is the first to give way. docs/scaling.md has its tables.
//!
//! A discrete-event simulation with a seed: arrivals that follow the hour and come in bursts, environments of Lambda that start,
//! are kept and hold a connection each, messages that wait for a worker, and Postgres as a line in front of its cores. How long a verb
//! keeps a core busy is not assumed but read from docs/benchmarks; whatever is assumed is in [`Assumed`] and in the document.

mod cells;
mod class;
mod costs;
mod environments;
mod event;
mod load;
mod plan;
mod report;
mod run;

use anyhow::Result;

use crate::paths::Dirs;
use crate::progress::say;

pub use class::{CLASSES, Class};
pub use costs::Costs;
pub use load::Load;
pub use plan::Style;
pub use run::{Outcome, Setting, simulate};

/// What is simulated.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Runs a day; several with commas
    #[arg(long, value_delimiter = ',', default_values_t = [1_000_000, 10_000_000, 100_000_000], value_parser = clap::value_parser!(u64).range(1..))]
    runs: Vec<u64>,
    /// Of everything that is random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    assumed: Assumed,
    /// Put the tables into docs/scaling.md instead of printing them
    #[arg(long)]
    write: bool,
}

/// What nobody measured: the load, and AWS.
#[derive(Debug, Clone, Copy, PartialEq, clap::Args)]
pub struct Assumed {
    /// Seconds that a run's steps take, on average
    #[arg(long, default_value_t = 5.0)]
    pub work_seconds: f64,
    /// Steps of a run whose results are stored
    #[arg(long, default_value_t = 3)]
    pub steps: u8,
    /// Environments that Lambda gives the account at once
    #[arg(long, default_value_t = 1000)]
    pub concurrency: u32,
    /// Runs that a worker on Lambda has at a time when more wait
    #[arg(long, default_value_t = 10)]
    pub batch: u32,
    /// Milliseconds from starting an environment to its first statement
    #[arg(long, default_value_t = 200.0)]
    pub cold_ms: f64,
    /// Milliseconds of a function beside its statements, the round trips to Postgres included
    #[arg(long, default_value_t = 4.0)]
    pub call_ms: f64,
    /// Milliseconds until a commit is on the disks of both zones
    #[arg(long, default_value_t = 2.0)]
    pub commit_ms: f64,
    /// Milliseconds that SQS takes to send, and to deliver
    #[arg(long, default_value_t = 10.0)]
    pub sqs_ms: f64,
    /// How fast a core of the database is beside one of the machine that the benchmarks were taken on
    #[arg(long, default_value_t = 1.0)]
    pub core_speed: f64,
}

impl Default for Assumed {
    fn default() -> Self {
        Self {
            work_seconds: 5.0,
            steps: 3,
            concurrency: 1000,
            batch: 10,
            cold_ms: 200.0,
            call_ms: 4.0,
            commit_ms: 2.0,
            sqs_ms: 10.0,
            core_speed: 1.0,
        }
    }
}

/// Simulates, and prints the tables or writes them into the document. Fails when docs/benchmarks or the document are not as they should be.
pub fn run(dirs: &Dirs, options: &Options) -> Result<()> {
    let costs = Costs::read(dirs)?;
    let tables = report::tables(&costs, &options.assumed, &options.runs, options.seed);
    if !options.write {
        say(tables);
        return Ok(());
    }
    report::PLACE.write(dirs, &tables)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn what_is_assumed_when_nothing_is_said_is_the_default() {
        assert_eq!(Line::parse_from(["simulate"]).options.assumed, Assumed::default());
    }

    #[test]
    fn the_document_has_what_the_simulation_says() {
        let dirs = Dirs::new(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap());
        let options = Line::parse_from(["simulate"]).options;
        let costs = Costs::read(&dirs).unwrap();
        let tables = report::tables(&costs, &options.assumed, &options.runs, options.seed);
        let text = std::fs::read_to_string(dirs.root().join(report::PLACE.document)).unwrap();
        let wanted = report::PLACE.filled(&text, &tables).unwrap();
        assert!(text == wanted, "docs/scaling.md is stale: `cargo xtask simulate --write`\n{tables}");
    }
}
