//! MiniStack: an AWS on this machine that deploys CloudFormation templates, runs the functions' zips as processes, and holds them to
//! the permissions of their roles.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rustix::process::Signal;

use crate::paths::Dirs;
use crate::process::{Service, Spec};
use crate::{ports, python, venv};

const START: Duration = Duration::from_secs(90);
const STOP: Duration = Duration::from_secs(10);
const NAME: &str = "rehearse-aws";

/// A running emulator, empty at first. Dropping it kills it, and with it the functions.
#[derive(Debug)]
pub struct Emulator {
    /// `http://127.0.0.1:<port>`, of every service.
    pub endpoint_url: String,
    scratch: PathBuf,
    service: Service,
}

impl Emulator {
    /// Installs what is needed, starts it on a free port and waits until it answers. Fails, with the end of its log, when it does not
    /// start.
    pub async fn start(dirs: &Dirs) -> Result<Self> {
        let venv = venv::ensure(dirs, "ministack", &python::find()?).await?;
        let port = ports::any()?;
        let endpoint_url = format!("http://127.0.0.1:{port}");
        let scratch = dirs.dev()?.join("data").join(NAME);
        if scratch.exists() {
            std::fs::remove_dir_all(&scratch)?;
        }
        std::fs::create_dir_all(&scratch)?;
        let set = |name: &str, value: &str| (name.to_owned(), OsString::from(value));
        let spec = Spec {
            name: NAME.to_owned(),
            program: venv.join("bin/python"),
            args: vec![dirs.root().join("localstack/start_ministack.py").into()],
            env: vec![
                set("GATEWAY_PORT", &port.to_string()),
                set("BIND_HOST", "127.0.0.1"),
                set("MINISTACK_HOST", "127.0.0.1"),
                // What a function asks for and its role does not allow is refused, as on AWS. (Who may invoke a function, and what a
                // mapping and a schedule may do, is not looked at.)
                set("AUTH", "true"),
                // Who has called what is kept, to be asked for.
                set("CLOUDTRAIL_RECORDING", "1"),
                // Functions get this one: there they find SQS.
                set("AWS_ENDPOINT_URL", &endpoint_url),
                set("AWS_ACCESS_KEY_ID", "test"),
                set("AWS_SECRET_ACCESS_KEY", "test"),
                ("STATE_DIR".to_owned(), scratch.clone().into()),
                ("S3_DATA_DIR".to_owned(), scratch.clone().into()),
            ],
            // Functions inherit what it has: nothing of ours may reach them but through the template.
            without_env: crate::cargo_lambda::package_variables()
                .into_iter()
                .chain(OURS.map(str::to_owned))
                .collect(),
            cwd: Some(scratch.clone()),
            port: Some(port),
            ..Spec::default()
        };
        let mut emulator = Self { endpoint_url, scratch, service: Service::spawn(dirs, spec).await? };
        emulator.answers().await?;
        Ok(emulator)
    }

    /// Stops it and waits for the end; all it held is gone.
    pub async fn stop(mut self) -> Result<()> {
        self.service.stop(Signal::TERM, STOP).await?;
        // What cannot be removed now is removed by the next one.
        let _ = std::fs::remove_dir_all(&self.scratch);
        Ok(())
    }

    async fn answers(&mut self) -> Result<()> {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build()?;
        let health = format!("{}/_ministack/health", self.endpoint_url);
        let since = Instant::now();
        loop {
            self.service.check_running()?;
            if client.get(&health).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if since.elapsed() > START {
                bail!("MiniStack does not answer: see .dev/logs/{NAME}.log");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// Variables of ours, and one of MiniStack's, that a shell may have set.
const OURS: [&str; 25] = [
    "AWS_LAMBDA_LOG_LEVEL",
    "AWS_SESSION_TOKEN",
    "DATABASE_URL",
    "DB_LOGIN",
    "DB_POOLER",
    "DELIVER_QUEUE_URL",
    "EVENT_BUS",
    "LD_LIBRARY_PATH",
    "OIDC_AUDIENCE",
    "OIDC_ISSUER",
    "OIDC_JWKS",
    "OIDC_ROLES_CLAIM",
    "OIDC_TENANT_CLAIM",
    "OPERATOR_KEY_SECRET",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OWNER_DATABASE_URL",
    "OWNER_PASSWORD_SECRET",
    "PERSIST_STATE",
    "OUTPUT_BUCKET",
    "RETENTION_DAYS",
    "RUNS_QUEUE_URL",
    "RUST_LOG",
    "SECRETS_PREFIX",
    "SWEEP_QUEUE_URL",
    "WORKER_LEASE_SECONDS",
];
