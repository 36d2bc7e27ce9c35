//! Queries against a migrated Postgres, and the committed `.sqlx` against what they say there.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::command::Cargo;
use super::stack::Backend;
use crate::database;
use crate::paths::Dirs;

/// The metadata of queries by file name.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// Lints the workspace with every query checked by Postgres, and compares the metadata that this yields with `/.sqlx`.
///
/// Fails when a lint or a query does, or when `.sqlx` is not what a build without a database needs.
pub(super) async fn lint_and_compare(dirs: &Dirs, cargo: &Cargo, backend: &Backend) -> Result<()> {
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    let fresh = describe(dirs, cargo, backend, &clippy).await?;
    let differences = differences(&read(&dirs.root().join(".sqlx"))?, &fresh);
    if !differences.is_empty() {
        bail!(
            "`.sqlx` is not up to date ({}): run `cargo xtask prepare` and commit what it writes.",
            differences.join(", ")
        );
    }
    Ok(())
}

/// Runs `cargo <args>`, which compiles the domain crate and all that use it, with queries described by a migrated
/// Postgres; returns the metadata.
pub(super) async fn describe(dirs: &Dirs, cargo: &Cargo, backend: &Backend, args: &[&str]) -> Result<Files> {
    let url = backend.new_database("queries").await?;
    database::migrate(dirs, &url).await?;
    let folder = dirs.dev()?.join("sqlx");
    // What an interrupted run has left there is not fresh.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;

    // Cargo does not know that the answers of a database went into a build: without this it would find nothing to do.
    let touched = dirs.root().join("shared/src/lib.rs");
    let file = std::fs::File::options().append(true).open(&touched);
    let now = std::time::SystemTime::now();
    file.and_then(|file| file.set_modified(now))
        .with_context(|| format!("cannot touch {}", touched.display()))?;

    let cargo = cargo.env("SQLX_OFFLINE", "false").env("DATABASE_URL", url).env("SQLX_OFFLINE_DIR", &folder);
    cargo.run(args).await?;
    let files = read(&folder)?;
    std::fs::remove_dir_all(&folder)?;
    if files.is_empty() {
        bail!("`cargo {}` described no query: is there a crate with queries?", args.join(" "));
    }
    Ok(files)
}

/// The metadata files of a folder; none when it is missing.
pub(super) fn read(folder: &Path) -> Result<Files> {
    let mut files = Files::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("query-") && name.ends_with(".json") {
            files.insert(
                name,
                std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?,
            );
        }
    }
    Ok(files)
}

/// What is wrong with the committed files, one phrase each.
fn differences(committed: &Files, fresh: &Files) -> Vec<String> {
    let missing =
        fresh.keys().filter(|name| !committed.contains_key(*name)).map(|name| format!("{name} is missing"));
    let more =
        committed.keys().filter(|name| !fresh.contains_key(*name)).map(|name| format!("{name} is unused"));
    let changed = fresh
        .iter()
        .filter(|(name, text)| committed.get(*name).is_some_and(|old| !same(old, text)))
        .map(|(name, _)| format!("{name} differs"));
    missing.chain(more).chain(changed).collect()
}

/// Whether two files say the same; line ends and indentation do not count.
fn same(a: &[u8], b: &[u8]) -> bool {
    let parse = |text| serde_json::from_slice::<serde_json::Value>(text).ok();
    a == b || parse(a).is_some_and(|a| Some(a) == parse(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_unused_and_changed_files_are_named() {
        let files = |files: &[(&str, &str)]| -> Files {
            files.iter().map(|(name, text)| (name.to_string(), text.as_bytes().to_vec())).collect()
        };
        let committed = files(&[("same", "{\"a\": 1}"), ("old", "{}"), ("other", "{\"a\": 1}")]);
        let fresh = files(&[("same", "{\"a\":1}\n"), ("new", "{}"), ("other", "{\"a\": 2}")]);
        assert_eq!(differences(&committed, &fresh), ["new is missing", "old is unused", "other differs"]);
        assert!(differences(&fresh, &fresh).is_empty());
    }
}
