//! `cargo xtask bench …`: what docs/benchmarks.md reports. Each command starts what it needs and prints a markdown table.
//!
//! With `--write` those of the functions put theirs into the documents below, with plots beside them; prose around them is people's.

mod api;
pub mod auth;
pub mod beside;
mod case;
pub mod cold;
pub mod dag;
mod driver;
pub(crate) mod environment;
mod explain;
pub mod held;
pub mod http;
pub mod idle;
mod invocations;
pub mod kills;
mod load;
mod noise;
pub(crate) mod peers;
mod pgbench;
mod plot;
pub mod profile;
pub mod push;
pub mod scale;
mod script;
mod start;
mod statements;
pub mod stats;
mod taken;
mod tls;
pub mod verbs;
pub(crate) mod world;

use anyhow::Result;
use clap::Subcommand;

use crate::paths::Dirs;
use crate::postgres;

pub use driver::target;

/// Where the figures of the functions stand.
const FUNCTIONS: &str = "docs/benchmarks/functions.md";

/// What is measured.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Verbs per second, one by one and in bulk, beside pgbench with the same statements and beside other queues
    Verbs(verbs::Options),
    /// Pages that a claim, a completion and a list read, by how many runs wait, have ended, and by how many tenants
    Scale(scale::Options),
    /// Verbs per second while somebody holds an old snapshot open
    Held(held::Options),
    /// Where a create, a claim and a completion spend their time inside Postgres, and what they write ahead
    Profile(profile::Options),
    /// What an API key costs a claim
    Auth,
    /// What executing a dag_spec costs for each step, and what an expression costs
    Dag,
    /// Claims and completions over HTTP, through functions that are warm, beside the verbs alone
    Http(http::Options),
    /// From the create to SUCCEEDED, through SQS and the worker
    Push(push::Options),
    /// Size, start, first request and memory of the functions as they are deployed
    Cold(cold::Options),
    /// What a deployment asks of Postgres on a day on which nothing happens
    Idle(idle::Options),
    /// Ours, as verbs and over HTTP, beside other queues and beside the service that it replaces
    Peers(beside::Options),
    /// How long a run waits after its worker was killed
    Kills(kills::Options),
}

/// Measures, and prints a table. Fails when something does not build or start, or when a call is refused.
pub async fn run(dirs: &Dirs, command: Command) -> Result<()> {
    match command {
        Command::Verbs(options) => verbs::run(dirs, &options).await,
        Command::Scale(options) => scale::run(dirs, &options).await,
        Command::Held(options) => held::run(dirs, &options).await,
        Command::Profile(options) => profile::run(dirs, &options).await,
        Command::Auth => auth::run(dirs).await,
        Command::Dag => dag::run(dirs).await,
        Command::Http(options) => http::run(dirs, options).await,
        Command::Push(options) => push::run(dirs, options).await,
        Command::Cold(options) => cold::run(dirs, &options).await,
        Command::Idle(options) => idle::run(dirs, &options).await,
        Command::Peers(options) => beside::run(dirs, options).await,
        Command::Kills(options) => kills::run(dirs, &options).await,
    }
}

/// A Postgres whose throughput is measured: durable as ever, with memory and with room between checkpoints, so that none
/// falls into one measurement and not into its neighbour.
fn settings(name: &str) -> postgres::Options {
    let settings = [("shared_buffers", "1GB"), ("max_wal_size", "8GB"), ("checkpoint_timeout", "30min")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    postgres::Options { name: name.to_owned(), port: None, throw_away: true, settings, folder: None }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_table_has_its_place() {
        let dirs = Dirs::new(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap());
        for place in [http::PLACE, push::PLACE, cold::PLACE, beside::PLACE, idle::PLACE] {
            place.check(&dirs).unwrap();
        }
    }
}
