//! The [rehearsal](crate::rehearse) of a deployment as steps of a test run, and alone as `cargo xtask rehearse`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use tokio_util::sync::CancellationToken;

use super::command::Cargo;
use super::report::Report;
use super::stack::Backend;
use super::suites::Suites;
use crate::database;
use crate::orphans;
use crate::paths::Dirs;
use crate::rehearse::{self, Args, Rehearsal, Urls};

/// Deploys, tests, updates and deletes, on a Postgres of its own. The first step that fails ends it, with a failing exit code. Fails itself
/// only when it cannot begin.
pub async fn run(root: &Path, args: Args) -> Result<ExitCode> {
    let dirs = Dirs::new(root);
    let _lock = super::lock(&dirs, "test")?;
    let stop = super::interrupted()?;
    let mut report = Report::new();
    let result = alone(&dirs, args, &stop, &mut report).await;
    let ended = orphans::end_all(&dirs).await;
    let result = result.and(ended.map(drop));
    report.close(&result);
    Ok(if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn alone(dirs: &Dirs, args: Args, stop: &CancellationToken, report: &mut Report) -> Result<()> {
    report.step("Linting the template", rehearse::lint(dirs, &args.template)).await?;
    let mut backend = report.step("Starting Postgres", Backend::start_postgres(dirs)).await?;
    let cargo = Cargo::new(dirs, stop);
    let suites = Suites::new(&cargo, &[], &[], Vec::new()).await;
    let keep = args.keep.then_some(stop);
    let result = steps(dirs, &args.template, &backend, &suites, report, keep).await;
    let stopped = backend.stop().await;
    result.and(stopped)
}

/// The steps. With `keep` the stack stays deployed, after all of them but the last, until `keep` is cancelled.
pub(super) async fn steps(
    dirs: &Dirs,
    template: &Path,
    backend: &Backend,
    suites: &Suites<'_>,
    report: &mut Report,
    keep: Option<&CancellationToken>,
) -> Result<()> {
    let release = report.step("Building the zips", Rehearsal::build(dirs)).await?;
    // Empty: the stack brings it up.
    let database_url = backend.new_database("e2e_rehearse").await?;
    let deployed = Rehearsal::deploy(dirs, template, &release, Urls::of(database_url.clone())?);
    let deployed = report.step("Deploying the template", deployed);
    let rehearsal = deployed.await?;
    database::load_demo(dirs, &database_url).await?;
    let result = on(&rehearsal, suites, report, keep).await;
    let stopped = rehearsal.stop().await;
    result.and(stopped)
}

async fn on(
    rehearsal: &Rehearsal,
    suites: &Suites<'_>,
    report: &mut Report,
    keep: Option<&CancellationToken>,
) -> Result<()> {
    // What the examples reach is on this machine, and none of it is a part of a deployment.
    let suites = suites.without("examples::");
    suites.end_to_end("on the deployed stack", rehearsal.environment()?, report).await?;
    report.step("Permissions: as many as are used", rehearsal.permissions()).await?;
    report.step("Updating in place, sweeping by schedule", rehearsal.update()).await?;
    let figures = rehearsal.figures().await?;
    report.note(&format!("\nThe functions, as the emulator reports them:\n{figures}\n"));
    if let Some(stop) = keep {
        rehearsal.keep(stop).await?;
    }
    report.step("Deleting the stack", rehearsal.delete()).await
}
