//! A stack of its own for the kills: Postgres, SQS, the functions on the Runtime-API host, the event source mapping, and the
//! sweep as often as on AWS. Its database holds a run's first worker back, so that it can be killed in the middle.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use sqlx::Connection;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::bench::world;
use crate::host::Host;
use crate::mapping::{self, Mapping};
use crate::paths::Dirs;
use crate::schedule::{self, Schedule};
use crate::stack::{functions, state::Addresses};
use crate::{database, postgres, queues, sqs};

/// A worker whose run was claimed only once cannot complete it: Postgres refuses as it does when it is short of something,
/// and the worker tries again. A second claim is let through, so that the run ends.
const HOLD: &str = "
    create function bench_hold() returns trigger language plpgsql as $$
    begin
      perform pg_sleep(0.5);
      raise exception 'held until its worker is killed' using errcode = 'insufficient_resources';
    end $$;
    create trigger bench_hold before update on pipeline_runs for each row
      when (new.status = 'SUCCEEDED' and new.claim_count = 1) execute function bench_hold()";

/// How long leases and lives are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// As by default.
    Deployed,
    /// For a test that waits for no more than it has to.
    Short,
}

impl Pace {
    /// Workers die at any moment of their first seconds, before and after their first heartbeat.
    pub fn longest_life(self) -> Duration {
        Duration::from_secs(if self == Self::Deployed { 12 } else { 1 })
    }

    fn lease_seconds(self) -> Option<&'static str> {
        (self == Self::Short).then_some("10")
    }
}

/// What runs. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Stage {
    /// Of its database.
    pub database_url: String,
    /// The functions.
    pub host: Host,
    /// How long leases and lives are.
    pub pace: Pace,
    postgres: postgres::Server,
    sqs: sqs::Server,
    sqs_data: PathBuf,
    stop: CancellationToken,
    tasks: JoinSet<Result<()>>,
}

impl Stage {
    /// Starts everything, with workers for `at_once` runs and some more. The functions are built already. Fails when a part
    /// does not start.
    pub async fn start(dirs: &Dirs, at_once: u32, pace: Pace) -> Result<Self> {
        let settings = postgres::Options {
            name: "bench-kills-postgres".to_owned(),
            port: None,
            throw_away: true,
            settings: Vec::new(),
            folder: None,
        };
        let postgres = postgres::Server::start(dirs, settings).await?;
        world::seed(dirs, &postgres.database_url, 0).await?;
        let mut connection = database::connect(&postgres.database_url).await?;
        sqlx::raw_sql(HOLD).execute(&mut connection).await.context("cannot make the trigger")?;
        connection.close().await?;

        let options = sqs::Options { name: "bench-kills-sqs".to_owned(), port: None };
        let sqs = sqs::Server::start(dirs, options).await?;
        let addresses = Addresses {
            base_url: String::new(),
            port: 0,
            database_url: postgres.database_url.clone(),
            functions_url: postgres.database_url.clone(),
            endpoint_url: sqs.endpoint_url.clone(),
            queues: queues::create(dirs, &sqs.endpoint_url).await?,
            examples: None,
            keys: Vec::new(),
        };

        let spare = mapping::POLLERS;
        let workers = at_once as usize + spare;
        let mut host = Host::builder(dirs.root()).function("create", 2).function("worker", workers);
        host = host.function("sweep", 1).timeout("worker", Duration::from_secs(120));
        host = host.log_folder(dirs.logs()?.join("bench-kills"));
        for (name, value) in functions::environment(&addresses) {
            host = host.env(&name, value.to_string_lossy());
        }
        if let Some(seconds) = pace.lease_seconds() {
            host = host.env("WORKER_LEASE_SECONDS", seconds);
        }
        let host = host.start().await?;

        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        for _ in 0..workers.div_ceil(mapping::POLLERS) {
            let mapping = Mapping {
                endpoint_url: addresses.endpoint_url.clone(),
                queue_url: addresses.queues.runs_url.clone(),
                invoke_url: host.base_url.clone(),
                function: "worker".to_owned(),
            };
            tasks.spawn(mapping::run(mapping, stop.clone()));
        }
        let every = schedule::AWS;
        let sweep = Schedule { invoke_url: host.base_url.clone(), function: "sweep".to_owned(), every };
        tasks.spawn(schedule::run(sweep, stop.clone()));
        let sqs_data = dirs.dev()?.join("data/bench-kills-sqs");
        Ok(Self { database_url: addresses.database_url, host, pace, postgres, sqs, sqs_data, stop, tasks })
    }

    /// Stops everything and removes its data.
    pub async fn stop(mut self) -> Result<()> {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        self.host.shutdown().await;
        self.sqs.stop().await?;
        let _ = std::fs::remove_dir_all(&self.sqs_data);
        self.postgres.stop().await
    }
}
