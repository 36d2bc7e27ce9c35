//! Where things lie: the repository, and `.dev/`, which holds all that the local stack installs, stores and logs.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// The folders of one checkout. Cheap to clone; nothing is created before it is asked for.
#[derive(Debug, Clone)]
pub struct Dirs {
    root: PathBuf,
}

impl Dirs {
    /// The folders under the repository `root` (the folder of the workspace's Cargo.toml).
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The repository.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `.dev/`, created if missing. Fails when it cannot be created.
    pub fn dev(&self) -> Result<PathBuf> {
        made(self.root.join(".dev"))
    }

    /// `.dev/logs/`, created if missing: one `<service>.log` each.
    pub fn logs(&self) -> Result<PathBuf> {
        made(self.root.join(".dev/logs"))
    }

    /// `.dev/run/`, created if missing: one `<service>.json` for each process that runs.
    pub fn run(&self) -> Result<PathBuf> {
        made(self.root.join(".dev/run"))
    }

    /// The log of the service `name`, which need not exist.
    pub fn log(&self, name: &str) -> Result<PathBuf> {
        Ok(self.logs()?.join(format!("{name}.log")))
    }
}

/// Twelve hex digits that stand for `bytes` in names.
pub fn short_hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes)).chars().take(12).collect()
}

fn made(folder: PathBuf) -> Result<PathBuf> {
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}
