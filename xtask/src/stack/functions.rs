//! The functions under `cargo lambda watch`, which rebuilds and restarts them when their source changes.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::net::TcpStream;

use super::state::Addresses;
use crate::paths::Dirs;
use crate::process::{Service, Spec};
use crate::{cargo_lambda, queues};

/// The name of its record and log.
pub const NAME: &str = "functions";

/// What every function gets from its environment, and what builds it without a database.
pub fn environment(addresses: &Addresses) -> Vec<(String, OsString)> {
    let (key, secret) = queues::credentials();
    let pairs = [
        ("DATABASE_URL", addresses.database_url.as_str()),
        ("RUNS_QUEUE_URL", &addresses.queues.runs_url),
        ("AWS_ENDPOINT_URL", &addresses.endpoint_url),
        ("AWS_REGION", queues::REGION),
        ("AWS_DEFAULT_REGION", queues::REGION),
        ("AWS_ACCESS_KEY_ID", &key),
        ("AWS_SECRET_ACCESS_KEY", &secret),
        ("SQLX_OFFLINE", "true"),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value.into())).to_vec()
}

/// Starts `cargo lambda watch` and waits until its port answers. Functions start with their first call.
pub async fn start(dirs: &Dirs, addresses: &Addresses) -> Result<Service> {
    let port = addresses.port.to_string();
    let args =
        ["lambda", "watch", "--invoke-address", "127.0.0.1", "--invoke-port", &port, "--concurrency", "4"];
    let spec = Spec {
        name: NAME.to_owned(),
        program: cargo_lambda::find(dirs).await?,
        args: args.map(OsString::from).to_vec(),
        env: environment(addresses),
        without_env: cargo_lambda::package_variables(),
        port: Some(addresses.port),
        ..Spec::default()
    };
    let mut service = Service::spawn(dirs, spec).await?;
    let since = Instant::now();
    while TcpStream::connect(("127.0.0.1", addresses.port)).await.is_err() {
        service.check_running()?;
        if since.elapsed() > Duration::from_secs(30) {
            bail!("cargo lambda watch does not listen on port {port}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(service)
}

/// Calls a function that reads. Fails when there is no answer within 60 s, or one that says the server is at fault.
pub async fn probe(addresses: &Addresses) -> Result<()> {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build()?;
    let url = format!("{}/api/runs?limit=1", addresses.base_url);
    let status = client.get(&url).send().await?.status();
    if status.is_server_error() {
        bail!("GET {url} answered {status}");
    }
    Ok(())
}
