//! What `up` takes Postgres and SQS from: what is there before anything is installed.

use std::env;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::docker;
use crate::paths::Dirs;
use crate::progress::say;
use crate::{cargo_lambda, postgres, python, sqs};

/// Where a part comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// An address in the environment.
    Given(String),
    /// `localstack/compose.yaml`
    Docker,
    /// A process of our own, from a PyPI wheel.
    Own,
}

/// Where both parts come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Postgres: `DATABASE_URL`, Docker or our own.
    pub postgres: Source,
    /// SQS: `AWS_ENDPOINT_URL`, Docker or our own.
    pub sqs: Source,
}

impl Plan {
    /// Looks at the environment, then for a Docker engine.
    pub async fn detect() -> Self {
        let set = |name| env::var(name).ok().filter(|value: &String| !value.is_empty());
        let (database, endpoint) = (set("DATABASE_URL"), set("AWS_ENDPOINT_URL"));
        let docker = (database.is_none() || endpoint.is_none()) && docker::available().await;
        Self::of(database, endpoint, docker)
    }

    fn of(database: Option<String>, endpoint: Option<String>, docker: bool) -> Self {
        let otherwise = || if docker { Source::Docker } else { Source::Own };
        Self {
            postgres: database.map_or_else(otherwise, Source::Given),
            sqs: endpoint.map_or_else(otherwise, Source::Given),
        }
    }

    /// Says where the parts come from.
    pub fn announce(&self) -> Result<()> {
        match &self.postgres {
            Source::Given(_) => say("Postgres: the one of DATABASE_URL"),
            Source::Docker => say("Postgres: postgres:18 in Docker"),
            Source::Own => say("Postgres: 18 from PyPI"),
        }
        match &self.sqs {
            Source::Given(url) => say(format_args!("SQS: {url}, as AWS_ENDPOINT_URL says")),
            Source::Docker => say("SQS: LocalStack 4.14 in Docker"),
            Source::Own => {
                let python = python::find()?;
                match sqs::Kind::on(&python) {
                    sqs::Kind::LocalStack => say("SQS: LocalStack 4.14 from PyPI"),
                    sqs::Kind::MiniStack => say(format_args!(
                        "SQS: MiniStack 1.5 from PyPI, since LocalStack needs Python 3.13 and the newest here is {}.{}",
                        python.version.0, python.version.1
                    )),
                }
            }
        }
        Ok(())
    }

    /// Installs and builds whatever is missing, with progress on the terminal. Does nothing where all is there.
    pub async fn prepare(&self, dirs: &Dirs) -> Result<()> {
        if self.postgres == Source::Own {
            postgres::install(dirs).await?;
        }
        if self.sqs == Source::Own {
            sqs::install(dirs).await?;
        }
        cargo_lambda::find(dirs).await?;
        cargo_lambda::build(dirs).await
    }

    /// The services of the compose file that are wanted.
    pub fn docker_services(&self) -> Vec<&'static str> {
        let wanted = [(&self.postgres, "postgres"), (&self.sqs, "sqs")];
        wanted.into_iter().filter(|(source, _)| **source == Source::Docker).map(|(_, name)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_comes_before_docker_and_docker_before_our_own() {
        let given = |url: &str| Some(url.to_owned());
        let plan = Plan::of(given("postgres://a"), None, true);
        assert_eq!(plan, Plan { postgres: Source::Given("postgres://a".to_owned()), sqs: Source::Docker });
        assert_eq!(plan.docker_services(), ["sqs"]);
        assert_eq!(Plan::of(None, None, false), Plan { postgres: Source::Own, sqs: Source::Own });
        assert_eq!(Plan::of(None, given("http://b"), false).sqs, Source::Given("http://b".to_owned()));
    }
}
