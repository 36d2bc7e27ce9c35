//! `runplane workers …`

use clap::Subcommand;

use super::Paging;

/// What is done with workers.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Those that were seen within the last week, by when they were first seen, newest first
    List {
        /// Only those that serve this queue, alone or among others
        #[arg(long)]
        queue: Option<String>,
        /// Only those that are alive, or only those that are not
        #[arg(long, value_name = "true|false")]
        alive: Option<bool>,
        /// Which part.
        #[command(flatten)]
        paging: Paging,
    },
}
