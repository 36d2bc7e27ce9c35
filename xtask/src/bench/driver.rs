//! Ours: the example `bench_verbs` of the domain crate, which calls the verbs.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::case::{Case, Measured, Work};
use super::{noise, world};
use crate::cargo_lambda;
use crate::paths::Dirs;
use crate::progress::say;

/// The program.
#[derive(Debug)]
pub struct Driver(PathBuf);

/// What it is told.
#[derive(Serialize)]
struct Spec<'a> {
    work: Work,
    size: u32,
    connections: u32,
    seconds: u32,
    slices: u32,
    any_tenant: bool,
    tenant: &'a str,
    version: &'a str,
}

/// What it has done.
#[derive(Debug, Deserialize)]
pub struct Report {
    /// Runs.
    pub done: u64,
    /// For how long.
    pub seconds: f64,
    /// As many as asked for, one after the other, each of about the same length.
    pub slices: Vec<Slice>,
    /// Milliseconds of a claim: the median, and what all but one in a hundred do not exceed.
    pub claim_ms: [Option<f64>; 2],
    /// Milliseconds of a completion.
    pub complete_ms: [Option<f64>; 2],
}

/// A part of the time.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Slice {
    /// Runs.
    pub done: u64,
    /// For how long.
    pub seconds: f64,
}

/// Builds an example of the domain crate with the release profile, the one the functions are deployed with. Fails when it does not compile.
pub async fn example(dirs: &Dirs, name: &str) -> Result<PathBuf> {
    build(dirs, name, "release").await
}

/// Returns the program. `profile` is a folder of `target`: `release` or `debug`.
async fn build(dirs: &Dirs, name: &str, profile: &str) -> Result<PathBuf> {
    say(format_args!("Building {name}"));
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["build", "--example", name]);
    // The dev one as `cargo test` builds it, the other with nothing that only the functions need.
    command.args(if profile == "release" { &["--release", "--package", "runplane"][..] } else { &[] });
    command.current_dir(dirs.root()).env("SQLX_OFFLINE", "true").stdin(Stdio::null()).kill_on_drop(true);
    for name in cargo_lambda::package_variables() {
        command.env_remove(name);
    }
    if !command.status().await.context("cannot start cargo")?.success() {
        bail!("{name} does not compile: see above.");
    }
    Ok(target(dirs).join(profile).join("examples").join(name))
}

/// Runs one that prints its own tables. Fails when it does.
pub async fn run_example(program: &Path, database_url: &str) -> Result<()> {
    let mut command = Command::new(program);
    let status = command.env("DATABASE_URL", database_url).stdin(Stdio::null()).kill_on_drop(true).status();
    if !status.await.with_context(|| format!("cannot start {}", program.display()))?.success() {
        bail!("{} failed: see above.", program.display());
    }
    Ok(())
}

/// What one of those that `cargo test` has built prints in its small form. Fails when it does.
pub async fn run_built(dirs: &Dirs, name: &str, database_url: &str) -> Result<String> {
    let program = target(dirs).join("debug/examples").join(name);
    let mut command = Command::new(&program);
    command.arg("small").env("DATABASE_URL", database_url).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.with_context(|| format!("cannot start {}", program.display()))?;
    if !output.status.success() {
        bail!("{name} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

impl Driver {
    /// Builds it, with the dev profile where its figures mean nothing. Fails when it does not compile.
    pub async fn build(dirs: &Dirs, small: bool) -> Result<Self> {
        Ok(Self(build(dirs, "bench_verbs", if small { "debug" } else { "release" }).await?))
    }

    /// The one that `cargo test` has built.
    pub fn built(dirs: &Dirs) -> Self {
        Self(target(dirs).join("debug/examples/bench_verbs"))
    }

    /// Runs a case on the database for some seconds. Fails with what the driver says.
    pub async fn run(&self, database_url: &str, case: Case, seconds: u32) -> Result<Measured> {
        let cpu = noise::children_cpu_seconds();
        let report = self.report(database_url, case, seconds, 1, false).await?;
        let cpu = cpu.zip(noise::children_cpu_seconds()).map(|(before, after)| after - before);
        Ok(Measured::new(report.done, report.done as f64 / report.seconds, cpu))
    }

    /// The same, told by slices of the time; with claims that name the tenant or none.
    pub async fn report(
        &self,
        database_url: &str,
        case: Case,
        seconds: u32,
        slices: u32,
        any_tenant: bool,
    ) -> Result<Report> {
        let Case { work, size, connections } = case;
        let (tenant, version) = (world::TENANT, world::VERSION);
        let spec = Spec { work, size, connections, seconds, slices, any_tenant, tenant, version };
        let mut command = Command::new(&self.0);
        command.arg(serde_json::to_string(&spec)?).env("DATABASE_URL", database_url);
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
        let output = output.context("cannot start the driver")?;
        if !output.status.success() {
            bail!("the driver failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        serde_json::from_slice(&output.stdout).context("the driver's report")
    }
}

/// Cargo's target folder.
pub fn target(dirs: &Dirs) -> PathBuf {
    dirs.root().join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}
