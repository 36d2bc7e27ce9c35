//! The functions of the API on the Runtime-API host, as they are deployed: let in by a key, as the role that owns nothing, logging.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use sqlx::Connection as _;

use super::world;
use crate::host::Host;
use crate::paths::Dirs;
use crate::{api_keys, cargo_lambda, database, release};

/// Programs of the functions.
#[derive(Debug)]
pub struct Programs(PathBuf);

impl Programs {
    /// Those of the release, or, in a small form that measures nothing, those of the dev profile. Fails when they do not compile; and
    /// where this program, which plays Lambda and API Gateway, was not itself built for release.
    pub async fn build(dirs: &Dirs, small: bool, command: &str) -> Result<Self> {
        if small {
            cargo_lambda::build(dirs).await?;
            return Ok(Self(super::target(dirs).join("debug")));
        }
        if cfg!(debug_assertions) {
            bail!(
                "Lambda is played by this program, whose own time would count: `cargo run --release --package xtask -- bench {command}`"
            );
        }
        Ok(Self(release::build(dirs).await?.programs))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.0
    }
}

/// The API, and a key to it.
#[derive(Debug)]
pub struct Api {
    /// The functions.
    pub host: Host,
    /// Of a worker of the benchmarks' tenant.
    pub key: String,
}

impl Api {
    /// Starts so many environments of each of these functions on the database. Fails when one does not start.
    pub async fn start(
        dirs: &Dirs,
        programs: &Programs,
        database_url: &str,
        functions: &[&str],
        environments: u32,
    ) -> Result<Self> {
        let mut connection = database::connect(database_url).await?;
        let tenant = Some(world::TENANT.parse()?);
        let key = api_keys::insert(&mut connection, "bench", tenant, &["submitter", "worker"]).await?;
        connection.close().await?;
        let functions_url = database::role_of_the_functions(database_url).await?;
        let mut host = Host::builder(dirs.root()).binaries(programs.folder());
        for function in functions {
            host = host.function(function, environments as usize);
        }
        let host = host
            .log_folder(dirs.logs()?.join("bench-api"))
            .env("DATABASE_URL", functions_url.as_deref().unwrap_or(database_url))
            .env("RUNS_QUEUE_URL", "http://127.0.0.1:1/000000000000/runs")
            .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "none")
            .env("AWS_SECRET_ACCESS_KEY", "none")
            .start()
            .await?;
        Ok(Self { host, key })
    }
}
