//! Updates of a deployed stack, one after the other, each of them in place. What an update does not name keeps its value.

use anyhow::{Result, bail, ensure};

use super::{QUIET, Rehearsal, checks, deployed, load};
use crate::conformance::client::Client;
use crate::progress::say;

/// What the names of the queues of those begin with who work while the stack is updated.
const QUEUES: &str = "under-load";
/// The emulator keeps it and encrypts nothing.
const KEY: &str = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555";

impl Rehearsal {
    /// Updates the stack in all ways that an operator would, and leaves it with its sweep on. Fails when
    /// an update changes more than it has to, replaces something, or does not do what it is for.
    pub async fn update(&self) -> Result<()> {
        let before = self.resources().await?;
        checks::unknown_path(&self.base_url).await?;
        checks::refuses_strangers(&self.base_url).await?;
        checks::watched(&self.aws).await?;
        self.nothing_new().await?;
        self.new_code().await?;
        self.subnets_and_none_again().await?;
        self.keys_and_traces_and_none_again().await?;
        self.half_a_database().await?;
        self.password().await?;
        self.everything_under_load().await?;
        // Before sweeps are on, so that nothing else can find it.
        let run = checks::forgotten_run(&self.urls.owner).await?;
        self.schedule().await?;
        checks::none_replaced(&before, &self.resources().await?)?;
        // The emulator's FIFO queues, their delay and their mappings do what those of AWS do (MiniStack 1.5); its clock would strike after an hour.
        checks::arms(&self.base_url, &self.key).await?;
        say("Waiting for the sweep, which comes 40 s after it was armed");
        checks::succeeds(&self.urls.owner, &run).await
    }

    /// The same again changes nothing.
    async fn nothing_new(&self) -> Result<()> {
        self.put_changing(&QUIET, &[], None).await
    }

    /// New code of one function changes that function, which goes on answering.
    async fn new_code(&self) -> Result<()> {
        self.package.renew("claim")?;
        self.put_changing(&QUIET, &["ClaimFunction"], Some("Claim")).await?;
        checks::claims(&self.base_url, &self.key).await
    }

    /// The emulator has no subnets that it would look at, but the permissions for them come and go.
    async fn subnets_and_none_again(&self) -> Result<()> {
        let given =
            async || Ok::<_, anyhow::Error>(self.resources().await?.contains_key("NetworkInterfaces"));
        let subnets = [("SubnetIds", "subnet-1,subnet-2"), ("SecurityGroupIds", "sg-1")];
        ensure!(!given().await?, "functions that are in no subnets have permissions for them");
        self.put(&subnets).await?;
        ensure!(given().await?, "functions in subnets have no permissions for them");
        self.put(&subnets.map(|(name, _)| (name, ""))).await?;
        ensure!(!given().await?, "functions keep permissions for subnets that they are not in");
        checks::claims(&self.base_url, &self.key).await
    }

    /// Keys of one's own, traces, and a database that is watched: permissions and alarms come and go with them, and functions go on answering.
    async fn keys_and_traces_and_none_again(&self) -> Result<()> {
        let known = ["VariablesKey", "Traces", "DatabaseConnectionsAlarm", "DatabaseStorageAlarm"];
        let there = async || {
            let resources = self.resources().await?;
            Ok::<_, anyhow::Error>(known.iter().filter(|name| resources.contains_key(**name)).count())
        };
        let switched_on = [
            ("QueueKmsKeyArn", KEY),
            ("LogsKmsKeyArn", KEY),
            ("SecretsKmsKeyArn", KEY),
            ("Tracing", "ENABLED"),
            ("DatabaseInstanceId", "rehearsed"),
        ];
        ensure!(there().await? == 0, "what nobody has asked for is there");
        self.put(&switched_on).await?;
        ensure!(there().await? == known.len(), "keys, traces or alarms that were asked for are missing");
        checks::traced(&self.aws, &self.resources().await?, true).await?;
        checks::claims(&self.base_url, &self.key).await?;
        let none = [
            ("QueueKmsKeyArn", ""),
            ("LogsKmsKeyArn", ""),
            ("SecretsKmsKeyArn", ""),
            ("Tracing", "DISABLED"),
            ("DatabaseInstanceId", ""),
        ];
        self.put(&none).await?;
        ensure!(there().await? == 0, "what nobody asks for any more has stayed");
        checks::traced(&self.aws, &self.resources().await?, false).await?;
        checks::claims(&self.base_url, &self.key).await
    }

    /// What contradicts itself is refused with the template's sentence, before anything is changed.
    async fn half_a_database(&self) -> Result<()> {
        let contradictions = [
            ("DatabaseUrl", "", "DatabaseUrl has to lead to the database"),
            ("DatabaseLogin", "iam", "DatabaseLoginUser has to say whom the tokens are for"),
            ("Database", "NEW", "are about an existing database"),
        ];
        for (name, value, sentence) in contradictions {
            let Err(refused) = self.put(&[(name, value)]).await else { bail!("{name}={value} is deployed") };
            ensure!(format!("{refused:#}").contains(sentence), "{name}={value}: {refused:#}");
        }
        checks::claims(&self.base_url, &self.key).await
    }

    /// The database is told of a changed password, without the password being in what CloudFormation shows.
    async fn password(&self) -> Result<()> {
        let before = checks::password(&self.urls.owner).await?;
        self.put(&[("DatabaseUrlsRevision", "2")]).await?;
        ensure!(
            checks::password(&self.urls.owner).await? != before,
            "the database was not told of the password"
        );
        checks::claims(&self.base_url, &self.key).await
    }

    /// New code of every function, and the database migrated before it, while clients work: no request fails that a client with one retry would
    /// notice, and no run is lost, claimed twice, or without an end.
    async fn everything_under_load(&self) -> Result<()> {
        let functions = self.package.renew_all()?;
        let client = Client {
            base_url: self.base_url.clone(),
            api_key: Some(self.key.clone()),
            tenant_id: Some(checks::TENANT.to_owned()),
            pipeline_version_id: Some(checks::VERSION.to_owned()),
        };
        let update = self.put(&[("DatabaseUrlsRevision", "3")]);
        let done = load::under_load(&client, QUEUES, update).await?;
        checks::all_succeeded(&self.urls.owner, QUEUES, done.runs).await?;
        say(format_args!(
            "{functions} functions updated under load: {} runs, {} requests, {} of them sent twice",
            done.runs, done.requests, done.repeated
        ));
        Ok(())
    }

    /// The schedule is switched on, and a parameter of the sweep changes: both change what belongs to the sweep.
    async fn schedule(&self) -> Result<()> {
        checks::schedule_is(&self.aws, "sweep", "DISABLED").await?;
        checks::schedule_is(&self.aws, "deliver", "ENABLED").await?;
        let parameters = [("SweepState", "ENABLED"), ("RetentionDays", "30")];
        self.put_changing(&parameters, &["SweepFunction", "SweepMapping", "SweepSchedule"], Some("Sweep"))
            .await?;
        checks::schedule_is(&self.aws, "sweep", "ENABLED").await
    }

    /// Deploys. Fails when that would not change all that `changed` names, or would change others than those and what is named after
    /// `family`: CloudFormation looks at what refers to a resource together with it.
    async fn put_changing(
        &self,
        parameters: &[(&str, &str)],
        changed: &[&str],
        family: Option<&str>,
    ) -> Result<()> {
        let changes = deployed::changes(&self.aws, &self.package, &self.with_always(parameters)).await?;
        let all = changed.iter().all(|name| changes.contains(*name));
        let in_family = |name: &str| family.is_some_and(|family| name.starts_with(family));
        let others = changes.iter().any(|name| !changed.contains(&name.as_str()) && !in_family(name));
        ensure!(all && !others, "{parameters:?} changes {changes:?}, and not {changed:?}");
        self.put(parameters).await
    }
}
