//! The functions under `cargo lambda watch`, which rebuilds and restarts them when their source changes.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::net::TcpStream;

use super::state::Addresses;
use crate::paths::Dirs;
use crate::process::{Service, Spec};
use crate::{api_keys, cargo_lambda, outputs, queues, routes};

/// The name of its record and log.
pub const NAME: &str = "functions";

/// What every function gets from its environment, and what builds it without a database.
pub fn environment(addresses: &Addresses) -> Vec<(String, OsString)> {
    let (key, secret) = queues::credentials();
    let pairs = [
        ("DATABASE_URL", addresses.functions_url.as_str()),
        ("RUNS_QUEUE_URL", &addresses.queues.runs_url),
        ("SWEEP_QUEUE_URL", &addresses.queues.sweep_url),
        ("DELIVER_QUEUE_URL", &addresses.queues.deliver_url),
        ("OUTPUT_BUCKET", outputs::BUCKET),
        ("AWS_ENDPOINT_URL", &addresses.endpoint_url),
        ("AWS_REGION", queues::REGION),
        ("AWS_DEFAULT_REGION", queues::REGION),
        ("AWS_ACCESS_KEY_ID", &key),
        ("AWS_SECRET_ACCESS_KEY", &secret),
        ("SQLX_OFFLINE", "true"),
    ];
    let mut all: Vec<(String, OsString)> =
        pairs.map(|(name, value)| (name.to_owned(), value.into())).to_vec();
    if addresses.keys.is_empty() {
        all.push(("AUTH".to_owned(), "off".into()));
    }
    if let Some(examples) = &addresses.examples {
        // Functions are invoked where these are: whatever serves SQS and S3 here knows none of them.
        all.push(("AWS_ENDPOINT_URL_LAMBDA".to_owned(), addresses.base_url.clone().into()));
        all.extend(examples.environment());
    }
    all
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

/// Calls the functions that are used first until they answer fast, with calls that change nothing: under `cargo lambda
/// watch` the first calls of a function take seconds, since it starts four environments, each through cargo. (All seven at
/// once would keep two cores busy for ten seconds.) Fails when one does not answer within a minute, or answers that the
/// server is at fault.
pub async fn warm_up(addresses: &Addresses, worker: bool) -> Result<()> {
    // An array is no request of ours: it is refused before anything is done.
    let refused = Some("[]");
    let (worker_or_claim, nothing) = match worker {
        true => ("/2015-03-31/functions/worker/invocations", Some(routes::idle_event("worker"))),
        false => ("/api/runs/claim", refused),
    };
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build()?;
    let key = api_keys::of(&addresses.keys, "operator");
    let call = |path, body| until_fast(&client, &addresses.base_url, key, path, body);
    tokio::try_join!(
        call("/api/runs?limit=1", None),
        call("/api/runs", refused),
        call(worker_or_claim, nothing)
    )?;
    Ok(())
}

/// GET without a body, POST with one.
async fn until_fast(
    client: &reqwest::Client,
    base_url: &str,
    key: Option<&str>,
    path: &str,
    body: Option<&'static str>,
) -> Result<()> {
    let url = format!("{base_url}{path}");
    // It starts up to four environments, and each may be slow once.
    for _ in 0..5 {
        let request = match body {
            Some(body) => client.post(&url).header("content-type", "application/json").body(body),
            None => client.get(&url),
        };
        let request = match key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        let since = Instant::now();
        let status = request.send().await?.status();
        if status.is_server_error() {
            bail!("{path} answered {status}");
        }
        if since.elapsed() < Duration::from_secs(1) {
            break;
        }
    }
    Ok(())
}
