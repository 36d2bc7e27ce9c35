//! Child processes in a group of their own, recorded in `.dev/run/` and logged to `.dev/logs/`. The record is what finds
//! them again after whoever started them was killed.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use tokio::process::{Child, Command};

use crate::orphans;
use crate::paths::Dirs;
use crate::processes::{self, Identity};

/// A log that has grown beyond this many bytes is set aside as `<name>.log.1` when its service starts.
const LOG_LIMIT: u64 = 5 << 20;

/// What to start.
#[derive(Debug, Clone, Default)]
pub struct Spec {
    /// Names its record and its log. A process that an earlier run left under this name is ended first.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Added to the inherited environment.
    pub env: Vec<(String, OsString)>,
    /// Taken out of the inherited environment.
    pub without_env: Vec<String>,
    /// Its working folder; the repository by default.
    pub cwd: Option<PathBuf>,
    /// User and group id to run as, where it is not the caller's.
    pub user: Option<(u32, u32)>,
    /// The port it serves, for `status`.
    pub port: Option<u16>,
}

/// What `.dev/run/<name>.json` says about a process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// The service's name.
    pub name: String,
    /// The process, which leads a group of its own.
    pub process: Identity,
    /// Who started it. When the owner is gone and the process is not, it is an orphan.
    pub owner: Option<Identity>,
    /// The port it serves, if it is one.
    pub port: Option<u16>,
}

/// A child process and its process group. Dropping it kills them.
#[derive(Debug)]
pub struct Service {
    /// Of the leader, which is the id of the group too.
    pub pid: u32,
    name: String,
    child: Child,
    record: PathBuf,
    log: PathBuf,
}

impl Service {
    /// Starts `spec` in its own process group, with both outputs appended to its log. Fails when the program is missing.
    pub async fn spawn(dirs: &Dirs, spec: Spec) -> Result<Self> {
        let record = dirs.run()?.join(format!("{}.json", spec.name));
        orphans::end_recorded(dirs, &record).await?;
        let log = dirs.log(&spec.name)?;
        let out = open_log(&log)?;
        let mut command = Command::new(&spec.program);
        command.args(&spec.args).envs(spec.env).current_dir(spec.cwd.as_deref().unwrap_or(dirs.root()));
        for name in &spec.without_env {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out).process_group(0);
        if let Some((user, group)) = spec.user {
            command.uid(user).gid(group);
        }
        let child = command.spawn().with_context(|| format!("cannot start {}", spec.program.display()))?;
        let pid = child.id().with_context(|| format!("{} ended at once", spec.name))?;
        let service = Self { pid, name: spec.name.clone(), child, record, log };
        // A child that is gone already leaves nothing to record; its owner notices that next.
        if let Some(process) = Identity::of(pid) {
            let entry = Record { name: spec.name, process, owner: Identity::own(), port: spec.port };
            write_json(&service.record, &entry)?;
        }
        Ok(service)
    }

    /// Waits until the process has ended by itself.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        Ok(self.child.wait().await?)
    }

    /// Fails, with the end of its log, when the process has ended.
    pub fn check_running(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            let tail = tail(&self.log, 15);
            anyhow::bail!("{} ended with {status}; the end of {}:\n{tail}", self.name, self.log.display());
        }
        Ok(())
    }

    /// Sends `signal` to the leader alone, waits up to `grace` for it, then kills what is left of it, its group and its
    /// descendants.
    pub async fn stop(&mut self, signal: Signal, grace: Duration) -> Result<()> {
        let tree = self.tree();
        if self.child.id().is_some() {
            signal_process(self.pid, signal);
            // An elapsed grace is answered by the kill below.
            let _ = tokio::time::timeout(grace, self.child.wait()).await;
        }
        self.end(&tree);
        self.child.wait().await?;
        Ok(())
    }

    /// Kills the process, its group and its descendants at once, and waits until all of them are gone: a Postgres does not start while a process of the
    /// one before still has its memory.
    pub async fn kill(&mut self) -> Result<()> {
        let tree = self.tree();
        self.end(&tree);
        self.child.wait().await?;
        orphans::gone(&tree).await;
        Ok(())
    }

    fn tree(&self) -> Vec<Identity> {
        processes::descendants(&processes::list(), self.pid)
    }

    /// Kills the group, then those of its descendants that have left the group.
    fn end(&self, tree: &[Identity]) {
        if self.child.id().is_some() {
            signal_group(self.pid, Signal::KILL);
        }
        orphans::kill_tree(tree);
        let _ = std::fs::remove_file(&self.record);
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if self.child.id().is_some() {
            self.end(&self.tree());
        }
    }
}

/// Sends `signal` to the process `pid`. One that is gone already is no error.
pub fn signal_process(pid: u32, signal: Signal) {
    if let Some(pid) = as_pid(pid) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// Sends `signal` to every process of the group `group`. One that is gone already is no error.
pub fn signal_group(group: u32, signal: Signal) {
    if let Some(group) = as_pid(group) {
        let _ = rustix::process::kill_process_group(group, signal);
    }
}

fn as_pid(pid: u32) -> Option<rustix::process::Pid> {
    // 0 and 1 would mean one's own group and everything.
    i32::try_from(pid).ok().filter(|pid| *pid > 1).and_then(rustix::process::Pid::from_raw)
}

/// Writes `value` so that a reader sees the old file or the new one, never half of it.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let next = path.with_extension(format!("{}.new", std::process::id()));
    let text = serde_json::to_vec_pretty(value)?;
    // A stack's API keys may be in it: at no moment does anybody else read it.
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&next)
        .and_then(|mut file| file.write_all(&text))
        .and_then(|()| std::fs::rename(&next, path));
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// Reads what [`write_json`] wrote; `None` when it is missing or not readable as a `T`.
pub fn read_json<T: for<'a> Deserialize<'a>>(path: &Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// Opens a log for appending; a long one is set aside first.
pub fn open_log(path: &Path) -> Result<File> {
    if std::fs::metadata(path).is_ok_and(|log| log.len() > LOG_LIMIT) {
        std::fs::rename(path, path.with_extension("log.1"))?;
    }
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.with_context(|| format!("cannot write {}", path.display()))
}

/// The last `lines` lines of a file; empty when it cannot be read.
pub fn tail(path: &Path, lines: usize) -> String {
    let text = String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
