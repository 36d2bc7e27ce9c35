//! `cargo xtask down`

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use super::docker;
use super::state::{State, try_lock};
use crate::paths::Dirs;
use crate::process::signal_process;
use crate::progress::say;
use crate::{nobody, orphans};

/// Stops the stack, and whatever an earlier one left running. With `data`, its database is removed too. Where nothing runs
/// it says so and succeeds. Fails when something does not end.
pub async fn down(dirs: &Dirs, data: bool) -> Result<()> {
    let state = State::load(dirs)?;
    let supervised = state.as_ref().is_some_and(State::supervised);
    if let Some(supervisor) = state.as_ref().and_then(|state| state.supervisor.clone()).filter(|_| supervised)
    {
        say(format_args!("Stopping the stack (pid {})", supervisor.pid));
        signal_process(supervisor.pid, Signal::TERM);
        let since = Instant::now();
        while supervisor.alive() {
            if since.elapsed() > Duration::from_secs(60) {
                say("It does not stop in order: killing it");
                signal_process(supervisor.pid, Signal::KILL);
                tokio::time::sleep(Duration::from_millis(200)).await;
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let Some(_lock) = try_lock(dirs)? else { bail!("An `up` has just been started; try again.") };
    let ended = orphans::end_all(dirs).await?;
    for name in &ended {
        say(format_args!("Ended {name}, which had been left running"));
    }
    if state.as_ref().is_some_and(State::uses_docker) && (data || !supervised)
        || data && docker::available().await
    {
        docker::down(dirs, data).await?;
    }
    State::remove(dirs)?;
    if data {
        let folder = nobody::data_root(dirs, nobody::user()?)?.join("postgres");
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .with_context(|| format!("cannot remove {}", folder.display()))?;
        }
        say("Removed the database");
    }
    say(if supervised || !ended.is_empty() { "Down." } else { "Nothing was up." });
    Ok(())
}
