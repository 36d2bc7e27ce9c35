//! `bench auth`: what an API key costs a claim.

use anyhow::Result;

use super::driver::{example, run_built, run_example};
use super::{environment, noise, settings, world};
use crate::paths::Dirs;
use crate::postgres::Server;
use crate::progress::say;

/// Measures, and prints a table.
pub async fn run(dirs: &Dirs) -> Result<()> {
    let measures = example(dirs, "bench_auth").await?;
    let mut server = Server::start(dirs, settings("bench-auth-postgres")).await?;
    world::seed(dirs, &server.database_url, 0).await?;
    let machine = environment::describe(&server.database_url).await?;
    let load = noise::load().map_or_else(|| "unknown".to_owned(), |load| format!("{load:.1}"));
    say(format_args!("\n{machine}; load average before it {load}; median (range)\n"));
    run_example(&measures, &server.database_url).await?;
    server.stop().await
}

/// A small form, of a program that is built already; the table.
pub async fn run_small(dirs: &Dirs) -> Result<String> {
    let mut server = Server::start(dirs, settings("bench-auth-small-postgres")).await?;
    world::seed(dirs, &server.database_url, 0).await?;
    let table = run_built(dirs, "bench_auth", &server.database_url).await?;
    server.stop().await?;
    Ok(table)
}
