//! The data folder of a Postgres of our own: made whole or not at all, and served by one process.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use tokio::process::Command;

use crate::nobody::User;
use crate::processes;

/// How long a server that is still there may take to stop in order.
const STOP: Duration = Duration::from_secs(20);

/// Makes the folder `data` of an empty Postgres that belongs to `user`. Into a folder beside, then renamed: an initdb that
/// was interrupted is never taken for data. Fails with what initdb says.
pub async fn init(bin: &Path, data: &Path, user: User) -> Result<()> {
    let next = data.with_extension("new");
    for folder in [next.as_path(), data] {
        if folder.exists() {
            std::fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        }
    }
    std::fs::create_dir_all(&next)?;
    if let Some((user, group)) = user {
        std::os::unix::fs::chown(&next, Some(user), Some(group))?;
    }
    let mut initdb = Command::new(bin.join("initdb"));
    initdb.arg("-D").arg(&next).args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"]);
    initdb
        .args(["--locale-provider=builtin", "--builtin-locale=C.UTF-8"])
        .current_dir("/")
        .kill_on_drop(true);
    for name in pg_variables() {
        initdb.env_remove(name);
    }
    if let Some((user, group)) = user {
        initdb.uid(user).gid(group);
    }
    let output = initdb.output().await.context("cannot start initdb")?;
    if !output.status.success() {
        bail!("initdb failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    std::fs::rename(&next, data).with_context(|| format!("cannot write {}", data.display()))
}

/// Has the role `name` asked for its password in the database of that name, as a Postgres elsewhere would ask. Nobody else is asked for one.
pub fn ask_for_password(data: &Path, name: &str) -> Result<()> {
    let file = data.join("pg_hba.conf");
    let rules = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let rule = format!("host {name} {name} 127.0.0.1/32 scram-sha-256\n");
    if rules.starts_with(&rule) {
        return Ok(());
    }
    // The first rule that fits is the one that counts. The file stays its owner's.
    std::fs::write(&file, rule + &rules).with_context(|| format!("cannot write {}", file.display()))
}

/// A Postgres that serves `data` without a record in `.dev/run/` (it was killed together with its record) is ended; a
/// `postmaster.pid` whose process is another program by now is removed, as Postgres would take it for a running server.
pub async fn end_strangers(data: &Path) {
    let file = data.join("postmaster.pid");
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let Some(pid) = text.lines().next().and_then(|line| line.trim().parse::<u32>().ok()) else { return };
    let all = processes::list();
    let of_data = |process: &&processes::Process| {
        process.identity.pid == pid && process.command.contains(&format!("-D {}", data.display()))
    };
    match all.iter().find(of_data) {
        Some(process) => {
            crate::process::signal_process(pid, Signal::INT);
            let since = Instant::now();
            while process.identity.alive() && since.elapsed() < STOP {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        None => drop(std::fs::remove_file(&file)),
    }
}

/// The user's own PGHOST, PGPORT, … would lead our programs elsewhere; the library path of `cargo run` is not for them.
pub fn pg_variables() -> Vec<String> {
    let mut names: Vec<String> = std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with("PG"))
        .collect();
    names.push("LD_LIBRARY_PATH".to_owned());
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_asked_for_its_password_before_any_other_rule() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pg_hba.conf");
        std::fs::write(&file, "host all all 127.0.0.1/32 trust\n").unwrap();
        for _ in 0..2 {
            ask_for_password(folder.path(), "w").unwrap();
            let rules = std::fs::read_to_string(&file).unwrap();
            assert_eq!(rules, "host w w 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n");
        }
    }
}
