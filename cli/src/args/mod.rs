//! What may stand on the command line. A subcommand's file is named as it is.

pub mod connections;
mod given;
pub mod pipelines;
pub mod runs;
mod settings;
pub mod tenants;
pub mod versions;

use clap::{Parser, Subcommand};

pub use given::{Document, Limit, NameOrId, Pair, Parameter, Span};
pub use settings::{Settings, Signing};

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
    /// What holds for every command.
    #[command(flatten, next_help_heading = "Settings")]
    pub settings: Settings,
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
    },
    /// Whose pipelines and runs they are
    #[command(subcommand)]
    Tenants(tenants::Command),
    /// Names under which versions are kept
    #[command(subcommand)]
    Pipelines(pipelines::Command),
    /// What to run: draft, approve, deprecate dag_specs
    #[command(subcommand)]
    Versions(versions::Command),
    /// What steps may be connected to
    #[command(subcommand)]
    Connections(connections::Command),
    /// Create runs, watch them, cancel and retry them
    #[command(subcommand)]
    Runs(runs::Command),
    /// Bring over tenants, pipelines, versions and runs of the service that Runplane replaces
    Import(import::Args),
    /// Print a script that completes commands in a shell
    Completions {
        /// Whose script
        shell: clap_complete::Shell,
    },
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
