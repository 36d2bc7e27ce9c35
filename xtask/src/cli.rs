//! The command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use crate::paths::Dirs;
use crate::progress::say;
use crate::stack::{db, down, logs, status, up};
use crate::{bench, chaos, conformance, example, lambda, rehearse, simulate, test};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "The local stack and the tests", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring up Postgres, SQS, the functions and the worker
    Up(up::Options),
    /// Stop what `up` has started
    Down {
        /// Remove the database too
        #[arg(long)]
        data: bool,
    },
    /// Show what runs (exit code 0 when everything is up, 3 when not)
    Status,
    /// Print the logs
    Logs {
        /// up, postgres, sqs, functions, …; all of them by default
        name: Option<String>,
        /// Go on with what is written from now on
        #[arg(long, short)]
        follow: bool,
        /// How many lines of each
        #[arg(long, short = 'n', default_value_t = 50)]
        lines: usize,
    },
    /// Look into the database
    Db {
        #[command(subcommand)]
        command: Db,
    },
    /// Run `cargo lambda …`; `invoke` is sent to the stack that is up
    #[command(disable_help_flag = true)]
    Lambda {
        /// Such as `invoke create --data-file events/create.json`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Run an example of examples/ on the stack that is up
    Example {
        /// Which
        name: example::Name,
    },
    /// Run every test, on a Postgres and an SQS of its own
    Test(test::Args),
    /// Deploy template.yaml onto an AWS on this machine, test it there, update it, delete it
    Rehearse(rehearse::Args),
    /// Take the figures of docs/benchmarks.md, on a Postgres and an SQS of its own
    Bench {
        #[command(subcommand)]
        command: bench::Command,
    },
    /// Simulate days of many runs: what they take of AWS, and what gives way first (docs/scaling.md)
    Simulate(simulate::Options),
    /// Inject faults while thousands of runs go through the system, and check what has to hold
    Chaos(chaos::Options),
    /// Ask ours and other queues the same by plain HTTP: zombies, repeats, lost answers, dead workers
    Conformance(conformance::Options),
    /// Refresh `.sqlx`, what a build without a database knows of the queries
    Prepare,
    /// What `up --detach` runs in the background
    #[command(hide = true)]
    Supervise(up::Options),
}

#[derive(Debug, Subcommand)]
enum Db {
    /// Start psql on the stack's database
    #[command(disable_help_flag = true)]
    Psql {
        /// Passed on to psql
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

/// Runs the command that the process's arguments name. Failures are one line on standard error, and exit code 1.
pub async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<ExitCode> {
    let root = root()?;
    let dirs = Dirs::new(&root);
    match cli.command {
        Command::Up(options) => up::up(&dirs, &options).await?,
        Command::Down { data } => down::down(&dirs, data).await?,
        Command::Status => return status::status(&dirs).await,
        Command::Logs { name, follow, lines } => logs::logs(&dirs, name.as_deref(), lines, follow).await?,
        Command::Db { command: Db::Psql { args } } => db::psql(&dirs, &args).await?,
        Command::Lambda { args } => lambda::lambda(&dirs, &args).await?,
        Command::Example { name } => return example::run(&dirs, name).await,
        Command::Test(args) => return test::run(&root, args).await,
        Command::Rehearse(args) => return test::rehearsal::run(&root, args).await,
        Command::Bench { command } => bench::run(&dirs, command).await?,
        Command::Simulate(options) => simulate::run(&dirs, &options)?,
        Command::Chaos(options) => chaos::run(&dirs, &options).await?,
        Command::Conformance(options) => conformance::run(&dirs, options).await?,
        Command::Prepare => test::prepare::run(&root).await?,
        Command::Supervise(options) => {
            // What it fails with stands in its log already, before the lines about stopping.
            if up::supervise(&dirs, &options).await.is_err() {
                say("The stack is down.");
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The checkout this program was built from; where it has been moved since, the one cargo or the working folder names.
fn root() -> Result<PathBuf> {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let xtask = manifest.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    let root = xtask.parent().map(Path::to_owned).filter(|root| root.join("localstack").is_dir());
    let root = root.map_or_else(std::env::current_dir, Ok)?;
    root.canonicalize().with_context(|| format!("cannot read {}", root.display()))
}
