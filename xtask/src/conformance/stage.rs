//! Runplane for the conformance script: Postgres and the functions that its calls need. Nothing is pushed, so that there is no
//! SQS, and nothing sweeps: what brings a run back here is the next claim alone.

use anyhow::Result;
use sqlx::Connection as _;

use super::client::Client;
use super::system::Context;
use crate::bench::environment;
use crate::host::Host;
use crate::paths::Dirs;
use crate::{api_keys, database, postgres};

/// Two tenants of the demo data, each with an APPROVED version.
const TENANTS: [(&str, &str); 2] = [
    ("580115b4-a291-4917-8dbd-247cfa13e2d6", "b31dbeba-3a2e-4fa9-a084-72c75f9f18a3"),
    ("0199e0c0-0000-7000-8000-000000000002", "0199e0c0-0000-7000-8000-000000000023"),
];
const ROLES: [&str; 3] = ["viewer", "submitter", "worker"];
/// Eight claimers at once need no more: a call takes milliseconds.
const ENVIRONMENTS: usize = 2;

/// What runs. Dropping it kills it.
#[derive(Debug)]
pub struct Stage {
    pub(super) postgres: postgres::Server,
    host: Host,
    callers: [Client; 2],
}

impl Stage {
    /// Starts everything under a name of its own. The functions are built already. Fails when a part does not start.
    pub async fn start(dirs: &Dirs, name: &str) -> Result<Self> {
        let options = postgres::Options {
            name: format!("{name}-postgres"),
            port: None,
            throw_away: true,
            folder: None,
            settings: Vec::new(),
        };
        let postgres = postgres::Server::start(dirs, options).await?;
        database::migrate(dirs, &postgres.database_url).await?;
        database::load_demo(dirs, &postgres.database_url).await?;
        let mut connection = database::connect(&postgres.database_url).await?;
        let mut keys = Vec::new();
        for (tenant, _) in TENANTS {
            let tenant = Some(tenant.parse()?);
            keys.push(api_keys::insert(&mut connection, "conformance", tenant, &ROLES).await?);
        }
        connection.close().await?;
        let functions_url = database::role_of_the_functions(&postgres.database_url).await?;

        let mut host = Host::builder(dirs.root());
        for function in ["create", "claim", "heartbeat", "complete", "get", "cancel"] {
            host = host.function(function, ENVIRONMENTS);
        }
        let host = host
            .log_folder(dirs.logs()?.join(name))
            .env("DATABASE_URL", functions_url.as_ref().unwrap_or(&postgres.database_url))
            .env("RUNS_QUEUE_URL", "http://127.0.0.1:1/000000000000/runs")
            .env("SWEEP_QUEUE_URL", "http://127.0.0.1:1/000000000000/sweep.fifo")
            .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "none")
            .env("AWS_SECRET_ACCESS_KEY", "none")
            .start()
            .await?;
        let caller = |at: usize| Client {
            base_url: host.base_url.clone(),
            api_key: keys.get(at).cloned(),
            tenant_id: None,
            pipeline_version_id: Some(TENANTS[at].1.to_owned()),
        };
        let callers = [caller(0), caller(1)];
        Ok(Self { postgres, host, callers })
    }

    /// What the cases work with.
    pub async fn context(&self) -> Result<Context> {
        let [own, other] = &self.callers;
        Context::new(own.clone(), Some(other.clone())).await
    }

    /// What it runs on, in a sentence.
    pub async fn machine(&self) -> Result<String> {
        environment::describe(&self.postgres.database_url).await
    }

    /// Stops everything and removes its data.
    pub async fn stop(mut self) -> Result<()> {
        self.host.shutdown().await;
        self.postgres.stop().await
    }
}
