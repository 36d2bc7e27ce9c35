//! `cargo xtask test`: everything that CI runs, on a Postgres and an SQS of its own, beside a running `up`.
//!
//! The steps, in an order that says what is wrong as soon as it can be known: formatting · lints, with every query
//! checked against a migrated Postgres · the template · the committed `.sqlx` · migrations there and back · documentation · the
//! console · all tests but the end-to-end suite · a short [chaos](crate::chaos) · that suite on the [Runtime-API host](crate::host), there behind a transaction pooler, and on
//! `cargo lambda watch` and on a [deployed stack](crate::rehearse). The first failure ends it. The last lines are the closing lines of the test runners.
//!
//! Compiling is most of the time, so that the steps share what they can: lints, queries and documentation use one set of
//! check artifacts; the tests of the functions use what `up` and `cargo lambda watch` build, and those of xtask what
//! runs this command.

mod command;
mod migrations;
mod pooler;
pub mod prepare;
mod queries;
pub mod rehearsal;
mod report;
mod secrets;
mod stack;
mod suites;

use std::fs::{File, TryLockError};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use tokio_util::sync::CancellationToken;

use crate::paths::Dirs;
use crate::progress::say;
use crate::{cargo_lambda, console, orphans, rehearse};
use command::Cargo;
use pooler::Pooler;
use report::Report;
use stack::{Backend, E2e};

/// What `cargo xtask test` may be told.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {
    /// Only the tests, and the end-to-end suite only on the Runtime-API host
    #[arg(long)]
    pub fast: bool,
    /// Only tests whose name contains one of these, and nothing but tests
    pub filter: Vec<String>,
}

impl Args {
    fn only_tests(&self) -> bool {
        self.fast || !self.filter.is_empty()
    }
}

/// Runs the tests of the repository `root`. The first step that fails ends it: a sentence names the command, and the
/// exit code is a failing one. Fails itself only when it cannot begin.
pub async fn run(root: &Path, args: Args) -> Result<ExitCode> {
    let dirs = Dirs::new(root);
    let _lock = lock(&dirs, "test")?;
    let stop = interrupted()?;
    let mut report = Report::new();
    let result = all(&dirs, &args, &stop, &mut report).await;
    // A test that was killed could not stop the servers it had started.
    let ended = orphans::end_all(&dirs).await;
    let result = result.and(ended.map(drop));
    report.close(&result);
    Ok(if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn all(dirs: &Dirs, args: &Args, stop: &CancellationToken, report: &mut Report) -> Result<()> {
    let cargo = Cargo::new(dirs, stop);
    if !args.only_tests() {
        report.step("Formatting", cargo.run(&["fmt", "--all", "--check"])).await?;
    }
    let mut backend = report.step("Starting Postgres and SQS", Backend::start(dirs)).await?;
    let result = with_pooler(dirs, args, &cargo, report, &backend).await;
    let stopped = backend.stop().await;
    result.and(stopped)
}

async fn with_pooler(
    dirs: &Dirs,
    args: &Args,
    cargo: &Cargo,
    report: &mut Report,
    backend: &Backend,
) -> Result<()> {
    let mut pooler = report.step("Starting pgbouncer", Pooler::start(dirs, backend)).await?;
    if let Some(sentence) = pooler.note() {
        report.note(sentence);
    }
    let result = with_backend(dirs, args, cargo, report, backend, &pooler).await;
    let stopped = pooler.stop().await;
    result.and(stopped)
}

async fn with_backend(
    dirs: &Dirs,
    args: &Args,
    cargo: &Cargo,
    report: &mut Report,
    backend: &Backend,
    pooler: &Pooler,
) -> Result<()> {
    if !args.only_tests() {
        report.step("Migrations: up, down, up", migrations::there_and_back(dirs, backend)).await?;
        report
            .step("Lints, and every query against Postgres", queries::lint_and_compare(dirs, cargo, backend))
            .await?;
        report
            .step(
                "The template, by cfn-lint and checkov",
                rehearse::lint(dirs, Path::new(rehearse::TEMPLATE)),
            )
            .await?;
        report.step("Documentation", cargo.env("RUSTDOCFLAGS", "-D warnings").run(&DOC)).await?;
        report.step("The console: lints, types, bundle, tests", console::check(dirs)).await?;
    }
    report.step("Building the functions", cargo_lambda::build(dirs)).await?;
    let environment = [backend.environment(), pooler.environment()].concat();
    let suites = suites::Suites::new(cargo, &args.filter, pooler.leaving_out(), environment).await;
    report.step("Building the tests", suites.build()).await?;
    suites.own_tests(report).await?;
    if !args.only_tests() && !args.fast {
        // In a process of its own: it enters a namespace, in which its disk is.
        report.step("Chaos: all faults, mixed", cargo.run(&CHAOS)).await?;
    }

    let on_host = E2e::on_host(dirs, backend).await?;
    let result = suites.end_to_end("on the Runtime-API host", on_host.environment.clone(), report).await;
    let looked = on_host.look_for_secrets(report).await;
    on_host.stop().await;
    result.and(looked)?;
    if let Some(server) = pooler.server().filter(|_| !args.fast) {
        let behind = E2e::behind_pooler(dirs, backend, server).await?;
        let result =
            suites.end_to_end("behind a transaction pooler", behind.environment.clone(), report).await;
        let looked = behind.look_for_secrets(report).await;
        behind.stop().await;
        result.and(looked)?;
    }
    if !args.fast {
        let on_watch = report.step("Starting cargo lambda watch", E2e::on_watch(dirs, backend)).await?;
        let result = suites.end_to_end("on cargo lambda watch", on_watch.environment.clone(), report).await;
        let looked = on_watch.look_for_secrets(report).await;
        on_watch.stop().await;
        result.and(looked)?;
    }
    if !args.only_tests() {
        rehearsal::steps(dirs, Path::new(rehearse::TEMPLATE), backend, &suites, report, None).await?;
    }
    Ok(())
}

/// Few runs, and each kind of fault at least once; the seed is another one each time, and printed.
const CHAOS: [&str; 4] = ["xtask", "chaos", "--runs", "1000"];
const DOC: [&str; 3] = ["doc", "--no-deps", "--workspace"];

/// Two runs of one command (`test`, `chaos`) would end each other's servers, which go by name.
pub(crate) fn lock(dirs: &Dirs, command: &str) -> Result<File> {
    let path = dirs.run()?.join(format!("{command}.lock"));
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("Another `cargo xtask {command}` runs in this folder: wait for it, or stop it.")
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

/// Cancelled at Ctrl-C or SIGTERM: the step under way is ended, and everything that was started is stopped.
pub(crate) fn interrupted() -> Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        say("Interrupted: stopping what was started.");
        token.cancel();
    });
    Ok(stop)
}
