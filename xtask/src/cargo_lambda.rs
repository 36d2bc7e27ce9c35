//! cargo-lambda: the one on PATH, else the PyPI wheel; and the build that makes its own a matter of nothing to do.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::paths::Dirs;
use crate::progress::say;
use crate::{python, venv};

/// The oldest version whose `watch` takes `--concurrency` and routes as we write them.
const OLDEST: (u32, u32) = (1, 9);

/// The program `cargo-lambda`, to be called as `cargo-lambda lambda …`: the one on PATH if it is new enough, else the
/// wheel's, installed if need be.
pub async fn find(dirs: &Dirs) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    for program in
        env::split_paths(&path).map(|folder| folder.join("cargo-lambda")).filter(|program| program.is_file())
    {
        if version(&program).await.is_some_and(|found| found >= OLDEST) {
            return Ok(program);
        }
    }
    Ok(venv::ensure(dirs, "cargo-lambda", &python::find()?).await?.join("bin/cargo-lambda"))
}

/// Builds every function, with cargo's own progress on the terminal. `cargo lambda watch` runs `cargo run --bin <name>` in
/// the same folder: both select the workspace's default members and so the same features, and the run finds all built.
/// Fails when a function does not compile.
pub async fn build(dirs: &Dirs) -> Result<()> {
    say("Building the functions");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--bins"]).env("SQLX_OFFLINE", "true").current_dir(dirs.root());
    without_package_variables(&mut command);
    let status =
        command.stdin(Stdio::null()).kill_on_drop(true).status().await.context("cannot start cargo")?;
    if status.success() { Ok(()) } else { bail!("The functions do not compile: see above.") }
}

/// Takes out what `cargo run` (this command) tells about the package xtask: build scripts that watch the environment would
/// take it for a change.
fn without_package_variables(command: &mut Command) {
    for name in package_variables() {
        command.env_remove(name);
    }
}

/// The names of the variables that `cargo run` has set for this process.
pub fn package_variables() -> Vec<String> {
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let of_package = |name: &String| {
        ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|prefix| name.starts_with(prefix))
            || matches!(
                name.as_str(),
                "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE" | "OUT_DIR" | "LD_LIBRARY_PATH"
            )
    };
    names.filter(of_package).collect()
}

async fn version(program: &Path) -> Option<(u32, u32)> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output().await.ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

/// `cargo-lambda 1.9.2 (67129fc 2026-08-21Z)`
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.strip_prefix("cargo-lambda ")?.split(['.', ' ']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_and_compared() {
        assert_eq!(parse_version("cargo-lambda 1.9.2 (67129fc 2026-08-21Z)\n"), Some((1, 9)));
        assert!(parse_version("cargo-lambda 1.10.0").unwrap() >= OLDEST);
        assert!(parse_version("cargo-lambda 1.8.1").unwrap() < OLDEST);
        assert_eq!(parse_version("error: no such command"), None);
    }
}
