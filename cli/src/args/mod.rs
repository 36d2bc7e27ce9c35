//! What may stand on the command line. A subcommand's file is named as it is.

pub mod audit;
pub mod connections;
mod given;
pub mod keys;
pub mod pipelines;
pub mod runs;
pub mod schedules;
mod settings;
pub mod tenants;
pub mod versions;
pub mod webhooks;
pub mod worker;
pub mod workers;

use clap::{Parser, Subcommand};

pub use given::{Document, Limit, NameOrId, Pair, Parameter, Span};
pub use settings::{Access, Settings};

use crate::{exit, import};

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "runplane",
    version,
    about = "Pipelines, their versions and their runs",
    after_help = exit::TABLE,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check dag_specs, without the API
    Validate {
        /// Files; - is the standard input
        #[arg(required = true, value_name = "FILE")]
        files: Vec<String>,
        /// Print faults as JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Whose pipelines and runs they are
    Tenants(Api<tenants::Command>),
    /// Names under which versions are kept
    Pipelines(Api<pipelines::Command>),
    /// What to run: draft, approve, deprecate dag_specs
    Versions(Api<versions::Command>),
    /// What steps may be connected to
    Connections(Api<connections::Command>),
    /// Runs by cron
    Schedules(Api<schedules::Command>),
    /// Who is told what becomes of runs
    Webhooks(Api<webhooks::Command>),
    /// Create runs, watch them, cancel and retry them
    Runs(Api<runs::Command>),
    /// Claim runs and work on them, until told to end
    Worker(Box<worker::Worker>),
    /// Who was seen claiming them
    Workers(Api<workers::Command>),
    /// API keys: who gets in, and what for
    Keys(Api<keys::Command>),
    /// Who did what
    Audit(Api<audit::Command>),
    /// Bring over tenants, pipelines, versions and runs of the service that Runplane replaces
    Import(import::Args),
    /// Print a script that completes commands in a shell
    Completions {
        /// Whose script
        shell: clap_complete::Shell,
    },
}

impl Command {
    /// Whether a program reads what is printed.
    pub fn is_for_programs(&self) -> bool {
        match self {
            Self::Validate { json, .. } => *json,
            Self::Tenants(api) => api.settings.json,
            Self::Pipelines(api) => api.settings.json,
            Self::Versions(api) => api.settings.json,
            Self::Connections(api) => api.settings.json,
            Self::Schedules(api) => api.settings.json,
            Self::Webhooks(api) => api.settings.json,
            Self::Runs(api) => api.settings.json,
            Self::Worker(args) => args.json,
            Self::Workers(api) => api.settings.json,
            Self::Keys(api) => api.settings.json,
            Self::Audit(api) => api.settings.json,
            // An import says itself what comes of it.
            Self::Import(_) | Self::Completions { .. } => false,
        }
    }
}

/// Commands on the API, and its settings, which may stand anywhere behind the first word.
#[derive(Debug, clap::Args)]
pub struct Api<C: Subcommand> {
    /// Where the API is, and how it is spoken to.
    #[command(flatten, next_help_heading = "Settings")]
    pub settings: Settings,
    /// What to do.
    #[command(subcommand)]
    pub command: C,
}

/// Which part of a list.
#[derive(Clone, Debug, clap::Args)]
pub struct Paging {
    /// Every page: one table, or with --json a line for each item
    #[arg(long, conflicts_with = "cursor")]
    pub all: bool,
    /// Items on a page, 1 to 100 [default: 20; with --all 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub limit: Option<u8>,
    /// Where the page begins: the next_cursor of the one before
    #[arg(long)]
    pub cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_in_order() {
        Cli::command().debug_assert();
    }
}
