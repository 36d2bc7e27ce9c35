//! `runplane worker`

use std::str::FromStr;
use std::time::Duration;

use reqwest::Url;
use runplane::reach::secrets;
use uuid::Uuid;

use super::{Access, Settings};
use crate::failure::Failure;

/// How many characters the API takes as a worker's name.
const LONGEST_NAME: usize = 200;
/// How many queues one claim may name.
const MOST_QUEUES: usize = 10;

/// A worker on this machine. Its variables are those of the worker of the service that Runplane replaces, and a few more.
#[derive(Debug, clap::Args)]
pub struct Worker {
    /// Where the API is, without /api [default: RUNPLANE_URL, else http://127.0.0.1:8000]
    #[arg(long, env = "CP_BASE", hide_env_values = true)]
    url: Option<Given<Url>>,
    #[arg(long, hide = true, env = "RUNPLANE_URL", default_value = "http://127.0.0.1:8000")]
    runplane_url: Url,
    /// Only runs of this tenant [default: RUNPLANE_TENANT, else every tenant's in turn]
    #[arg(long, visible_alias = "tenant-id", env = "TENANT_ID", value_name = "ID")]
    tenant: Option<Given<Uuid>>,
    #[arg(long, hide = true, env = "RUNPLANE_TENANT")]
    runplane_tenant: Option<Given<Uuid>>,
    /// Only runs of these queues, up to 10, with commas between them [default: all]
    #[arg(long, env = "QUEUES", value_name = "NAMES", default_value = "", hide_default_value = true)]
    queues: String,
    /// The name it claims under, 1 to 200 characters [default: host name, colon, process id]
    #[arg(long, env = "WORKER_ID", value_name = "NAME")]
    worker_id: Option<Given<String>>,
    /// How often it asks for runs; less often while there are none
    #[arg(long, env = "POLL_SECONDS", value_name = "SECONDS", default_value = "1.5", value_parser = seconds)]
    pub poll_seconds: Duration,
    /// How many runs it works on at a time, 1 to 32
    #[arg(long, env = "CONCURRENCY", value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub concurrency: u8,
    /// So long after its last sign of life others may take its runs over, 5 to 43200
    #[arg(long, env = "LEASE_SECONDS", value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(5..=43200))]
    pub lease_seconds: u16,
    /// So long it works on a claimed run before it hands it back, for others or for itself to go on with [default: no limit]
    #[arg(long, env = "TIME_LIMIT_SECONDS", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    time_limit: Option<u32>,
    /// So long it goes on with its runs when it is told to end; then it hands them back
    #[arg(long, env = "DRAIN_SECONDS", value_name = "SECONDS", default_value_t = 20)]
    drain_seconds: u32,
    /// The bucket for outputs of more than 256 KiB, that of the deployment; found by the AWS credentials and the region of the environment [default:
    /// none, such outputs are refused]
    #[arg(long, env = "OUTPUT_BUCKET", value_name = "NAME")]
    output_bucket: Option<Given<String>>,
    /// What the names of secrets begin with in AWS Secrets Manager, before <tenant id>/<secret_ref>; asked by the AWS credentials and the region of the
    /// environment [default: none, secrets are environment variables]
    #[arg(long, env = "SECRETS_PREFIX", value_name = "PREFIX")]
    secrets_prefix: Option<Given<String>>,
    /// End when there is nothing to claim and nothing to work on
    #[arg(long)]
    pub once: bool,
    /// How the API lets it in.
    #[command(flatten)]
    access: Access,
    /// Log lines of JSON, for programs
    #[arg(long)]
    pub json: bool,
}

impl Worker {
    /// Where the API is, and how it is spoken to.
    pub fn settings(&self) -> Settings {
        let url = self.url.clone().and_then(|url| url.0).unwrap_or_else(|| self.runplane_url.clone());
        Settings { url, tenant: self.tenant(), access: self.access.clone(), json: self.json }
    }

    /// Whose runs it claims; None: every tenant's.
    pub fn tenant(&self) -> Option<Uuid> {
        let given = [&self.tenant, &self.runplane_tenant];
        given.into_iter().flatten().find_map(|given| given.0)
    }

    /// The queues whose runs it claims; None: all.
    ///
    /// # Errors
    /// [`Failure::Usage`] if there are more than a claim may name.
    pub fn queues(&self) -> Result<Option<Vec<String>>, Failure> {
        let names = self.queues.split(',').map(str::trim).filter(|name| !name.is_empty());
        let names: Vec<String> = names.map(str::to_owned).collect();
        if names.len() > MOST_QUEUES {
            let count = names.len();
            return Err(Failure::Usage(format!(
                "a worker has at most {MOST_QUEUES} queues, these are {count}"
            )));
        }
        Ok((!names.is_empty()).then_some(names))
    }

    /// The name it claims under.
    ///
    /// # Errors
    /// [`Failure::Usage`] if it is too long.
    pub fn worker_id(&self) -> Result<String, Failure> {
        let Some(name) = self.worker_id.clone().and_then(|given| given.0) else {
            let name = format!("{}:{}", host_name(), std::process::id());
            return Ok(name.chars().take(LONGEST_NAME).collect());
        };
        if name.chars().count() > LONGEST_NAME {
            let sentence = format!("a worker's name has at most {LONGEST_NAME} characters");
            return Err(Failure::Usage(sentence));
        }
        Ok(name)
    }

    /// The bucket for large outputs, if there is one.
    pub fn output_bucket(&self) -> Option<String> {
        self.output_bucket.clone().and_then(|bucket| bucket.0)
    }

    /// What the names of secrets in Secrets Manager begin with; None: secrets are environment variables.
    ///
    /// # Errors
    /// [`Failure::Usage`] if nothing can be below it.
    pub fn secrets_prefix(&self) -> Result<Option<String>, Failure> {
        let Some(given) = self.secrets_prefix.clone().and_then(|prefix| prefix.0) else { return Ok(None) };
        let prefix = secrets::prefix(&given);
        prefix
            .map(Some)
            .ok_or_else(|| Failure::Usage(format!("--secrets-prefix must be {}", secrets::PREFIX_IS)))
    }

    /// How long it works on a claimed run; None: as long as it takes.
    pub fn time_limit(&self) -> Option<Duration> {
        self.time_limit.map(|seconds| Duration::from_secs(seconds.into()))
    }

    /// How long it goes on with its runs when it is told to end.
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds.into())
    }

    /// How long a lease lasts.
    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_seconds.into())
    }
}

/// A value that may be empty, as that of a variable which is set to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Given<T>(Option<T>);

impl<T: FromStr> FromStr for Given<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        if text.is_empty() { Ok(Self(None)) } else { text.parse().map(|value| Self(Some(value))) }
    }
}

/// A length of time in seconds, with a fraction.
fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || "must be seconds from 0.1 to 3600".to_owned();
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    if (0.1..=3600.0).contains(&seconds) { Ok(Duration::from_secs_f64(seconds)) } else { Err(wrong()) }
}

/// What this machine is called.
#[cfg(unix)]
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// What this machine is called.
#[cfg(not(unix))]
fn host_name() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "worker".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        worker: Worker,
    }

    fn worker(args: &[&str]) -> Worker {
        Line::try_parse_from([&["worker"] as &[_], args].concat()).unwrap().worker
    }

    #[test]
    fn an_empty_variable_is_as_none() {
        let id = "580115b4-a291-4917-8dbd-247cfa13e2d6";
        let empty = worker(&[
            "--url",
            "",
            "--tenant",
            "",
            "--queues",
            "",
            "--worker-id",
            "",
            "--runplane-tenant",
            id,
        ]);
        assert_eq!(empty.settings().url.as_str(), "http://127.0.0.1:8000/");
        assert_eq!(empty.tenant(), Some(id.parse().unwrap()));
        assert_eq!(empty.queues().unwrap(), None);
        assert!(empty.worker_id().unwrap().ends_with(&format!(":{}", std::process::id())));
    }

    #[test]
    fn what_is_given_to_the_worker_comes_before_what_is_given_to_all_commands() {
        let given = worker(&["--url", "http://a", "--runplane-url", "http://b"]);
        assert_eq!(given.settings().url.as_str(), "http://a/");
        assert_eq!(worker(&["--runplane-url", "http://b"]).settings().url.as_str(), "http://b/");
    }

    #[test]
    fn queues_are_named_with_commas_between_them() {
        assert_eq!(worker(&["--queues", "a, b c ,,d"]).queues().unwrap().unwrap(), ["a", "b c", "d"]);
        assert!(worker(&["--queues", "1,2,3,4,5,6,7,8,9,10,11"]).queues().is_err());
    }

    #[test]
    fn lengths_of_time_have_bounds() {
        assert_eq!(worker(&[]).poll_seconds, Duration::from_millis(1500));
        assert_eq!(worker(&["--poll-seconds", "0.25"]).poll_seconds, Duration::from_millis(250));
        for wrong in ["0", "-1", "NaN", "inf", "3601", "soon"] {
            let line = ["worker", &format!("--poll-seconds={wrong}")];
            assert!(Line::try_parse_from(line).is_err(), "{wrong}");
        }
        assert!(worker(&["--worker-id", &"ä".repeat(200)]).worker_id().is_ok());
        assert!(worker(&["--worker-id", &"ä".repeat(201)]).worker_id().is_err());
    }
}
