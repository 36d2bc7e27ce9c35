//! `cargo xtask up --detach`: the supervisor in the background, its words in the foreground until it is ready.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use tokio::process::{Child, Command};

use super::state::State;
use super::supervisor::{print_ready, stop_signal};
use super::up::Options;
use crate::paths::Dirs;
use crate::process::{open_log, signal_process};

/// Starts the supervisor in the background, passes on what it says until it is ready, and then prints where everything is. Fails when it ends before.
pub async fn detach(dirs: &Dirs, options: &Options) -> Result<()> {
    let path = dirs.log("up")?;
    let log = open_log(&path)?;
    let mut reader = File::open(&path)?;
    reader.seek(SeekFrom::End(0))?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("supervise").current_dir(dirs.root());
    if options.no_worker {
        command.arg("--no-worker");
    }
    if options.auth {
        command.arg("--auth");
    }
    if let Some(port) = options.port {
        command.arg("--port").arg(port.to_string());
    }
    let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
    let mut child = child.context("cannot start the supervisor")?;
    tokio::select! {
        ready = follow(dirs, &mut child, &mut reader) => ready,
        () = stop_signal() => {
            signal_process(child.id().unwrap_or_default(), Signal::TERM);
            child.wait().await?;
            relay(&mut reader)?;
            bail!("Stopped before everything was ready.");
        }
    }
}

async fn follow(dirs: &Dirs, child: &mut Child, reader: &mut File) -> Result<()> {
    loop {
        if let Some(status) = child.try_wait()? {
            relay(reader)?;
            bail!("The stack did not come up ({status}).");
        }
        let state = State::load(dirs)?;
        let by_child = |state: &State| state.supervisor.as_ref().map(|identity| identity.pid) == child.id();
        let state = state.filter(by_child);
        let ready = state.as_ref().and_then(|state| state.addresses.as_ref().zip(Some(state.worker)));
        relay(reader)?;
        if let Some((addresses, worker)) = ready {
            print_ready(dirs.root(), addresses, worker);
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn relay(reader: &mut File) -> Result<()> {
    let mut text = Vec::new();
    reader.read_to_end(&mut text)?;
    std::io::stdout().write_all(&text)?;
    Ok(std::io::stdout().flush()?)
}
