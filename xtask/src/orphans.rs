//! Processes that outlived whoever started them: found by their records in `.dev/run/`, ended only when they are provably
//! the recorded ones.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::process::Signal;

use crate::paths::Dirs;
use crate::process::{Record, read_json, signal_group, signal_process};
use crate::processes::{self, Identity, Process};

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
    let all = processes::list();
    for process in all.iter().filter(|process| is_unrecorded(process, dirs.root())) {
        end(&process.identity, &processes::descendants(&all, process.identity.pid)).await;
        ended.push(format!("process {}", process.identity.pid));
    }
    Ok(ended)
}

/// Whether this is a server of this checkout whose parent is gone; its record went with the folder it was in. What a
/// person runs from the same folders (psql, `cargo lambda invoke`) is none.
fn is_unrecorded(process: &Process, root: &Path) -> bool {
    let ours = format!("{}/", root.join(".dev/venv").display());
    let servers = ["/bin/postgres -D ", " -m localstack.runtime.main", " -m ministack", " lambda watch "];
    process.parent == 1
        && process.command.starts_with(&ours)
        && servers.iter().any(|server| process.command.contains(server))
}

/// Ends the process that the record at `path` names, if it still runs, and removes the record. Returns whether anything
/// was still there.
pub async fn end_recorded(dirs: &Dirs, path: &Path) -> Result<bool> {
    let Some(record) = read_json::<Record>(path) else { return Ok(false) };
    let all = processes::list();
    let tree = processes::descendants(&all, record.process.pid);
    let alive = record.process.alive();
    if alive {
        end(&record.process, &tree).await;
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

/// Stops a process in order if it does so soon, and kills what is left of it and its `tree`.
async fn end(process: &Identity, tree: &[Identity]) {
    signal_process(process.pid, Signal::INT);
    let since = Instant::now();
    while process.alive() && since.elapsed() < GRACE {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    if process.alive() {
        signal_group(process.pid, Signal::KILL);
    }
    kill_tree(tree);
}

/// Waits until nothing of `tree` runs any more, ten seconds at most.
pub async fn gone(tree: &[Identity]) {
    let since = Instant::now();
    while tree.iter().any(Identity::alive) && since.elapsed() < GRACE {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Kills those of `tree` that still run: what a group's leader started outside its group. (`cargo lambda watch` and
/// Postgres both give their children groups of their own.)
pub fn kill_tree(tree: &[Identity]) {
    for process in tree.iter().filter(|process| process.alive()) {
        signal_process(process.pid, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_of_this_checkout_without_a_parent_is_an_orphan_and_nothing_else_is() {
        let orphan = |parent, command: &str| {
            let identity = Identity { pid: 77, started: String::new() };
            is_unrecorded(
                &Process { identity, parent, group: 77, command: command.to_owned() },
                Path::new("/repo"),
            )
        };
        let sqs = "/repo/.dev/venv/localstack/bin/python -m localstack.runtime.main";
        assert!(orphan(1, sqs));
        assert!(!orphan(500, sqs));
        assert!(!orphan(1, "/other/.dev/venv/localstack/bin/python -m localstack.runtime.main"));
        assert!(!orphan(
            1,
            "/repo/.dev/venv/postgres/lib/x/pginstall/bin/psql postgres://127.0.0.1/runplane"
        ));
    }

    #[tokio::test]
    async fn a_recorded_pid_that_is_another_process_by_now_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let dirs = Dirs::new(folder.path());
        let mut child = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        let process = Identity { pid: child.id(), started: "before".to_owned() };
        let path = dirs.run().unwrap().join("a.json");
        let record = Record { name: "a".to_owned(), process, owner: None, port: None };
        crate::process::write_json(&path, &record).unwrap();
        assert_eq!(end_all(&dirs).await.unwrap(), Vec::<String>::new());
        assert!(child.try_wait().unwrap().is_none(), "the stranger must live");
        assert!(!path.exists(), "the record must go");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[tokio::test]
    async fn an_orphan_is_ended_and_a_process_with_a_living_owner_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let dirs = Dirs::new(folder.path());
        let mut child = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        let process = Identity::of(child.id()).unwrap();
        let path = dirs.run().unwrap().join("a.json");
        let mut record = Record { name: "a".to_owned(), process, owner: Identity::own(), port: None };
        crate::process::write_json(&path, &record).unwrap();
        assert_eq!(end_all(&dirs).await.unwrap(), Vec::<String>::new());
        assert!(child.try_wait().unwrap().is_none());
        record.owner = None;
        crate::process::write_json(&path, &record).unwrap();
        assert_eq!(end_all(&dirs).await.unwrap(), ["a"]);
        child.wait().unwrap();
    }
}
