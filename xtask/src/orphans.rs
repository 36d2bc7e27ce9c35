//! Processes that outlived whoever started them: found by their records in `.dev/run/`, ended only when they are provably
//! the recorded ones.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::process::Signal;

use crate::paths::Dirs;
use crate::process::{Record, read_json, signal_group, signal_process};
use crate::processes::{self, Identity};

/// How long an orphan may take to stop in order. Postgres writes its checkpoint in that time.
const GRACE: Duration = Duration::from_secs(10);

/// Every readable record of `.dev/run/`, by name.
pub fn records(dirs: &Dirs) -> Result<Vec<Record>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dirs.run()?)?.flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "json") {
            found.extend(read_json::<Record>(&entry.path()));
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// Ends every recorded process whose owner is gone. Those of a running `up` or `test` are left alone. Returns the names
/// of what was still running.
pub async fn end_all(dirs: &Dirs) -> Result<Vec<String>> {
    let mut ended = Vec::new();
    for record in records(dirs)? {
        if record.owner.as_ref().is_some_and(Identity::alive) {
            continue;
        }
        if end_recorded(dirs, &dirs.run()?.join(format!("{}.json", record.name))).await? {
            ended.push(record.name);
        }
    }
    Ok(ended)
}

/// Ends the process that the record at `path` names, if it still runs, and removes the record. Returns whether anything
/// was still there.
pub async fn end_recorded(dirs: &Dirs, path: &Path) -> Result<bool> {
    let Some(record) = read_json::<Record>(path) else { return Ok(false) };
    let all = processes::list();
    let tree = processes::descendants(&all, record.process.pid);
    let alive = record.process.alive();
    if alive {
        signal_process(record.process.pid, Signal::INT);
        let since = Instant::now();
        while record.process.alive() && since.elapsed() < GRACE {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        if record.process.alive() {
            signal_group(record.process.pid, Signal::KILL);
        }
        kill_tree(&tree);
    }
    // The leader is dead, its group may not be: only those count that run something of this checkout.
    let ours = dirs.root().to_string_lossy().into_owned();
    let left =
        all.iter().filter(|process| process.group == record.process.pid && process.command.contains(&ours));
    let mut found = alive;
    for process in left.filter(|process| process.identity.alive()) {
        signal_process(process.identity.pid, Signal::KILL);
        found = true;
    }
    let _ = std::fs::remove_file(path);
    Ok(found)
}

/// Kills those of `tree` that still run: what a group's leader started outside its group. (`cargo lambda watch` and
/// Postgres both give their children groups of their own.)
pub fn kill_tree(tree: &[Identity]) {
    for process in tree.iter().filter(|process| process.alive()) {
        signal_process(process.pid, Signal::KILL);
    }
}
