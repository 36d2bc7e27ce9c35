//! Ours: the example `bench_verbs` of the domain crate, which calls the verbs.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tokio::process::Command;

use super::verbs::{Case, Measured};
use super::{noise, world};
use crate::cargo_lambda;
use crate::paths::Dirs;
use crate::progress::say;

/// The program.
#[derive(Debug)]
pub struct Driver(PathBuf);

#[derive(Deserialize)]
struct Report {
    done: u64,
    seconds: f64,
}

impl Driver {
    /// Builds it with the release profile, the one the functions are deployed with. Fails when it does not compile.
    pub async fn build(dirs: &Dirs) -> Result<Self> {
        say("Building the driver of the verbs");
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(["build", "--release", "--package", "runplane", "--example", "bench_verbs"]);
        command.current_dir(dirs.root()).env("SQLX_OFFLINE", "true").stdin(Stdio::null()).kill_on_drop(true);
        for name in cargo_lambda::package_variables() {
            command.env_remove(name);
        }
        if !command.status().await.context("cannot start cargo")?.success() {
            bail!("The driver does not compile: see above.");
        }
        Ok(Self(target(dirs).join("release/examples/bench_verbs")))
    }

    /// Runs a case on the database that [`world::copy`] made.
    pub async fn run(
        &self,
        database_url: &str,
        case: Case,
        connections: u32,
        seconds: u32,
    ) -> Result<Measured> {
        let mut command = Command::new(&self.0);
        command.arg(case.name()).args([connections, seconds].map(|number| number.to_string()));
        command.args([world::TENANT, world::VERSION]).env("DATABASE_URL", database_url);
        let cpu = noise::children_cpu_seconds();
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
        let output = output.context("cannot start the driver")?;
        let cpu = cpu.zip(noise::children_cpu_seconds()).map(|(before, after)| after - before);
        if !output.status.success() {
            bail!("the driver failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let report: Report = serde_json::from_slice(&output.stdout).context("the driver's report")?;
        Ok(Measured::new(report.done, report.done as f64 / report.seconds, cpu))
    }
}

/// Cargo's target folder.
pub fn target(dirs: &Dirs) -> PathBuf {
    dirs.root().join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}
