//! What the tests run on: servers of their own, and the functions on one host or the other.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::report::Report;
use super::secrets;
use crate::example::{self, Surroundings};
use crate::host::Host;
use crate::mapping::{self, Mapping};
use crate::paths::Dirs;
use crate::process::{Service, Spec};
use crate::queues::{self, Queues};
use crate::routes::{self, Routes, UNROUTED};
use crate::stack::functions;
use crate::stack::state::Addresses;
use crate::{api_keys, cargo_lambda, database, pgbouncer, ports, postgres, shop, sqs, webhooks};

/// A throw-away Postgres and, but for `prepare`, an SQS with the queues and what the examples reach. Dropping it kills them.
#[derive(Debug)]
pub(super) struct Backend {
    postgres: postgres::Server,
    sqs: Option<sqs::Server>,
    endpoint_url: String,
    sqs_data: PathBuf,
    shop: Option<JoinHandle<Result<()>>>,
    examples: Option<Surroundings>,
}

impl Backend {
    /// Starts all of it on free ports.
    pub async fn start(dirs: &Dirs) -> Result<Self> {
        let mut backend = Self::start_postgres(dirs).await?;
        let server =
            sqs::Server::start(dirs, sqs::Options { name: "test-sqs".to_owned(), port: None }).await?;
        queues::create(dirs, &server.endpoint_url).await?;
        backend.endpoint_url = server.endpoint_url.clone();
        backend.sqs = Some(server);
        backend.sqs_data = dirs.dev()?.join("data/test-sqs");
        let examples = Surroundings::prepare(&backend.postgres.database_url, ports::any()?).await;
        backend.shop = Some(shop::start(examples.shop_port, &examples.shop_token).await?);
        backend.examples = Some(examples);
        Ok(backend)
    }

    /// Starts Postgres alone.
    pub async fn start_postgres(dirs: &Dirs) -> Result<Self> {
        // Nothing here has to survive a crash, and tests on many cores hold many connections.
        let settings = [
            ("fsync", "off"),
            ("synchronous_commit", "off"),
            ("full_page_writes", "off"),
            ("max_connections", "500"),
        ];
        let options = postgres::Options {
            name: "test-postgres".to_owned(),
            port: None,
            throw_away: true,
            settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            folder: None,
        };
        let postgres = postgres::Server::start(dirs, options).await?;
        Ok(Self {
            postgres,
            sqs: None,
            endpoint_url: String::new(),
            sqs_data: PathBuf::new(),
            shop: None,
            examples: None,
        })
    }

    /// Makes an empty database in place of an older one of that name; returns its connection string.
    pub async fn new_database(&self, name: &str) -> Result<String> {
        let mut connection = database::connect(&self.postgres.url("postgres")).await?;
        for statement in [format!("drop database if exists {name}"), format!("create database {name}")] {
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await?;
        }
        Ok(self.postgres.url(name))
    }

    /// What tests find in their environment: `DATABASE_URL` and the variables of the AWS SDK.
    pub fn environment(&self) -> Vec<(String, OsString)> {
        let queues = Queues::on(&self.endpoint_url);
        let addresses = self.addresses(self.postgres.database_url.clone(), queues, 0);
        // There are no functions here that could be invoked.
        functions::environment(&Addresses { examples: None, ..addresses })
    }

    /// The port of Postgres on 127.0.0.1.
    pub fn postgres_port(&self) -> u16 {
        self.postgres.port
    }

    /// Stops all of it and removes its data.
    pub async fn stop(&mut self) -> Result<()> {
        if let Some(shop) = self.shop.take() {
            shop.abort();
        }
        if let Some(sqs) = &mut self.sqs {
            sqs.stop().await?;
            let _ = std::fs::remove_dir_all(&self.sqs_data);
        }
        self.postgres.stop().await
    }

    /// Where the stack `name` of the end-to-end suite will be, with a new database and queues of its own: a poll of an
    /// earlier stack that SQS has not given up yet would take its messages.
    async fn place(&self, dirs: &Dirs, name: &str) -> Result<Addresses> {
        let database_url = database(dirs, self, &format!("e2e_{name}")).await?;
        let queues = queues::create_named(dirs, &self.endpoint_url, &format!("-{name}")).await?;
        if let Some(examples) = &self.examples {
            examples.register(&database_url, &queues.alerts_url).await?;
        }
        // Callers are asked who they are, as on AWS.
        let keys = api_keys::make(&database_url).await?;
        let functions_url = database::role_of_the_functions(&database_url).await?;
        let functions_url = functions_url.context("the functions have no role of their own")?;
        Ok(Addresses { keys, functions_url, ..self.addresses(database_url, queues, ports::any()?) })
    }

    fn addresses(&self, database_url: String, queues: Queues, port: u16) -> Addresses {
        Addresses {
            base_url: format!("http://127.0.0.1:{port}"),
            port,
            functions_url: database_url.clone(),
            database_url,
            endpoint_url: self.endpoint_url.clone(),
            queues,
            examples: self.examples.clone(),
            keys: Vec::new(),
        }
    }
}

/// The functions with a database and the mapping, ready for the end-to-end suite. Dropping it kills them.
#[derive(Debug)]
pub(super) struct E2e {
    /// What the suite finds in its environment.
    pub environment: Vec<(String, OsString)>,
    functions: Functions,
    mapping: JoinHandle<Result<()>>,
    stop: CancellationToken,
    /// Where the functions write what they have to say.
    logs: PathBuf,
    database_url: String,
}

#[derive(Debug)]
enum Functions {
    Host(Host),
    Watch(Box<Service>),
}

impl E2e {
    /// The functions' binaries, built already, on the Runtime-API host.
    pub async fn on_host(dirs: &Dirs, backend: &Backend) -> Result<Self> {
        Self::host(dirs, backend, "host", &[]).await
    }

    /// The same, but the functions reach their database through a transaction pooler, and know it. The suite itself reaches
    /// it as ever.
    pub async fn behind_pooler(dirs: &Dirs, backend: &Backend, pooler: &pgbouncer::Server) -> Result<Self> {
        let through = pooler.url("e2e_pooler");
        let overrides = [("DATABASE_URL", through.as_str()), ("DB_POOLER", "transaction")];
        Self::host(dirs, backend, "pooler", &overrides).await
    }

    async fn host(dirs: &Dirs, backend: &Backend, name: &str, overrides: &[(&str, &str)]) -> Result<Self> {
        let addresses = backend.place(dirs, name).await?;
        let mut host = Host::builder(dirs.root()).routed_functions(4)?;
        for name in UNROUTED {
            host = host.function(name, 4);
        }
        host = host.function(example::FUNCTION, 1);
        host = host.port(addresses.port).timeout("worker", Duration::from_secs(120));
        host = host.log_folder(dirs.logs()?.join(format!("test-{name}")));
        let environment = environment(&addresses);
        for (name, value) in &environment {
            host = host.env(name, value.to_string_lossy());
        }
        for (name, value) in overrides {
            host = host.env(name, *value);
        }
        let logs = dirs.logs()?.join(format!("test-{name}"));
        let mut stack = Self::with(Functions::Host(host.start().await?), &addresses, environment, logs);
        // Here a call takes a few milliseconds.
        stack.environment.push(("RUNPLANE_RANDOM_CALLS".to_owned(), "10000".into()));
        Ok(stack)
    }

    /// `cargo lambda watch` as `up` starts it, under a name of its own, with every function called once: what compiles or
    /// starts slowly does so before the suite looks at the clock.
    pub async fn on_watch(dirs: &Dirs, backend: &Backend) -> Result<Self> {
        let addresses = backend.place(dirs, "watch").await?;
        let environment = environment(&addresses);
        let port = addresses.port.to_string();
        let args = [
            "lambda",
            "watch",
            "--invoke-address",
            "127.0.0.1",
            "--invoke-port",
            &port,
            "--concurrency",
            "4",
        ];
        let spec = Spec {
            name: "test-functions".to_owned(),
            program: cargo_lambda::find(dirs).await?,
            args: args.map(OsString::from).to_vec(),
            env: environment.clone(),
            without_env: cargo_lambda::package_variables(),
            port: Some(addresses.port),
            ..Spec::default()
        };
        let mut service = Service::spawn(dirs, spec).await?;
        warm_up(dirs, &addresses, &mut service).await?;
        let logs = dirs.logs()?.join("test-functions.log");
        let mut stack = Self::with(Functions::Watch(service.into()), &addresses, environment, logs);
        // Of two headers of one name, it hands one on.
        stack.environment.push(("RUNPLANE_ONE_HEADER".to_owned(), "1".into()));
        Ok(stack)
    }

    /// `environment`: that of the functions.
    fn with(
        functions: Functions,
        addresses: &Addresses,
        mut environment: Vec<(String, OsString)>,
        logs: PathBuf,
    ) -> Self {
        let stop = CancellationToken::new();
        let mapping = Mapping {
            endpoint_url: addresses.endpoint_url.clone(),
            queue_url: addresses.queues.runs_url.clone(),
            invoke_url: addresses.base_url.clone(),
            function: "worker".to_owned(),
        };
        // The suite seeds rows and moves times, as no function may.
        environment.push(("DATABASE_URL".to_owned(), addresses.database_url.clone().into()));
        environment.push(("RUNPLANE_URL".to_owned(), addresses.base_url.clone().into()));
        if let Some(key) = api_keys::of(&addresses.keys, "operator") {
            environment.push(("RUNPLANE_API_KEY".to_owned(), key.into()));
        }
        let Queues { runs_url, dlq_url, .. } = &addresses.queues;
        environment.push(("RUNPLANE_QUEUE_URL".to_owned(), runs_url.into()));
        environment.push(("RUNPLANE_DEAD_LETTER_QUEUE_URL".to_owned(), dlq_url.into()));
        let parameter = format!("parameter-{}", uuid::Uuid::new_v4().simple());
        environment.push(("RUNPLANE_SECRET_PARAMETER".to_owned(), parameter.into()));
        let mapping = tokio::spawn(mapping::run(mapping, stop.clone()));
        Self { environment, functions, mapping, stop, logs, database_url: addresses.database_url.clone() }
    }

    /// Looks for what the suite knows as secrets in everything that the functions have said and stored.
    pub async fn look_for_secrets(&self, report: &mut Report) -> Result<()> {
        let known = self
            .environment
            .iter()
            .filter(|(name, _)| name.starts_with("RUNPLANE_SECRET_") || name == "RUNPLANE_API_KEY");
        let known: Vec<_> = known.map(|(_, value)| value.to_string_lossy().into_owned()).collect();
        let look = secrets::look_for(&known, &self.logs, &self.database_url);
        report.step("No secret in logs and rows", look).await
    }

    /// Stops the mapping, then the functions.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let _ = (&mut self.mapping).await;
        match self.functions {
            Functions::Host(host) => host.shutdown().await,
            // Its end is not in doubt: what does not stop is killed.
            Functions::Watch(mut service) => _ = service.stop(Signal::INT, Duration::from_secs(5)).await,
        }
    }
}

/// What the functions get: as under `up`, and what webhooks of the suite are signed with.
fn environment(addresses: &Addresses) -> Vec<(String, OsString)> {
    let mut environment = functions::environment(addresses);
    environment.push((webhooks::variable(), webhooks::secret().into()));
    environment
}

/// A migrated database with the demo data; its connection string.
pub(super) async fn database(dirs: &Dirs, backend: &Backend, name: &str) -> Result<String> {
    let url = backend.new_database(name).await?;
    database::migrate(dirs, &url).await?;
    database::load_demo(dirs, &url).await?;
    Ok(url)
}

/// Waits for the port and calls every function once, with an event that means nothing to it.
async fn warm_up(dirs: &Dirs, addresses: &Addresses, service: &mut Service) -> Result<()> {
    let since = Instant::now();
    while tokio::net::TcpStream::connect(("127.0.0.1", addresses.port)).await.is_err() {
        service.check_running()?;
        if since.elapsed() > Duration::from_secs(30) {
            bail!("cargo lambda watch does not listen on port {}", addresses.port);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(300)).build()?;
    let routed = Routes::read(dirs.root())?.functions();
    for name in routed.iter().map(String::as_str).chain(UNROUTED).chain([example::FUNCTION]) {
        let url = format!("{}/2015-03-31/functions/{name}/invocations", addresses.base_url);
        let call = client.post(&url).body(routes::idle_event(name)).send().await;
        call.with_context(|| format!("the function {name} does not answer on cargo lambda watch"))?;
    }
    Ok(())
}
