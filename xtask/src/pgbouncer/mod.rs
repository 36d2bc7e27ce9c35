//! A pgbouncer of our own in front of a Postgres, for tests: it pools transactions, which is the harshest thing that can
//! stand between the functions and their database.

mod apt;
mod program;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use tokio::net::TcpStream;

use crate::paths::Dirs;
use crate::process::{Service, Spec};
use crate::{data_folder, nobody, ports};

pub use program::{Program, find};

const START: Duration = Duration::from_secs(20);
const STOP: Duration = Duration::from_secs(5);

/// How a pooler is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Names its process record, its log (`.dev/logs/<name>.log`) and its configuration. Two poolers need two names.
    pub name: String,
    /// The port of its Postgres on 127.0.0.1.
    pub postgres_port: u16,
}

/// A running pooler: every database of its Postgres under the same name, with two server connections each. Dropping it
/// kills it.
#[derive(Debug)]
pub struct Server {
    /// The port on 127.0.0.1.
    pub port: u16,
    config: PathBuf,
    service: Service,
}

impl Server {
    /// Starts `program` on a free port and waits until it listens. Whoever connects is `postgres`, without a password. Fails,
    /// with the end of its log, when it does not start.
    pub async fn start(dirs: &Dirs, program: &Program, options: &Options) -> Result<Self> {
        let user = nobody::user()?;
        let port = ports::any()?;
        let config = nobody::folder(dirs, user, "pgbouncer")?.join(format!("{}.ini", options.name));
        std::fs::write(&config, configuration(options.postgres_port, port))
            .with_context(|| format!("cannot write {}", config.display()))?;
        let (mut env, mut without_env) = (Vec::new(), data_folder::pg_variables());
        if let Some(libraries) = program.library_path()? {
            without_env.retain(|name| name != "LD_LIBRARY_PATH");
            env.push(("LD_LIBRARY_PATH".to_owned(), libraries));
        }
        let spec = Spec {
            name: options.name.clone(),
            program: program.path.clone(),
            args: vec![config.clone().into()],
            env,
            without_env,
            cwd: Some("/".into()),
            user,
            port: Some(port),
        };
        let mut service = Service::spawn(dirs, spec).await?;
        let since = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            service.check_running()?;
            if since.elapsed() > START {
                bail!("pgbouncer does not listen on port {port}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(Self { port, config, service })
    }

    /// `127.0.0.1:<port>`
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The connection string of a database behind it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@{}/{database}", self.address())
    }

    /// Stops it, cutting what is connected.
    pub async fn stop(&mut self) -> Result<()> {
        self.service.stop(Signal::TERM, STOP).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.config);
    }
}

/// No startup parameter is let through but those that every driver sends: `options`, by which a client sets what a session
/// has, is refused as poolers do.
fn configuration(postgres_port: u16, port: u16) -> String {
    format!(
        "[databases]\n\
         * = host=127.0.0.1 port={postgres_port} user=postgres\n\
         [pgbouncer]\n\
         listen_addr = 127.0.0.1\n\
         listen_port = {port}\n\
         unix_socket_dir =\n\
         auth_type = any\n\
         pool_mode = transaction\n\
         default_pool_size = 2\n\
         max_client_conn = 500\n\
         ignore_startup_parameters = extra_float_digits\n"
    )
}
