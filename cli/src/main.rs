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

use std::ffi::OsStr;
use std::process::ExitCode;

use clap::Parser as _;
use tokio::runtime;

fn main() -> ExitCode {
    // A child of a worker limits itself, and does so before there is anything else.
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == worker::EVALUATE) {
        runplane::dag::evaluate::serve(arguments.next().as_deref().and_then(OsStr::to_str));
        return ExitCode::SUCCESS;
    }
    let cli = args::Cli::parse();
    let mut runtime = match cli.command {
        // Two threads: heartbeats go on while a run keeps one of them busy.
        args::Command::Worker(_) => runtime::Builder::new_multi_thread(),
        _ => runtime::Builder::new_current_thread(),
    };
    match runtime.worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime.block_on(commands::run(cli)).into(),
        Err(error) => {
            eprintln!("error: no runtime: {error}");
            exit::Exit::Usage.into()
        }
    }
}
