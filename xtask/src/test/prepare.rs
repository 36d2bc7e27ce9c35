//! `cargo xtask prepare`: writes the metadata of all queries into `/.sqlx`, from a Postgres of its own.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::command::Cargo;
use super::queries;
use super::stack::Backend;
use crate::paths::Dirs;
use crate::progress::say;

/// Refreshes `/.sqlx` of the repository `root`: what is new or changed is written, what no query needs is removed.
///
/// Fails when a query does not compile, or a file cannot be written.
pub async fn run(root: &Path) -> Result<()> {
    let dirs = Dirs::new(root);
    let _lock = super::lock(&dirs, "test")?;
    let stop = super::interrupted()?;
    let mut backend = Backend::start_postgres(&dirs).await?;
    let check = ["check", "--workspace", "--all-targets"];
    let described = queries::describe(&dirs, &Cargo::new(&dirs, &stop), &backend, &check).await;
    backend.stop().await?;
    let fresh = described?;

    let folder = root.join(".sqlx");
    let old = queries::read(&folder)?;
    std::fs::create_dir_all(&folder)?;
    let mut changed = 0;
    for (name, text) in fresh.iter().filter(|(name, text)| old.get(*name) != Some(text)) {
        std::fs::write(folder.join(name), text).with_context(|| format!("cannot write .sqlx/{name}"))?;
        changed += 1;
    }
    for name in old.keys().filter(|name| !fresh.contains_key(*name)) {
        std::fs::remove_file(folder.join(name)).with_context(|| format!("cannot remove .sqlx/{name}"))?;
        changed += 1;
    }
    say(format_args!(".sqlx is up to date: {} queries, {changed} files changed.", fresh.len()));
    Ok(())
}
