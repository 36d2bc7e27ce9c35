//! `cargo xtask conformance`: what becomes of a run when workers stall, die and repeat themselves, and answers are lost. Plain
//! HTTP calls, the same to every system; what does not speak them itself does so through a small adapter (`xtask/peers/`).
//!
//! A case is a file of its own, which ends in an [`Outcome`]. None of them looks into a database.

mod cancel;
mod case;
pub mod client;
mod dead_worker;
mod finding;
mod heartbeat;
mod limit;
mod lost_answer;
mod peers;
mod repeat;
mod stage;
mod system;
mod tenants;
mod zombie;

use anyhow::{Result, bail, ensure};

use crate::cargo_lambda;
use crate::paths::Dirs;
use crate::progress::say;

pub use case::{Case, examine};
pub use client::Client;
pub use finding::{Findings, Outcome, table};
pub use stage::Stage;
pub use system::{Context, System};

/// What is examined.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// A system that runs: Runplane's API, or an adapter (http only). Without it, Runplane and two peers are started here
    #[arg(long)]
    url: Option<String>,
    /// The key of a caller that may create, claim, complete, look at and cancel runs
    #[arg(long, requires = "url")]
    api_key: Option<String>,
    /// The same of another tenant
    #[arg(long, requires = "url")]
    other_api_key: Option<String>,
    /// The tenant, where nobody is asked for a key
    #[arg(long, requires = "url")]
    tenant_id: Option<String>,
    /// What Runplane makes the runs of: an APPROVED version of the tenant
    #[arg(long, requires = "url")]
    pipeline_version_id: Option<String>,
    /// Start Runplane alone
    #[arg(long, conflicts_with = "url")]
    without_peers: bool,
}

/// Examines, and prints a table. Fails when something does not start or answer, and, after the table, when something does
/// not hold for the system at `--url`, or for Runplane where there is none; what does not hold for a peer is no failure.
pub async fn run(dirs: &Dirs, options: Options) -> Result<()> {
    let all = match &options.url {
        Some(url) => vec![at(url, &options).await?],
        None => here(dirs, options.without_peers).await?,
    };
    say(format_args!("\n{}", table(&all)));
    let ours = all.first().into_iter().flat_map(|findings| &findings.outcomes);
    let broken: Vec<_> = ours.filter(|(_, outcome)| matches!(outcome, Outcome::DoesNotHold(_))).collect();
    if !broken.is_empty() {
        let names: Vec<&str> = broken.iter().map(|(case, _)| case.name()).collect();
        bail!("does not hold: {}", names.join(", "));
    }
    Ok(())
}

async fn at(url: &str, options: &Options) -> Result<Findings> {
    ensure!(url.starts_with("http://"), "--url has to begin with http://: connections are cut by hand");
    let client = Client {
        base_url: url.trim_end_matches('/').to_owned(),
        api_key: options.api_key.clone(),
        tenant_id: options.tenant_id.clone(),
        pipeline_version_id: options.pipeline_version_id.clone(),
    };
    let other = options.other_api_key.clone().map(|key| Client { api_key: Some(key), ..client.clone() });
    examine(Context::new(client, other).await?).await
}

async fn here(dirs: &Dirs, without_peers: bool) -> Result<Vec<Findings>> {
    cargo_lambda::build(dirs).await?;
    let stage = Stage::start(dirs, "conformance").await?;
    let result = on_stage(dirs, &stage, without_peers).await;
    stage.stop().await?;
    result
}

/// One system after the other, on one Postgres.
async fn on_stage(dirs: &Dirs, stage: &Stage, without_peers: bool) -> Result<Vec<Findings>> {
    say(stage.machine().await?);
    say("Examining Runplane");
    let mut all = vec![examine(stage.context().await?).await?];
    if !without_peers {
        all.extend(peers::examine_all(dirs, &stage.postgres).await?);
    }
    Ok(all)
}
