//! What `.dev/run/up.state` says about the stack: written by its supervisor, read by every other command.

use std::fs::{File, TryLockError};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::plan::{Plan, Source};
use crate::api_keys::ApiKey;
use crate::example::Surroundings;
use crate::paths::Dirs;
use crate::process::{read_json, write_json};
use crate::processes::Identity;
use crate::queues::Queues;

/// A stack that is up or on its way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// Who watches over it.
    pub supervisor: Option<Identity>,
    /// Whether the event source mapping runs.
    pub worker: bool,
    /// Whether callers need API keys.
    #[serde(default)]
    pub auth: bool,
    /// Where Postgres and SQS come from.
    pub plan: Plan,
    /// Known when it is ready.
    pub addresses: Option<Addresses>,
}

/// Where its parts answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// `http://127.0.0.1:<port>`
    pub base_url: String,
    /// The port of `base_url`.
    pub port: u16,
    /// The connection string of whoever owns the tables.
    pub database_url: String,
    /// That of the functions.
    pub functions_url: String,
    /// Of SQS.
    pub endpoint_url: String,
    /// The queues.
    pub queues: Queues,
    /// What the examples reach; there is none in benchmarks.
    #[serde(default)]
    pub examples: Option<Surroundings>,
    /// A key for each role. None: nobody is asked for one (`AUTH=off`).
    #[serde(default)]
    pub keys: Vec<ApiKey>,
}

impl State {
    /// The state of this checkout; `None` when nothing was started, or all was stopped in order.
    pub fn load(dirs: &Dirs) -> Result<Option<Self>> {
        Ok(read_json(&dirs.run()?.join("up.state")))
    }

    /// Writes it.
    pub fn save(&self, dirs: &Dirs) -> Result<()> {
        write_json(&dirs.run()?.join("up.state"), self)
    }

    /// Removes it.
    pub fn remove(dirs: &Dirs) -> Result<()> {
        // Missing is what is wanted.
        let _ = std::fs::remove_file(dirs.run()?.join("up.state"));
        Ok(())
    }

    /// Whether its supervisor runs.
    pub fn supervised(&self) -> bool {
        self.supervisor.as_ref().is_some_and(Identity::alive)
    }

    /// Whether it has containers.
    pub fn uses_docker(&self) -> bool {
        self.plan.postgres == Source::Docker || self.plan.sqs == Source::Docker
    }
}

/// The lock that a supervisor holds for as long as it lives; `None` when another one does. The system lets go of it when
/// its holder is killed.
pub fn try_lock(dirs: &Dirs) -> Result<Option<File>> {
    let path = dirs.run()?.join("up.lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error).context("cannot lock .dev/run/up.lock"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn nobody_else_may_read_the_keys_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let dirs = Dirs::new(folder.path());
        let plan = Plan { postgres: Source::Own, sqs: Source::Own };
        let state = State { supervisor: None, worker: true, auth: true, plan, addresses: None };
        state.save(&dirs).unwrap();
        let mode = std::fs::metadata(dirs.run().unwrap().join("up.state")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn only_one_supervisor_holds_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let dirs = Dirs::new(folder.path());
        let held = try_lock(&dirs).unwrap().unwrap();
        assert!(try_lock(&dirs).unwrap().is_none());
        drop(held);
        assert!(try_lock(&dirs).unwrap().is_some());
    }
}
