//! `runplane`, the command line.

mod import;

use std::process::ExitCode;

use clap::Parser;

#[derive(Debug, Parser)]
#[command(name = "runplane", version)]
enum Cli {
    /// Import from the database of the service that Runplane replaces
    Import(import::Args),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match Cli::parse() {
        Cli::Import(args) => import::run(args).await,
    }
}
