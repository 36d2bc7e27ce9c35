//! `cargo xtask status`

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};

use super::functions;
use super::plan::Source;
use super::state::{Addresses, State};
use crate::orphans;
use crate::paths::Dirs;
use crate::processes::Identity;
use crate::progress::say;
use crate::{database, queues, schedule};

/// Prints each part: running or not, pid, port, log; the queues' depth and the runs by status. Exit code 0 when everything
/// is up, 3 when not.
pub async fn status(dirs: &Dirs) -> Result<ExitCode> {
    let Some(state) = State::load(dirs)? else {
        let left = orphans::records(dirs)?.into_iter().filter(|record| record.process.alive()).count();
        say(if left == 0 {
            "Not up."
        } else {
            "Not up, but processes run (a test, or left over: cargo xtask down)."
        });
        return Ok(ExitCode::from(3));
    };
    let mut up = state.supervised() && state.addresses.is_some();
    let supervisor = state.supervisor.as_ref().filter(|_| state.supervised());
    let what = match (&supervisor, &state.addresses) {
        (None, _) => "not running (killed?); `cargo xtask up` or `down` clears up",
        (Some(_), None) => "starting",
        (Some(_), Some(addresses)) => &addresses.base_url,
    };
    line("up", supervisor.map(|identity| identity.pid), None, &format!("{what}  {}", log(dirs, "up")));
    for (name, source) in [("postgres", &state.plan.postgres), ("sqs", &state.plan.sqs)] {
        up &= match source {
            Source::Given(_) => {
                line(name, None, None, "from the environment");
                true
            }
            Source::Docker => {
                line(name, None, None, "in Docker");
                true
            }
            Source::Own => process_line(dirs, name)?,
        };
    }
    up &= process_line(dirs, functions::NAME)?;
    let worker = if state.worker { "polls the queue (in `up`)" } else { "off (--no-worker)" };
    line("worker", supervisor.map(|identity| identity.pid).filter(|_| state.worker), None, worker);
    let sweep = format!("every {} s (in `up`)", schedule::LOCAL.as_secs());
    line("sweep", supervisor.map(|identity| identity.pid), None, &sweep);
    let examples = state.addresses.as_ref().and_then(|addresses| addresses.examples.as_ref());
    if let Some(examples) = examples {
        let pid = supervisor.map(|identity| identity.pid);
        line("shop", pid, Some(examples.shop_port), "for the examples (in `up`)");
    }
    if let Some(addresses) = state.addresses.filter(|_| up) {
        up &= contents(&addresses).await;
    }
    Ok(if up { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

/// Asks the queues and the database; returns whether both answered.
async fn contents(addresses: &Addresses) -> bool {
    let depths = tokio::time::timeout(Duration::from_secs(5), depths(addresses)).await;
    let depths = depths.map_err(anyhow::Error::from).and_then(|depths| depths);
    let runs = database::runs_by_status(&addresses.database_url).await;
    let up = depths.is_ok() && runs.is_ok();
    match depths {
        Ok(text) => say(format_args!("queues     {text}")),
        Err(error) => say(format_args!("queues     do not answer: {error:#}")),
    }
    match runs {
        Ok(runs) if runs.is_empty() => say("runs       none"),
        Ok(runs) => {
            let each: Vec<String> =
                runs.iter().map(|(status, number)| format!("{number} {status}")).collect();
            say(format_args!("runs       {}", each.join(", ")));
        }
        Err(error) => say(format_args!("runs       {error:#}")),
    }
    up
}

async fn depths(addresses: &Addresses) -> Result<String> {
    let client = queues::client(&addresses.endpoint_url).await;
    let (waiting, taken) = queues::depth(&client, &addresses.queues.runs_url).await?;
    let (dead, _) = queues::depth(&client, &addresses.queues.dlq_url).await?;
    Ok(format!("{waiting} waiting, {taken} in flight, {dead} in the dead-letter queue"))
}

fn process_line(dirs: &Dirs, name: &str) -> Result<bool> {
    let record = orphans::records(dirs)?.into_iter().find(|record| record.name == name);
    let running = record.filter(|record| record.process.alive());
    let Some(record) = &running else {
        line(name, None, None, &format!("not running  {}", log(dirs, name)));
        return Ok(false);
    };
    let orphan = if record.owner.as_ref().is_some_and(Identity::alive) { "" } else { "left over  " };
    line(name, Some(record.process.pid), record.port, &format!("{orphan}{}", log(dirs, name)));
    Ok(true)
}

fn line(name: &str, pid: Option<u32>, port: Option<u16>, rest: &str) {
    let pid = pid.map(|pid| format!("pid {pid}")).unwrap_or_default();
    let port = port.map(|port| format!("port {port}")).unwrap_or_default();
    say(format!("{name:<10} {pid:<12} {port:<11} {rest}").trim_end());
}

fn log(dirs: &Dirs, name: &str) -> String {
    let log = dirs.root().join(format!(".dev/logs/{name}.log"));
    if log.exists() { log.display().to_string() } else { String::new() }
}

/// The addresses of the stack that is up. Fails when none is.
pub fn addresses(dirs: &Dirs) -> Result<Addresses> {
    match State::load(dirs)?.filter(State::supervised).and_then(|state| state.addresses) {
        Some(addresses) => Ok(addresses),
        None => bail!("Nothing is up: `cargo xtask up` first."),
    }
}
