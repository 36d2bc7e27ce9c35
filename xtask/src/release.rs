//! The functions as they are deployed: `cargo lambda build --release --output-format zip`, for this machine's
//! architecture.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::bench::target;
use crate::cargo_lambda;
use crate::paths::Dirs;
use crate::progress::say;

/// A function that was built.
#[derive(Debug, Clone)]
pub struct Built {
    /// Its folder in `functions/`.
    pub name: String,
    /// What is uploaded.
    pub zip: PathBuf,
}

/// All functions, and where their programs lie.
#[derive(Debug, Clone)]
pub struct Release {
    /// In order of their names.
    pub functions: Vec<Built>,
    /// The folder of the programs that are in the zips, each under its function's name.
    pub programs: PathBuf,
}

/// Builds them all, with cargo's own progress on the terminal. Fails when one does not compile.
pub async fn build(dirs: &Dirs) -> Result<Release> {
    say("Building the functions for release");
    let program = cargo_lambda::find(dirs).await?;
    let mut command = Command::new(&program);
    command.args(["lambda", "build", "--release", "--output-format", "zip"]);
    // The wheel's cargo-lambda looks on PATH for what lies beside it: zig, which it links with.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let beside = program.parent().map(Path::to_owned).into_iter();
    command.env("PATH", std::env::join_paths(beside.chain(std::env::split_paths(&path)))?);
    command.current_dir(dirs.root()).env("SQLX_OFFLINE", "true").stdin(Stdio::null()).kill_on_drop(true);
    for name in cargo_lambda::package_variables() {
        command.env_remove(name);
    }
    if !command.status().await.context("cannot start cargo-lambda")?.success() {
        bail!("The functions do not compile: see above.");
    }

    let mut functions = Vec::new();
    for entry in std::fs::read_dir(dirs.root().join("functions"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let zip = target(dirs).join("lambda").join(&name).join("bootstrap.zip");
        functions.push(Built { name, zip });
    }
    functions.sort_by(|a, b| a.name.cmp(&b.name));
    // What cargo-lambda builds for when it is not told.
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    Ok(Release { functions, programs: target(dirs).join(triple).join("release") })
}

impl Built {
    /// The size of the zip in bytes.
    pub fn zip_bytes(&self) -> Result<u64> {
        let file = std::fs::metadata(&self.zip);
        Ok(file.with_context(|| format!("{} is missing", self.zip.display()))?.len())
    }
}
