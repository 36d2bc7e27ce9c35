//! What the chaos happens on: Postgres, SQS and every function, with lines between them that can be disturbed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use aws_sdk_sqs::Client as Sqs;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::courier::Rough;
use super::disk::Disk;
use super::history;
use super::ledger::Ledger;
use super::witness;
use super::world::World;
use crate::host::Host;
use crate::line::Line;
use crate::mapping::{self, Mapping};
use crate::paths::Dirs;
use crate::queues::Queues;
use crate::routes::UNROUTED;
use crate::schedule::{self, Schedule};
use crate::stack::{functions, state::Addresses};
use crate::{database, nobody, postgres, queues, sqs};

/// Batches of messages that are under way at once.
const BATCHES: usize = 4;
/// The shortest lease there is: what is lost is found soon.
const WORKER_LEASE_SECONDS: &str = "5";

/// What the sweep does more often than on AWS, so that a chaos takes minutes.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// Makes `create` wait between telling SQS and noting that, and then not note it, while the switch is on.
const HOLD: &str = "
    create table chaos.switches (hold boolean not null);
    insert into chaos.switches values (false);
    create function chaos.hold() returns trigger language plpgsql security definer set search_path = pg_catalog as $$
    begin
      if (select hold from chaos.switches) then
        perform pg_sleep(1);
        raise exception 'held' using errcode = 'insufficient_resources';
      end if;
      return new;
    end $$;
    create trigger chaos_hold before update of dispatch_due_at on pipeline_runs for each row
      when (new.status = 'QUEUED' and old.dispatch_due_at is not null and new.dispatch_due_at is null)
      execute function chaos.hold()";

/// What runs. Dropping it kills it.
#[derive(Debug)]
pub struct Stage {
    /// The functions.
    pub host: Arc<Host>,
    /// Between clients and the functions.
    pub to_api: Line,
    /// Between the functions and Postgres.
    pub to_postgres: Line,
    /// Between everybody and SQS.
    pub to_sqs: Line,
    /// Between SQS and the worker.
    pub courier: Arc<Rough>,
    /// For crashes; also what keeps two of them apart.
    pub postgres: Mutex<postgres::Server>,
    /// Under Postgres, where this machine allows one.
    pub disk: Option<Disk>,
    /// Of the driver, past every line.
    pub database_url: String,
    /// The queue, past every line.
    pub queue: (Sqs, String),
    /// Tenants and keys.
    pub world: Arc<World>,
    sqs: sqs::Server,
    sqs_data: PathBuf,
    stop: CancellationToken,
    tasks: JoinSet<Result<()>>,
}

impl Stage {
    /// Starts everything; the functions are built already, in the folder `programs`. Steps' calls are noted in the ledger. `disk_mebibytes` is the size of the disk under
    /// Postgres, if there is to be one. Fails when a part does not start.
    pub async fn start(
        dirs: &Dirs,
        programs: &Path,
        seed: u64,
        ledger: Arc<Ledger>,
        disk_mebibytes: Option<u64>,
    ) -> Result<Self> {
        let disk = disk_mebibytes.map(|mebibytes| {
            let folder = nobody::folder(dirs, nobody::user()?, "chaos-disk")?;
            Disk::mount(&folder, mebibytes)
        });
        let disk = disk.transpose()?;
        let postgres = start_postgres(dirs, disk.as_ref()).await?;
        let database_url = postgres.database_url.clone();
        database::migrate(dirs, &database_url).await?;
        let mut connection = database::connect(&database_url).await?;
        history::install(&mut connection).await?;
        sqlx::raw_sql(HOLD).execute(&mut connection).await.context("cannot make the switches")?;
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let (port, witness) = witness::start(ledger).await?;
        tasks.spawn(ended_with(stop.clone(), witness));
        let world = Arc::new(World::make(&mut connection, port).await?);

        let sqs = sqs::Server::start(dirs, sqs::Options { name: "chaos-sqs".to_owned(), port: None }).await?;
        let own_queues = queues::create(dirs, &sqs.endpoint_url).await?;
        let (to_postgres, to_sqs) = (Line::to(postgres.port).await?, Line::to(sqs.port).await?);
        let addresses = addresses(&database_url, &to_postgres, &to_sqs).await?;
        let host = Arc::new(start_functions(dirs, programs, &addresses).await?);
        let api = host.base_url.rsplit(':').next().and_then(|port| port.parse().ok());
        let to_api = Line::to(api.context("the host has no port")?).await?;

        let courier = Arc::new(Rough::new(seed));
        for _ in 0..BATCHES.div_ceil(mapping::POLLERS) {
            let mapping = Mapping {
                endpoint_url: addresses.endpoint_url.clone(),
                queue_url: addresses.queues.runs_url.clone(),
                invoke_url: host.base_url.clone(),
                function: "worker".to_owned(),
            };
            let (courier, stop) = (Arc::clone(&courier), stop.clone());
            tasks.spawn(async move { mapping::run_by(courier.as_ref(), mapping, stop).await });
        }
        let invoke_url = host.base_url.clone();
        let sweep = Schedule { invoke_url, function: "sweep".to_owned(), every: SWEEP_EVERY };
        tasks.spawn(schedule::run(sweep, stop.clone()));
        let queue = (queues::client(&sqs.endpoint_url).await, own_queues.runs_url);
        let sqs_data = dirs.dev()?.join("data/chaos-sqs");
        let postgres = Mutex::new(postgres);
        Ok(Self {
            host,
            to_api,
            to_postgres,
            to_sqs,
            courier,
            postgres,
            disk,
            database_url,
            queue,
            world,
            sqs,
            sqs_data,
            stop,
            tasks,
        })
    }

    /// The API, over its line.
    pub fn api_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.to_api.port)
    }

    /// Stops the functions and what wakes them. Postgres goes on.
    pub async fn quiet(&mut self) -> Result<()> {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        Ok(())
    }

    /// Stops everything and removes its data.
    pub async fn stop(mut self) -> Result<()> {
        self.quiet().await?;
        if let Some(host) = Arc::into_inner(self.host) {
            host.shutdown().await;
        }
        self.sqs.stop().await?;
        let _ = std::fs::remove_dir_all(&self.sqs_data);
        self.postgres.into_inner().stop().await
    }
}

async fn start_postgres(dirs: &Dirs, disk: Option<&Disk>) -> Result<postgres::Server> {
    // What is told has to survive a crash of Postgres, not one of the machine.
    let settings = [("fsync", "off"), ("max_wal_size", "256MB"), ("wal_keep_size", "0")];
    let options = postgres::Options {
        name: "chaos-postgres".to_owned(),
        port: None,
        throw_away: true,
        settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        folder: disk.map(|disk| disk.folder.clone()),
    };
    if let (Some(disk), Some((user, group))) = (disk, nobody::user()?) {
        std::os::unix::fs::chown(&disk.folder, Some(user), Some(group))
            .context("cannot hand over the disk")?;
    }
    postgres::Server::start(dirs, options).await
}

/// What the functions are told: everything is behind a line.
async fn addresses(database_url: &str, to_postgres: &Line, to_sqs: &Line) -> Result<Addresses> {
    let functions_url = database::role_of_the_functions(database_url).await?;
    let mut functions_url =
        reqwest::Url::parse(&functions_url.context("the functions have no role of their own")?)?;
    let _ = functions_url.set_port(Some(to_postgres.port));
    let endpoint_url = format!("http://127.0.0.1:{}", to_sqs.port);
    Ok(Addresses {
        base_url: String::new(),
        port: 0,
        database_url: database_url.to_owned(),
        functions_url: functions_url.to_string(),
        queues: Queues::on(&endpoint_url),
        endpoint_url,
        examples: None,
        // There are some: without any, nobody would be asked who he is.
        keys: Vec::new(),
    })
}

async fn start_functions(dirs: &Dirs, programs: &Path, addresses: &Addresses) -> Result<Host> {
    let mut host = Host::builder(dirs.root()).binaries(programs);
    for name in ["create", "claim", "complete", "steps"] {
        host = host.function(name, 2);
    }
    for name in ["heartbeat", "release", "cancel", "get"] {
        host = host.function(name, 1);
    }
    for name in UNROUTED {
        host = host.function(name, 2);
    }
    host = host.function("worker", BATCHES).timeout("worker", Duration::from_secs(120));
    host = host.log_folder(dirs.logs()?.join("chaos"));
    for (name, value) in functions::environment(addresses) {
        host = host.env(&name, value.to_string_lossy());
    }
    // Not "off", as it says where there are no keys.
    host.env("AUTH", "required").env("WORKER_LEASE_SECONDS", WORKER_LEASE_SECONDS).start().await
}

async fn ended_with(stop: CancellationToken, task: tokio::task::JoinHandle<()>) -> Result<()> {
    stop.cancelled().await;
    task.abort();
    Ok(())
}
