//! An SQS of our own (LocalStack, or MiniStack where Python is too old for it), for `up` and, beside it, for tests.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rustix::process::Signal;

use crate::paths::Dirs;
use crate::process::{Service, Spec};
use crate::python::Python;
use crate::{ports, python, queues, venv};

/// What a server has beside SQS: S3 for large outputs, Secrets Manager for secrets, EventBridge for events. Each is loaded when it is first called.
const SERVICES: &str = "sqs,s3,secretsmanager,events";
const START: Duration = Duration::from_secs(90);
const STOP: Duration = Duration::from_secs(10);

/// How a server is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Names its process record and its log (`.dev/logs/<name>.log`). Two servers need two names.
    pub name: String,
    /// `None` takes any free port.
    pub port: Option<u16>,
}

/// What serves SQS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// LocalStack 4.14.
    LocalStack,
    /// MiniStack 1.5.
    MiniStack,
}

impl Kind {
    /// What runs on this Python: LocalStack from 3.13 on.
    pub fn on(python: &Python) -> Self {
        if python.version >= (3, 13) { Self::LocalStack } else { Self::MiniStack }
    }

    /// The name of its requirements file in `localstack/`, without `.txt`.
    pub fn requirements(self) -> &'static str {
        match self {
            Self::LocalStack => "localstack",
            Self::MiniStack => "ministack",
        }
    }
}

/// A running SQS without queues (see [`crate::queues::create`]). Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    /// `http://127.0.0.1:<port>`
    pub endpoint_url: String,
    /// The port on 127.0.0.1, which [`Server::restart`] keeps.
    pub port: u16,
    /// What serves it.
    pub kind: Kind,
    dirs: Dirs,
    name: String,
    venv: PathBuf,
    service: Option<Service>,
}

impl Server {
    /// Installs what is needed, starts a server and waits until it answers SQS calls. Fails, with the end of its log, when
    /// it does not start.
    pub async fn start(dirs: &Dirs, options: Options) -> Result<Self> {
        let (kind, venv) = install(dirs).await?;
        let port = options.port.map_or_else(ports::any, Ok)?;
        let endpoint_url = format!("http://127.0.0.1:{port}");
        let mut server =
            Self { endpoint_url, port, kind, dirs: dirs.clone(), name: options.name, venv, service: None };
        server.restart().await?;
        Ok(server)
    }

    /// Stops it and waits for the end. Its queues and messages are gone.
    pub async fn stop(&mut self) -> Result<()> {
        match self.service.take() {
            Some(mut service) => service.stop(Signal::TERM, STOP).await,
            None => Ok(()),
        }
    }

    /// Starts it again, on the same port, without queues. One that still runs is stopped before that.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        let scratch = self.dirs.dev()?.join("data").join(&self.name);
        std::fs::create_dir_all(&scratch)?;
        let mut service = Service::spawn(&self.dirs, self.spec(&scratch)).await?;
        let client = queues::client(&self.endpoint_url).await;
        let since = Instant::now();
        loop {
            service.check_running()?;
            // Until its port is open a call fails at once; after that it may take long, since services load when called.
            match tokio::time::timeout(Duration::from_secs(20), client.list_queues().send()).await {
                Ok(Ok(_)) => break,
                Ok(Err(error)) if since.elapsed() > START => bail!("SQS does not answer: {error:?}"),
                Err(_) if since.elapsed() > START => bail!("SQS does not answer"),
                _ => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
        self.service = Some(service);
        Ok(())
    }

    /// Kills it at once, as a crash would.
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

    fn spec(&self, scratch: &Path) -> Spec {
        let set = |name: &str, value: &str| (name.to_owned(), OsString::from(value));
        let port = self.port.to_string();
        let (module, env) = match self.kind {
            Kind::LocalStack => (
                "localstack.runtime.main",
                vec![
                    set("GATEWAY_LISTEN", &format!("127.0.0.1:{port}")),
                    set("SERVICES", SERVICES),
                    // It calls nobody, downloads nothing and needs no port 53.
                    set("DISABLE_EVENTS", "1"),
                    set("SKIP_SSL_CERT_DOWNLOAD", "1"),
                    set("DNS_ADDRESS", "0"),
                    ("FILESYSTEM_ROOT".to_owned(), scratch.into()),
                ],
            ),
            Kind::MiniStack => (
                "ministack",
                vec![
                    set("GATEWAY_PORT", &port),
                    set("SERVICES", SERVICES),
                    set("BIND_HOST", "127.0.0.1"),
                    set("MINISTACK_HOST", "127.0.0.1"),
                    ("STATE_DIR".to_owned(), scratch.into()),
                    ("S3_DATA_DIR".to_owned(), scratch.into()),
                ],
            ),
        };
        Spec {
            name: self.name.clone(),
            program: self.venv.join("bin/python"),
            args: vec!["-m".into(), module.into()],
            env,
            without_env: ["AWS_ENDPOINT_URL", "LD_LIBRARY_PATH"].map(str::to_owned).to_vec(),
            cwd: Some(scratch.to_owned()),
            port: Some(self.port),
            ..Spec::default()
        }
    }
}

/// Installs what serves SQS on this machine's Python; returns it and its virtual environment.
pub async fn install(dirs: &Dirs) -> Result<(Kind, PathBuf)> {
    let python = python::find()?;
    let kind = Kind::on(&python);
    Ok((kind, venv::ensure(dirs, kind.requirements(), &python).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localstack_runs_from_python_3_13_on_and_ministack_before() {
        let kind = |minor| Kind::on(&Python { program: "python3".into(), version: (3, minor) });
        assert_eq!(
            [kind(10), kind(12), kind(13), kind(14)].map(Kind::requirements),
            ["ministack", "ministack", "localstack", "localstack"]
        );
    }
}
