//! Describing a host and starting it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::environment::Environment;
use super::function::Function;
use super::logs::Logs;
use super::{Host, front, supervisor};
use crate::routes::Routes;

/// A host before it starts: made by [`Host::builder`].
#[derive(Debug, Clone)]
pub struct Builder {
    root: PathBuf,
    routes: Option<Routes>,
    binaries: PathBuf,
    port: u16,
    functions: BTreeMap<String, usize>,
    env: BTreeMap<String, String>,
    timeouts: BTreeMap<String, Duration>,
    log_folder: Option<PathBuf>,
}

impl Builder {
    pub(super) fn new(root: PathBuf) -> Self {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        Self {
            binaries: root.join(target).join("debug"),
            root,
            routes: None,
            port: 0,
            functions: BTreeMap::new(),
            env: BTreeMap::new(),
            timeouts: BTreeMap::new(),
            log_folder: None,
        }
    }

    /// Runs `environments` processes of the function `name` (at least one), whose binary has the same name.
    pub fn function(mut self, name: &str, environments: usize) -> Self {
        self.functions.insert(name.to_owned(), environments.max(1));
        self
    }

    /// Runs `environments` processes of every function that the routes name, beside those that were named already.
    ///
    /// Fails as [`Routes::read`] does.
    pub fn routed_functions(mut self, environments: usize) -> anyhow::Result<Self> {
        let routes = self.routes()?;
        for name in routes.functions() {
            self.functions.entry(name).or_insert(environments.max(1));
        }
        self.routes = Some(routes);
        Ok(self)
    }

    /// Gives every function the variable `name`. They get nothing of this process's environment but `HOME`, `PATH`,
    /// `TMPDIR` and what backtraces, coverage and shared libraries need.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.insert(name.to_owned(), value.into());
        self
    }

    /// Limits an invocation of the function `name` to `limit`; 30 s if nothing is said.
    pub fn timeout(mut self, name: &str, limit: Duration) -> Self {
        self.timeouts.insert(name.to_owned(), limit);
        self
    }

    /// Takes the binaries from `folder` instead of `target/debug`.
    pub fn binaries(mut self, folder: impl Into<PathBuf>) -> Self {
        self.binaries = folder.into();
        self
    }

    /// Takes these routes instead of those of the root `Cargo.toml`.
    pub fn routes_of(mut self, routes: Routes) -> Self {
        self.routes = Some(routes);
        self
    }

    /// Listens on this port of 127.0.0.1 instead of any free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Appends what functions write to `<folder>/<name>.log` too.
    pub fn log_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.log_folder = Some(folder.into());
        self
    }

    /// Starts the functions and listens. Returns when all processes have started; invocations wait until they are
    /// ready.
    ///
    /// Fails when the routes cannot be read, a binary is missing or cannot be run, a log cannot be written or the port
    /// is taken.
    pub async fn start(self) -> anyhow::Result<Host> {
        let routes = self.routes()?;
        let listener = TcpListener::bind(("127.0.0.1", self.port))
            .await
            .with_context(|| format!("cannot listen on port {}", self.port))?;
        let base_url = format!("http://{}", listener.local_addr()?);

        let mut functions = BTreeMap::new();
        for name in self.functions.keys() {
            let binary = self.binaries.join(name);
            if !binary.is_file() {
                bail!("{} is missing: build it first, with `cargo build`", binary.display());
            }
            let timeout = self.timeouts.get(name).copied().unwrap_or(Duration::from_secs(30));
            let logs = Logs::new(self.log_folder.as_deref(), name)?;
            let function = Function::new(name.clone(), binary, self.env.clone(), timeout, logs);
            functions.insert(name.clone(), Arc::new(function));
        }

        let (functions, stop, mut tasks) = (Arc::new(functions), CancellationToken::new(), JoinSet::new());
        for (name, environments) in &self.functions {
            for _ in 0..*environments {
                let function = functions[name].clone();
                let first = Environment::start(function.clone()).await;
                let first = first.with_context(|| format!("cannot start {}", function.binary.display()))?;
                tasks.spawn(supervisor::keep_running(function, first, stop.clone()));
            }
        }
        tasks.spawn(front::serve(listener, routes, functions.clone(), stop.clone()));
        Ok(Host { base_url, functions, stop, tasks })
    }

    fn routes(&self) -> anyhow::Result<Routes> {
        match &self.routes {
            Some(routes) => Ok(routes.clone()),
            None => Routes::read(&self.root),
        }
    }
}
