//! Whoever starts the parts, watches over them and stops them.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};

use super::plan::Plan;
use super::running::Running;
use super::state::{Addresses, State};
use super::up::Options;
use crate::api_keys;
use crate::example::TENANT;
use crate::paths::Dirs;
use crate::ports::Ports;
use crate::progress::say;

/// Where the state is, in the root. Its mode is 0600.
const KEPT: &str = ".dev/run/up.state";
const VERSION: &str = "b31dbeba-3a2e-4fa9-a084-72c75f9f18a3";

/// Says where everything is: [`print_ready`], or [`log_ready`].
pub type Announce = fn(&Path, &Addresses, worker: bool);

/// Starts everything, announces it, and stays until a signal says stop (Ctrl-C, SIGTERM, or the terminal is gone);
/// then stops everything. `lock` is held all the while. Fails when a part does not start, after stopping the others.
pub async fn run(
    dirs: &Dirs,
    plan: Plan,
    ports: Ports,
    options: &Options,
    announce: Announce,
    lock: File,
) -> Result<()> {
    let supervisor = crate::processes::Identity::own();
    let (worker, auth) = (!options.no_worker, options.auth);
    let mut state = State { supervisor, worker, auth, plan, addresses: None };
    state.save(dirs)?;
    let mut running = Running::default();
    let outcome = tokio::select! {
        biased;
        () = stop_signal() => Ok(()),
        () = forgotten(dirs) => Ok(()),
        failed = start_and_watch(dirs, &mut state, ports, &mut running, announce) => failed,
    };
    if let Err(error) = &outcome {
        // Said before stopping, which prints lines of its own.
        say(format_args!("Error: {error:#}"));
    }
    say("Stopping");
    running.stop(dirs).await;
    // A state that names somebody else is not ours to remove.
    if State::load(dirs)?.is_some_and(|state| state.supervisor == crate::processes::Identity::own()) {
        State::remove(dirs)?;
    }
    drop(lock);
    outcome
}

/// Returns when `.dev/run` was removed (by `git clean`, say): nobody could find this stack any more, so it ends.
async fn forgotten(dirs: &Dirs) {
    loop {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let own = crate::processes::Identity::own();
        if State::load(dirs).ok().flatten().is_none_or(|state| state.supervisor != own) {
            say("The record of this stack in .dev/run is gone");
            return;
        }
    }
}

async fn start_and_watch(
    dirs: &Dirs,
    state: &mut State,
    ports: Ports,
    running: &mut Running,
    announce: Announce,
) -> Result<()> {
    let addresses = running.start(dirs, &state.plan, &ports, state.worker, state.auth).await?;
    announce(dirs.root(), &addresses, state.worker);
    state.addresses = Some(addresses.clone());
    state.save(dirs)?;
    running.watch(dirs, &addresses).await
}

/// The lines that `up` ends with: where the API is, where the database is, and a call that creates a run. API keys are among them: for a terminal, and never
/// for a log.
pub fn print_ready(root: &Path, addresses: &Addresses, worker: bool) {
    let Addresses { base_url, database_url, keys, .. } = addresses;
    let key = api_keys::of(keys, "submitter").map(|key| format!(" -H 'authorization: Bearer {key}'"));
    let body = format!(r#"{{"tenant_id":"{TENANT}","pipeline_version_id":"{VERSION}"}}"#);
    say("");
    say(format_args!("Runplane is up: {base_url}"));
    say(format_args!("  psql '{database_url}'"));
    say(format_args!(
        "  curl -X POST {base_url}/api/runs{} -H 'content-type: application/json' -d '{body}'",
        key.unwrap_or_default()
    ));
    say(format_args!("  logs: {} (cargo xtask logs --follow)", root.join(".dev/logs").display()));
    if keys.is_empty() {
        say("  AUTH=off: whoever reaches it may do everything (`cargo xtask up --auth` asks for keys)");
    } else {
        say("  a key per role, all but the operator's of the demo tenant (export RUNPLANE_API_KEY=…):");
        for key in keys {
            say(format_args!("    {:9} {}", key.role, key.text));
        }
        say(format_args!("  they are kept in {}", root.join(KEPT).display()));
    }
    if !worker {
        say("  no worker: runs wait until somebody claims them");
    }
}

/// What stands in the log of a stack in the background, which everybody on this machine may read. Whoever has started it prints the rest.
pub fn log_ready(_: &Path, addresses: &Addresses, _: bool) {
    say("Everything has started");
    if !addresses.keys.is_empty() {
        say(format_args!("Its API keys are in {KEPT}, which only you may read, and in no log"));
    }
}

/// Returns when this process is told to stop. Pending for ever where signals cannot be listened to.
pub async fn stop_signal() {
    let listen = |kind| signal(kind).ok();
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let [interrupt, terminate, hangup] = kinds.map(listen);
    tokio::select! {
        () = received(interrupt) => {}
        () = received(terminate) => {}
        () = received(hangup) => {}
    }
}

async fn received(signal: Option<tokio::signal::unix::Signal>) {
    match signal {
        Some(mut signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
