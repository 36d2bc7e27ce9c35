//! The service that Runplane replaces, written anew (`xtask/peers/original.py`), under uvicorn.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use tokio::process::Command;

use crate::bench::load::{Done, Load};
use crate::bench::peers::Peers;
use crate::bench::world;
use crate::database;
use crate::paths::Dirs;
use crate::ports;
use crate::postgres::Server;
use crate::process::{Service, Spec};
use sqlx::Connection as _;

const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(10);

/// Makes its database, with `finished` runs that have ended and `runs` that wait. Fails with what it says.
pub async fn seed(server: &Server, peers: &Peers, name: &str, finished: u32, runs: u32) -> Result<()> {
    let url = world::create(server, name).await?;
    let (python, folder) = peers.python()?;
    let mut command = Command::new(python);
    command.arg("original.py").arg(finished.to_string()).arg(runs.to_string());
    command.current_dir(folder).env("ORIGINAL_DATABASE_URL", &url).kill_on_drop(true);
    let output = command.output().await.context("cannot start Python")?;
    if !output.status.success() {
        bail!("original.py failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let mut connection = database::connect(&url).await?;
    sqlx::raw_sql("vacuum (analyze, freeze)").execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Serves a copy of it with a process for each core, as many connections as workers in all, and lets them work. Fails when it does not
/// start, or refuses a call.
pub async fn run(
    dirs: &Dirs,
    peers: &Peers,
    database_url: &str,
    workers: u32,
    length: Duration,
) -> Result<Done> {
    let (python, folder) = peers.python()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as u32;
    let processes = cores.min(workers);
    let port = ports::any()?;
    let args = [
        "-m",
        "uvicorn",
        "original:app",
        "--host",
        "127.0.0.1",
        "--port",
        &port.to_string(),
        "--workers",
        &processes.to_string(),
        "--log-level",
        "error",
    ];
    let spec = Spec {
        name: "bench-original".to_owned(),
        program: python.to_owned(),
        args: args.map(Into::into).to_vec(),
        env: vec![
            ("ORIGINAL_DATABASE_URL".to_owned(), database_url.into()),
            ("ORIGINAL_CONNECTIONS".to_owned(), workers.div_ceil(processes).to_string().into()),
        ],
        cwd: Some(folder.to_owned()),
        port: Some(port),
        ..Spec::default()
    };
    let mut service = Service::spawn(dirs, spec).await?;
    let base_url = format!("http://127.0.0.1:{port}");
    let outcome = async {
        let since = Instant::now();
        while reqwest::get(format!("{base_url}/health")).await.is_err() {
            service.check_running()?;
            ensure!(since.elapsed() < START, "the original does not answer");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Load { base_url, api_key: None, workers, size: 1, length }.run().await
    }
    .await;
    service.stop(Signal::TERM, STOP).await?;
    outcome
}
