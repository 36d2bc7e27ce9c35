//! `cargo xtask up`

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;

use super::plan::{Plan, Source};
use super::state::{State, try_lock};
use super::supervisor::{self, log_ready, print_ready, stop_signal};
use super::{detach, docker};
use crate::paths::Dirs;
use crate::ports::{self, Ports};
use crate::progress::say;
use crate::{orphans, processes, venv};

/// How `up` is asked to bring the stack up.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Return when everything is ready, and leave it running in the background
    #[arg(long)]
    pub detach: bool,
    /// Do not invoke the worker: runs wait until somebody claims them
    #[arg(long)]
    pub no_worker: bool,
    /// Ask callers for API keys, and print one per role
    #[arg(long)]
    pub auth: bool,
    /// The port of the HTTP API; without it 8000, or the next free one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
}

/// Brings the stack up. Where it is up already, says so and prints the same lines. Returns when everything is ready with
/// `detach`, else when it was told to stop and has stopped everything.
pub async fn up(dirs: &Dirs, options: &Options) -> Result<()> {
    let Some(lock) = try_lock(dirs)? else { return already(dirs, options).await };
    let plan = tokio::select! {
        plan = prepare(dirs, options) => plan,
        () = stop_signal() => Err(anyhow!("Stopped before anything was started.")),
    };
    let plan = match plan {
        Ok(plan) => plan,
        Err(error) => {
            State::remove(dirs)?;
            return Err(error);
        }
    };
    if options.detach {
        drop(lock);
        return detach::detach(dirs, options).await;
    }
    let ports = choose_ports(dirs, &plan, options.port)?;
    supervisor::run(dirs, plan, ports, options, print_ready, lock).await
}

/// What the process in the background does: the same, in a session of its own.
pub async fn supervise(dirs: &Dirs, options: &Options) -> Result<()> {
    rustix::process::setsid().context("cannot start a session")?;
    let lock =
        venv::lock(&dirs.run()?.join("up.lock"), "Another `up` has just started; waiting for it to end")
            .await?;
    let plan = Plan::detect().await;
    let ports = choose_ports(dirs, &plan, options.port)?;
    supervisor::run(dirs, plan, ports, options, log_ready, lock).await
}

/// Everything that takes long, while there is a terminal to show it on.
async fn prepare(dirs: &Dirs, options: &Options) -> Result<Plan> {
    let before = State::load(dirs)?;
    let plan = Plan::detect().await;
    let own = processes::Identity::own();
    let (worker, auth) = (!options.no_worker, options.auth);
    State { supervisor: own, worker, auth, plan: plan.clone(), addresses: None }.save(dirs)?;
    for name in orphans::end_all(dirs).await? {
        say(format_args!("Ended {name}, which an earlier `up` had left running"));
    }
    if before.is_some_and(|state| state.uses_docker()) && docker::available().await {
        docker::down(dirs, false).await?;
    }
    plan.announce()?;
    // Before the long part: a port that was asked for and is taken is an error at once.
    if let Some(port) = options.port {
        asked_port(port)?;
    }
    plan.prepare(dirs).await?;
    Ok(plan)
}

fn asked_port(port: u16) -> Result<u16> {
    if !ports::is_free(port) {
        bail!("Port {port} is taken: end what listens there, or choose another with --port.");
    }
    Ok(port)
}

/// The ports of last time, or free ones; says which when they are not the usual ones.
fn choose_ports(dirs: &Dirs, plan: &Plan, asked: Option<u16>) -> Result<Ports> {
    let last = Ports::load(dirs)?;
    let mut chosen = last;
    if plan.postgres.is_local() {
        chosen.postgres = ports::near(last.postgres)?;
    }
    if plan.sqs.is_local() {
        chosen.sqs = ports::near(last.sqs)?;
    }
    if asked.is_none() {
        chosen.api = ports::near(last.api)?;
    }
    chosen.shop = ports::near(last.shop)?;
    if asked == Some(chosen.shop) {
        chosen.shop = ports::any()?;
    }
    chosen.save(dirs)?;
    let parts = [("Postgres", chosen.postgres, ports::USUAL.postgres, plan.postgres.is_local())];
    let parts = parts.into_iter().chain([("SQS", chosen.sqs, ports::USUAL.sqs, plan.sqs.is_local())]);
    let parts = parts.chain([
        ("the API", chosen.api, ports::USUAL.api, asked.is_none()),
        ("the shop of the examples", chosen.shop, ports::USUAL.shop, true),
    ]);
    for (part, port, usual, _) in parts.filter(|p| p.3) {
        if port != usual {
            say(format_args!("{part} listens on port {port} ({usual} is or was taken)"));
        }
    }
    if let Some(port) = asked {
        chosen.api = asked_port(port)?;
    }
    Ok(chosen)
}

impl Source {
    fn is_local(&self) -> bool {
        !matches!(self, Self::Given(_))
    }
}

/// Another `up` runs: waits until it is ready and prints what it printed.
async fn already(dirs: &Dirs, options: &Options) -> Result<()> {
    let mut said = false;
    loop {
        if let Some(state) = State::load(dirs)?.filter(State::supervised)
            && let Some(addresses) = &state.addresses
        {
            say("Already up.");
            let others = state.worker == options.no_worker || state.auth != options.auth;
            if others || options.port.is_some_and(|port| port != addresses.port) {
                bail!("It runs with other options; `cargo xtask down` first.");
            }
            print_ready(dirs.root(), addresses, state.worker);
            return Ok(());
        }
        if !said {
            say("Another `up` is starting; waiting for it");
            said = true;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        if try_lock(dirs)?.is_some() {
            bail!("The other `up` has ended without becoming ready; `cargo xtask logs up` may say why.");
        }
    }
}
