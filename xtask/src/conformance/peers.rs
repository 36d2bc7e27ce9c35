//! The peers, each behind its adapter.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rustix::process::Signal;

use super::case::examine;
use super::client::Client;
use super::finding::Findings;
use super::system::Context;
use crate::bench::peers::{Peer, Peers};
use crate::bench::world;
use crate::paths::Dirs;
use crate::ports;
use crate::postgres::Server;
use crate::process::Service;
use crate::progress::say;

/// How long an adapter may take to start: its tables are made then.
const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(10);

/// Installs the peers and examines one after the other. Fails when one does not start or answer.
pub(super) async fn examine_all(dirs: &Dirs, postgres: &Server) -> Result<Vec<Findings>> {
    let peers = Peers::install(dirs).await?;
    let mut all = Vec::new();
    for peer in [Peer::Graphile, Peer::PgBoss] {
        let database = world::create(postgres, &format!("conformance_{}", peer.name())).await?;
        let port = ports::any()?;
        let mut adapter = Service::spawn(dirs, peers.adapter(peer, &database, port)).await?;
        let findings = examine_at(&mut adapter, port).await;
        adapter.stop(Signal::TERM, STOP).await?;
        all.push(findings?);
    }
    Ok(all)
}

async fn examine_at(adapter: &mut Service, port: u16) -> Result<Findings> {
    let base_url = format!("http://127.0.0.1:{port}");
    let client = Client { base_url, api_key: None, tenant_id: None, pipeline_version_id: None };
    let since = Instant::now();
    while client.send(&client.describe()).await.is_err() {
        adapter.check_running()?;
        ensure!(since.elapsed() < START, "the adapter does not answer");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let context = Context::new(client, None).await?;
    say(format_args!("Examining {}", context.system.name));
    examine(context).await
}
