//! Node from PyPI (`localstack/node.txt`), for what is written in JavaScript: none has to be on the machine.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use crate::paths::Dirs;
use crate::progress::say;
use crate::{python, venv};

/// A Node with its npm.
#[derive(Debug, Clone)]
pub struct Node {
    bin: PathBuf,
}

impl Node {
    /// The one in `.dev/venv/node`, installed unless it is there. Fails when pip does.
    pub async fn ensure(dirs: &Dirs) -> Result<Self> {
        let bin = venv::ensure(dirs, "node", &python::find()?).await?.join("bin");
        Ok(Self { bin })
    }

    /// `node` itself.
    pub fn program(&self) -> PathBuf {
        self.bin.join("node")
    }

    /// `npm` in a folder.
    pub fn npm(&self, folder: &Path) -> Result<Command> {
        self.command(&self.bin.join("npm"), folder)
    }

    /// A program in a folder, which finds this Node by its name: npm and what it starts do so. It reads nothing, and ends with its handle.
    pub fn command(&self, program: &Path, folder: &Path) -> Result<Command> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(self.bin.clone()).chain(std::env::split_paths(&path));
        let mut command = Command::new(program);
        command.env("PATH", std::env::join_paths(path)?).current_dir(folder);
        command.stdin(Stdio::null()).kill_on_drop(true);
        Ok(command)
    }

    /// The packages that `package-lock.json` of a folder pins, in its `node_modules`, unless they are there; none of them runs anything as it is
    /// installed. npm gets the caller's environment, so the user's own configuration counts. Fails when it does.
    pub async fn packages(&self, folder: &Path) -> Result<()> {
        let lock = folder.join("package-lock.json");
        let lock = std::fs::read(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
        // npm empties node_modules before it fills it: the marker is there when that was done to the end.
        let (wanted, marker) = (hex::encode(Sha256::digest(&lock)), folder.join("node_modules/.complete"));
        if std::fs::read_to_string(&marker).is_ok_and(|found| found == wanted) {
            return Ok(());
        }
        say(format_args!("Installing packages into {} (once)", folder.join("node_modules").display()));
        let mut npm = self.npm(folder)?;
        npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]);
        if !npm.status().await.context("cannot start npm")?.success() {
            bail!("`npm ci` failed; what it printed above says why. The next start tries again.");
        }
        Ok(std::fs::write(marker, wanted)?)
    }
}
