//! `runplane`, the command line: pipelines, versions and runs over the HTTP API, and dag_specs checked without it.
//!
//! | module | what is in it |
//! |---|---|
//! | [`args`] | what may stand on the command line |
//! | [`commands`] | what is done for it: one request, or a few, and something to print |
//! | [`http`] | the API: requests, signatures, repetitions, problems |
//! | [`import`] | the database of the service that Runplane replaces, brought over |
//! | [`output`] | tables for people, JSON for programs |
//! | [`source`] | JSON files, and the places in them |
//! | [`worker`] | `runplane worker` |
//! | [`exit`] | the exit codes |
//!
//! docs/cli.md is what its users read.

mod args;
mod commands;
mod exit;
mod failure;
mod http;
mod import;
mod output;
mod source;
mod worker;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    // A child of a worker limits itself, and does so before there is anything else.
    if std::env::args_os().skip(1).eq([worker::EVALUATE]) {
        worker::serve();
        return ExitCode::SUCCESS;
    }
    run(args::Cli::parse())
}

#[tokio::main(flavor = "current_thread")]
async fn run(cli: args::Cli) -> ExitCode {
    commands::run(cli).await.into()
}
