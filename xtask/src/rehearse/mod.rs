//! `cargo xtask rehearse`: deploys `template.yaml` as it is, through CloudFormation, onto an AWS that runs on this machine, and tries it.
//!
//! The steps: cfn-lint and checkov · release zips · a stack that fails, since its database cannot be migrated · the stack, which migrates an empty database and makes a key, without its sweep's schedule, so that nobody sweeps while the end-to-end suite moves
//! leases, and with an API that is open · that suite on the API's URL: API → function → SQS → mapping → worker · permissions that nobody
//! used · updates in place, one of them of everything under load, which switch the schedule on and close the API · a run that only the schedule can find · deletion.

mod aws;
mod checks;
mod deployed;
mod emulator;
mod figures;
mod lint;
mod load;
mod package;
mod permissions;
mod update;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tokio_util::sync::CancellationToken;

use crate::paths::Dirs;
use crate::progress::say;
use crate::{queues, release, webhooks};
use aws::Aws;
use deployed::Resource;
use emulator::Emulator;
use package::Package;

pub use lint::lint;

/// What `cargo xtask rehearse` may be told.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {
    /// Leave the stack deployed until Ctrl-C, to look at it
    #[arg(long)]
    pub keep: bool,
    /// Another template, to see what a mistake in it breaks
    #[arg(long, default_value = TEMPLATE)]
    pub template: PathBuf,
}

/// The template, seen from the repository.
pub const TEMPLATE: &str = "template.yaml";

/// The parameters while the end-to-end suite runs: nobody sweeps in between.
const QUIET: [(&str, &str); 1] = [("SweepState", "DISABLED")];

/// The parameter `SecretsPrefix`, as it is by default: what the names of secrets begin with.
const SECRETS_PREFIX: &str = "runplane/";

/// How the database is reached.
#[derive(Debug)]
pub struct Urls {
    /// By whoever owns the tables: the stack, which migrates it, and the suite, which seeds rows.
    pub owner: String,
    /// By the functions, as a role that the stack makes.
    pub functions: String,
}

impl Urls {
    /// Of the database at `owner`. Fails when that is no URL.
    pub fn of(owner: String) -> Result<Self> {
        let mut url = reqwest::Url::parse(&owner).context("the connection string cannot be read")?;
        let set =
            url.set_username(checks::ROLE).is_ok() && url.set_password(Some("rehearsed%2Fword")).is_ok();
        ensure!(set, "the connection string takes no user");
        Ok(Self { owner, functions: url.to_string() })
    }
}

/// A deployed stack on an emulator. Dropping it kills both.
#[derive(Debug)]
pub struct Rehearsal {
    /// The API's URL.
    pub base_url: String,
    urls: Urls,
    /// An operator's.
    key: String,
    /// What webhooks of the suite are signed with.
    webhook_secret: String,
    aws: Aws,
    emulator: Emulator,
    package: Package,
    outputs: BTreeMap<String, String>,
}

impl Rehearsal {
    /// Builds the zips, with cargo's own progress on the terminal. Fails when a function does not compile.
    pub async fn build(dirs: &Dirs) -> Result<release::Release> {
        release::build(dirs).await
    }

    /// Deploys `template` (seen from the repository) with an empty database, its sweep not scheduled; the stack migrates the database, and makes an
    /// operator's key. Fails, with what CloudFormation says, when it does not complete; and when a stack completes whose database cannot be migrated.
    pub async fn deploy(
        dirs: &Dirs,
        template: &Path,
        release: &release::Release,
        urls: Urls,
    ) -> Result<Self> {
        let folder = dirs.dev()?.join("data/rehearse-package");
        let package = package::package(&dirs.root().join(template), release, &folder)?;
        let emulator = Emulator::start(dirs).await?;
        let aws = Aws::on(dirs, &emulator.endpoint_url).await?;
        let mut rehearsal = Self {
            base_url: String::new(),
            urls,
            key: String::new(),
            webhook_secret: webhooks::secret(),
            aws,
            emulator,
            package,
            outputs: BTreeMap::new(),
        };
        checks::put_in_the_way(&rehearsal.urls.owner).await?;
        let refused = rehearsal.put(&QUIET).await;
        checks::says_why(refused)?;
        deployed::delete(&rehearsal.aws).await?;
        checks::take_out_of_the_way(&rehearsal.urls.owner).await?;
        rehearsal.put(&QUIET).await?;
        rehearsal.outputs = deployed::outputs(&rehearsal.aws).await?;
        rehearsal.key = deployed::secret(&rehearsal.aws, rehearsal.output("OperatorKeySecretArn")?).await?;
        let name = format!("{SECRETS_PREFIX}{}/{}", checks::TENANT, webhooks::NAME);
        deployed::put_secret(&rehearsal.aws, &name, &rehearsal.webhook_secret).await?;
        // The URL of the outputs has a host name of its own, which may not resolve here.
        let api = rehearsal.output("ApiId")?;
        rehearsal.base_url = format!("{}/_aws/execute-api/{api}", rehearsal.emulator.endpoint_url);
        Ok(rehearsal)
    }

    /// What the end-to-end suite finds in its environment.
    pub fn environment(&self) -> Result<Vec<(String, OsString)>> {
        let of = |name: &str, value: &str| (name.to_owned(), OsString::from(value));
        let endpoint_url = self.emulator.endpoint_url.as_str();
        Ok(vec![
            of("RUNPLANE_URL", &self.base_url),
            of("RUNPLANE_API_KEY", &self.key),
            // As functions/migrate calls the key that it makes.
            of("RUNPLANE_API_KEY_NAME", "first operator"),
            of("RUNPLANE_INVOKE_URL", endpoint_url),
            of("RUNPLANE_SWEEP_FUNCTION", self.output("SweepFunctionName")?),
            of("RUNPLANE_DELIVER_FUNCTION", self.output("DeliverFunctionName")?),
            of(&webhooks::variable(), &self.webhook_secret),
            of("RUNPLANE_QUEUE_URL", self.output("RunsQueueUrl")?),
            of("RUNPLANE_DEAD_LETTER_QUEUE_URL", self.output("RunsDeadLetterQueueUrl")?),
            of("DATABASE_URL", &self.urls.owner),
            of("AWS_ENDPOINT_URL", endpoint_url),
            of("AWS_REGION", queues::REGION),
            of("AWS_ACCESS_KEY_ID", "test"),
            of("AWS_SECRET_ACCESS_KEY", "test"),
        ])
    }

    /// Fails when a function may call what it has not called. To be asked after the end-to-end suite.
    pub async fn permissions(&self) -> Result<()> {
        permissions::compare(&self.aws, &self.resources().await?).await
    }

    /// Sizes and times, as the emulator reports them.
    pub async fn figures(&self) -> Result<String> {
        figures::table(&self.aws, &self.resources().await?).await
    }

    /// Leaves everything as it is until `stop`, and says where it is.
    pub async fn keep(&self, stop: &CancellationToken) -> Result<()> {
        say(format_args!(
            "\nThe stack is deployed: {}\n  curl '{}/api/runs?limit=1' -H 'authorization: Bearer {}'\n  psql '{}'\n  AWS_ENDPOINT_URL={} AWS_ACCESS_KEY_ID=test \
             AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION={} .dev/venv/aws/bin/aws cloudformation describe-stack-resources \
             --stack-name {}\nCtrl-C deletes it.",
            self.base_url,
            self.base_url,
            self.key,
            self.urls.owner,
            self.emulator.endpoint_url,
            queues::REGION,
            deployed::STACK,
        ));
        stop.cancelled().await;
        Ok(())
    }

    /// Deletes the stack. Fails when it leaves something behind.
    pub async fn delete(&self) -> Result<()> {
        checks::delete(&self.aws).await
    }

    /// Stops the emulator; what was deployed is gone.
    pub async fn stop(self) -> Result<()> {
        self.emulator.stop().await
    }

    /// Deploys with these parameters beside those that are always the same.
    async fn put(&self, parameters: &[(&str, &str)]) -> Result<()> {
        deployed::deploy(&self.aws, &self.package, &self.with_always(parameters)).await
    }

    fn with_always<'a>(&self, parameters: &[(&'a str, &str)]) -> Vec<(&'a str, String)> {
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
        let always = [
            ("DatabaseUrl", self.urls.functions.as_str()),
            ("OwnerDatabaseUrl", self.urls.owner.as_str()),
            ("Architecture", architecture),
            ("OutputBucket", deployed::OUTPUTS),
            ("AlarmTopic", deployed::TOPIC),
        ];
        always.iter().chain(parameters).map(|(name, value)| (*name, (*value).to_owned())).collect()
    }

    async fn resources(&self) -> Result<BTreeMap<String, Resource>> {
        deployed::resources(&self.aws).await
    }

    fn output(&self, name: &str) -> Result<&str> {
        self.outputs.get(name).map(String::as_str).with_context(|| format!("the stack has no output {name}"))
    }
}
