//! The parts of a stack that run: started one after the other, started again when they die, stopped in reverse order.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rustix::process::Signal;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::part::ended;
use super::plan::{Plan, Source};
use super::state::Addresses;
use super::{docker, functions};
use crate::example::Surroundings;
use crate::mapping::{self, Mapping};
use crate::paths::Dirs;
use crate::ports::Ports;
use crate::process::Service;
use crate::progress::say;
use crate::queues;
use crate::schedule::{self, Schedule};
use crate::{api_keys, database, postgres, shop, sqs};

/// Whatever of a stack runs at this moment. Dropping it kills what is a process of our own.
#[derive(Debug, Default)]
pub struct Running {
    postgres: Option<postgres::Server>,
    sqs: Option<sqs::Server>,
    functions: Option<Service>,
    mapping: Option<JoinHandle<Result<()>>>,
    schedule: Option<JoinHandle<Result<()>>>,
    shop: Option<JoinHandle<Result<()>>>,
    docker: bool,
    deaths: VecDeque<Instant>,
}

impl Running {
    /// Starts everything on `ports`; the mapping only with `worker`, and callers need keys only with `auth`. What was started before a failure stays in `self`.
    pub async fn start(
        &mut self,
        dirs: &Dirs,
        plan: &Plan,
        ports: &Ports,
        worker: bool,
        auth: bool,
    ) -> Result<Addresses> {
        let services = plan.docker_services();
        if !services.is_empty() {
            say("Starting containers");
            self.docker = true;
            docker::up(dirs, ports, &services).await?;
        }
        let database_url = self.start_postgres(dirs, &plan.postgres, ports.postgres).await?;
        database::migrate(dirs, &database_url).await?;
        database::load_demo(dirs, &database_url).await?;
        let endpoint_url = self.start_sqs(dirs, &plan.sqs, ports.sqs).await?;
        let queues = queues::create(dirs, &endpoint_url).await?;
        let examples = Surroundings::prepare(&database_url, ports.shop).await;
        examples.register(&database_url, &queues.alerts_url).await?;
        self.start_shop(&examples).await?;
        let base_url = format!("http://127.0.0.1:{}", ports.api);
        let examples = Some(examples);
        let functions_url = database::role_of_the_functions(&database_url).await?;
        if functions_url.is_none() {
            say("Warning: the role of DATABASE_URL may not make roles, so the functions connect as that one");
        }
        let functions_url = functions_url.unwrap_or_else(|| database_url.clone());
        let keys = if auth { api_keys::make(&database_url).await? } else { Vec::new() };
        let addresses = Addresses {
            base_url,
            port: ports.api,
            database_url,
            functions_url,
            endpoint_url,
            queues,
            examples,
            keys,
        };
        say("Starting the functions");
        self.functions = Some(functions::start(dirs, &addresses).await?);
        if let Err(error) = functions::warm_up(&addresses, worker).await {
            say(format_args!(
                "Warning: the functions do not answer as they should: {error:#} (cargo xtask logs functions)"
            ));
        }
        if worker {
            self.start_mapping(&addresses);
        }
        self.start_schedule(&addresses);
        Ok(addresses)
    }

    async fn start_postgres(&mut self, dirs: &Dirs, source: &Source, port: u16) -> Result<String> {
        match source {
            Source::Given(url) => return Ok(url.clone()),
            Source::Docker => return Ok(format!("postgres://postgres@127.0.0.1:{port}/runplane")),
            Source::Own => say("Starting Postgres"),
        }
        let options = postgres::Options {
            name: "postgres".to_owned(),
            port: Some(port),
            throw_away: false,
            settings: Vec::new(),
            folder: None,
        };
        let server = self.postgres.insert(postgres::Server::start(dirs, options).await?);
        Ok(server.database_url.clone())
    }

    async fn start_sqs(&mut self, dirs: &Dirs, source: &Source, port: u16) -> Result<String> {
        match source {
            Source::Given(url) => return Ok(url.clone()),
            Source::Docker => return Ok(format!("http://127.0.0.1:{port}")),
            Source::Own => say("Starting SQS"),
        }
        let options = sqs::Options { name: "sqs".to_owned(), port: Some(port) };
        let server = self.sqs.insert(sqs::Server::start(dirs, options).await?);
        Ok(server.endpoint_url.clone())
    }

    fn start_mapping(&mut self, addresses: &Addresses) {
        let what = Mapping {
            endpoint_url: addresses.endpoint_url.clone(),
            queue_url: addresses.queues.runs_url.clone(),
            invoke_url: addresses.base_url.clone(),
            function: "worker".to_owned(),
        };
        // Ended by abort when the stack stops.
        self.mapping = Some(tokio::spawn(mapping::run(what, CancellationToken::new())));
    }

    fn start_schedule(&mut self, addresses: &Addresses) {
        let [sweep, deliver] = ["sweep", "deliver"].map(|function| Schedule {
            invoke_url: addresses.base_url.clone(),
            function: function.to_owned(),
            every: schedule::LOCAL,
        });
        let queues = [("sweep", &addresses.queues.sweep_url), ("deliver", &addresses.queues.deliver_url)];
        let [armed, due] = queues.map(|(function, queue_url)| Mapping {
            endpoint_url: addresses.endpoint_url.clone(),
            queue_url: queue_url.clone(),
            invoke_url: addresses.base_url.clone(),
            function: function.to_owned(),
        });
        let all = async {
            let run = |what| schedule::run(what, CancellationToken::new());
            let serve = |what| mapping::run(what, CancellationToken::new());
            tokio::try_join!(run(sweep), run(deliver), serve(armed), serve(due)).map(|_| ())
        };
        // Ended by abort when the stack stops.
        self.schedule = Some(tokio::spawn(all));
    }

    async fn start_shop(&mut self, examples: &Surroundings) -> Result<()> {
        // Ended by abort when the stack stops.
        self.shop = Some(shop::start(examples.shop_port, &examples.shop_token).await?);
        Ok(())
    }

    /// Watches over the parts for ever: what ends is reported and started again. Fails when one cannot be started again, or
    /// when parts end more than five times within a minute.
    pub async fn watch(&mut self, dirs: &Dirs, addresses: &Addresses) -> Result<()> {
        loop {
            let ended = tokio::select! {
                status = ended(&mut self.postgres) => ("postgres", status?),
                status = ended(&mut self.sqs) => ("sqs", status?),
                status = ended(&mut self.functions) => ("functions", status?),
                status = ended(&mut self.mapping) => ("worker", status?),
                status = ended(&mut self.schedule) => ("sweep", status?),
                status = ended(&mut self.shop) => ("shop", status?),
            };
            let (part, how) = ended;
            say(format_args!("{part} ended ({how}); starting it again (cargo xtask logs {part})"));
            self.count_death()?;
            match part {
                "postgres" => restart_postgres(&mut self.postgres).await?,
                "sqs" => {
                    if let Some(server) = &mut self.sqs {
                        server.restart().await?;
                        // It forgets its queues.
                        queues::create(dirs, &addresses.endpoint_url).await?;
                    }
                }
                "functions" => {
                    self.functions = None;
                    self.functions = Some(functions::start(dirs, addresses).await?);
                }
                "sweep" => self.start_schedule(addresses),
                "shop" => {
                    if let Some(examples) = &addresses.examples {
                        self.start_shop(examples).await?;
                    }
                }
                _ => self.start_mapping(addresses),
            }
            say(format_args!("{part} runs again"));
        }
    }

    fn count_death(&mut self) -> Result<()> {
        let now = Instant::now();
        self.deaths.push_back(now);
        self.deaths.retain(|death| now.duration_since(*death) < Duration::from_secs(60));
        if self.deaths.len() > 5 {
            bail!("Parts of the stack keep ending: giving up.");
        }
        Ok(())
    }

    /// Stops everything, in reverse order, and says what. Errors are reported, not returned: the rest has to stop too.
    pub async fn stop(&mut self, dirs: &Dirs) {
        for task in [self.schedule.take(), self.mapping.take(), self.shop.take()].into_iter().flatten() {
            task.abort();
        }
        if let Some(mut functions) = self.functions.take() {
            report("the functions", functions.stop(Signal::TERM, Duration::from_secs(5)).await);
        }
        if let Some(mut sqs) = self.sqs.take() {
            report("SQS", sqs.stop().await);
        }
        if let Some(mut postgres) = self.postgres.take() {
            report("Postgres", postgres.stop().await);
        }
        if std::mem::take(&mut self.docker) {
            report("containers", docker::down(dirs, false).await);
        }
    }
}

fn report(part: &str, stopped: Result<()>) {
    match stopped {
        Ok(()) => say(format_args!("Stopped {part}")),
        Err(error) => say(format_args!("Warning: {part} did not stop in order: {error:#}")),
    }
}

async fn restart_postgres(server: &mut Option<postgres::Server>) -> Result<()> {
    match server {
        Some(server) => server.restart().await,
        None => Ok(()),
    }
}
