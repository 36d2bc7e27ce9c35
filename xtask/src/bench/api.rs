//! The functions of the API on the Runtime-API host, as they are deployed: let in by a key, as the role that owns nothing, logging.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use sqlx::Connection as _;

use super::world;
use crate::host::Host;
use crate::paths::Dirs;
use crate::{api_keys, cargo_lambda, database, queues, release};

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

    /// Those that are there already: `cargo build` and `cargo test` have made them.
    pub fn built(dirs: &Dirs) -> Self {
        Self(super::target(dirs).join("debug"))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.0
    }
}

/// Fails where this program, which plays Lambda and API Gateway, was not itself built for release.
pub fn for_release(command: &str) -> Result<()> {
    if cfg!(debug_assertions) {
        bail!(
            "Lambda is played by this program, whose own time would count: `cargo run --release --package xtask -- bench {command}`"
        );
    }
    Ok(())
}

/// An SQS, and the queue of the runs in it.
#[derive(Debug, Clone, Copy)]
pub struct Sqs<'a> {
    /// Without a slash at the end.
    pub endpoint_url: &'a str,
    /// What functions get as `RUNS_QUEUE_URL`.
    pub runs_url: &'a str,
    /// What functions get as `SWEEP_QUEUE_URL`.
    pub sweep_url: &'a str,
}

/// Where nobody is: for what sends nothing.
pub const NOWHERE: Sqs<'static> = Sqs {
    endpoint_url: "http://127.0.0.1:1",
    runs_url: "http://127.0.0.1:1/000000000000/runs",
    sweep_url: "http://127.0.0.1:1/000000000000/sweep.fifo",
};

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
        sqs: Sqs<'_>,
        functions: &[(&str, u32)],
    ) -> Result<Self> {
        let mut connection = database::connect(database_url).await?;
        let tenant = Some(world::TENANT.parse()?);
        let key = api_keys::insert(&mut connection, "bench", tenant, &["submitter", "worker"]).await?;
        connection.close().await?;
        let functions_url = database::role_of_the_functions(database_url).await?;
        let (aws_key, aws_secret) = queues::credentials();
        let mut host = Host::builder(dirs.root()).binaries(programs.folder());
        for &(function, environments) in functions {
            host = host.function(function, environments as usize);
        }
        let host = host
            .log_folder(dirs.logs()?.join("bench-api"))
            .env("DATABASE_URL", functions_url.as_deref().unwrap_or(database_url))
            .env("RUNS_QUEUE_URL", sqs.runs_url)
            .env("SWEEP_QUEUE_URL", sqs.sweep_url)
            .env("AWS_ENDPOINT_URL", sqs.endpoint_url)
            .env("AWS_REGION", queues::REGION)
            .env("AWS_ACCESS_KEY_ID", aws_key)
            .env("AWS_SECRET_ACCESS_KEY", aws_secret)
            .start()
            .await?;
        Ok(Self { host, key })
    }
}
