//! `bench dag`: what executing a dag_spec costs, beside what its steps do; and what an expression costs.

use anyhow::Result;

use super::driver::{example, run_built, run_example};
use super::{environment, noise, settings, world};
use crate::paths::Dirs;
use crate::postgres::Server;
use crate::progress::say;

/// Measures, and prints two tables.
pub async fn run(dirs: &Dirs) -> Result<()> {
    let (executes, evaluates) = (example(dirs, "bench_dag").await?, example(dirs, "bench_evaluate").await?);
    let mut server = Server::start(dirs, settings("bench-dag-postgres")).await?;
    world::seed(dirs, &server.database_url, 1).await?;
    let machine = environment::describe(&server.database_url).await?;
    let load = noise::load().map_or_else(|| "unknown".to_owned(), |load| format!("{load:.1}"));
    say(format_args!("\n{machine}; load average before it {load}; median (range)\n"));
    run_example(&executes, &server.database_url).await?;
    say("");
    run_example(&evaluates, &server.database_url).await?;
    server.stop().await
}

/// A small form, of programs that are built already; the two tables.
pub async fn run_small(dirs: &Dirs) -> Result<[String; 2]> {
    let mut server = Server::start(dirs, settings("bench-dag-small-postgres")).await?;
    world::seed(dirs, &server.database_url, 1).await?;
    let executes = run_built(dirs, "bench_dag", &server.database_url).await?;
    let evaluates = run_built(dirs, "bench_evaluate", &server.database_url).await?;
    server.stop().await?;
    Ok([executes, evaluates])
}
