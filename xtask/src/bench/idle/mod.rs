//! `bench idle`: what a deployment asks of Postgres while nothing happens: the functions that the template's clock invokes, on a database in which
//! nothing is due. Counted are statements and connections, not time: they do not mind what else the machine does.

mod clock;
mod log;
mod report;

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::{Value, json};
use sqlx::Connection as _;

use super::api::Programs;
use super::noise::Noise;
use super::taken::{Taken, tell};
use super::{environment, settings};
use crate::document::Place;
use crate::host::Host;
use crate::paths::Dirs;
use crate::postgres::Server;
use crate::stack::{functions, state::Addresses};
use crate::{database, queues, sqs};
use clock::Clock;
pub use log::Asked;
use log::Log;

/// Between two invocations: long enough for a connection to have lain idle (`PING_AFTER_IDLE` in `shared/src/db`), as it has after a minute.
const PAUSE: Duration = Duration::from_millis(250);

/// How often, and on what.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Invocations of each function after its first one
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    invocations: u32,
    /// Runs that have ended before
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(i32).range(1..))]
    finished: i32,
    /// Few, with functions of the dev profile
    #[arg(long)]
    small: bool,
    /// Put the table into docs/benchmarks/functions.md as well
    #[arg(long, conflicts_with = "small")]
    write: bool,
}

pub(super) const PLACE: Place = Place { document: super::FUNCTIONS, command: "bench idle" };

/// What a function asks for.
#[derive(Debug)]
pub struct Found {
    /// Its name.
    pub function: String,
    /// Whether a tenant has one, which nothing waits for.
    pub webhook: bool,
    /// How often the template has it invoked.
    every: Duration,
    /// With the first invocation of an environment.
    pub first: Asked,
    /// With each one after it.
    pub later: Vec<Asked>,
}

/// Counts, and prints or writes a table.
pub async fn run(dirs: &Dirs, options: &Options) -> Result<()> {
    if options.write {
        PLACE.check(dirs)?;
    }
    let programs = Programs::build(dirs, options.small, "idle").await?;
    let small = small();
    let taken = measure(dirs, &programs, if options.small { &small } else { options }).await?;
    let text = taken.around(&report::table(&taken.found));
    tell(dirs, options.write, PLACE, &text, &[], |_| Ok(()))
}

/// The small form, of programs that are built already.
pub async fn run_small(dirs: &Dirs) -> Result<Vec<Found>> {
    Ok(measure(dirs, &Programs::built(dirs), &small()).await?.found)
}

fn small() -> Options {
    Options { invocations: 2, finished: 200, small: true, write: false }
}

async fn measure(dirs: &Dirs, programs: &Programs, options: &Options) -> Result<Taken<Found>> {
    let clocks = clock::read(dirs)?;
    let name = "bench-idle-postgres";
    let mut settings = settings(name);
    settings.settings.extend(log::SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let mut postgres = Server::start(dirs, settings).await?;
    seed(dirs, &postgres.database_url, options.finished).await?;
    let machine = environment::describe(&postgres.database_url).await?;
    let sqs_options = sqs::Options { name: "bench-idle-sqs".to_owned(), port: None };
    let mut sqs = sqs::Server::start(dirs, sqs_options).await?;
    let functions_url = database::role_of_the_functions(&postgres.database_url).await?;
    let addresses = Addresses {
        base_url: String::new(),
        port: 0,
        database_url: postgres.database_url.clone(),
        functions_url: functions_url.context("the functions have no role of their own")?,
        endpoint_url: sqs.endpoint_url.clone(),
        queues: queues::create(dirs, &sqs.endpoint_url).await?,
        examples: None,
        keys: Vec::new(),
    };
    let (mut found, mut noise) = (Vec::new(), Noise::default());
    noise.before().await;
    for webhook in [false, true] {
        if webhook {
            add_webhook(&addresses.database_url).await?;
        }
        for clock in &clocks {
            let log = dirs.log(name)?;
            found.push(count(dirs, programs, &addresses, clock, webhook, log, options.invocations).await?);
        }
    }
    noise.after();
    sqs.stop().await?;
    postgres.stop().await?;
    let (finished, later) = (options.finished, options.invocations);
    let machine = format!(
        "{machine}; {finished} runs that have ended, {later} invocations after the first of an environment"
    );
    Ok(Taken { found, machine, noise: noise.line() })
}

/// The demo data, whose runs have ended, and more of them: nothing waits, nobody works.
async fn seed(dirs: &Dirs, database_url: &str, finished: i32) -> Result<()> {
    database::migrate(dirs, database_url).await?;
    database::load_demo(dirs, database_url).await?;
    let mut connection = database::connect(database_url).await?;
    sqlx::raw_sql("delete from pipeline_runs where status in ('QUEUED', 'RUNNING')")
        .execute(&mut connection)
        .await?;
    let rows = "
        insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch, status, claim_count, claimed_by,
                                   claimed_at, lease_token, lease_seconds, started_at, finished_at)
        select i.id, i.id, v.tenant_id, v.pipeline_id, v.id, 'pull', 'SUCCEEDED', 1, 'worker', now(), gen_random_uuid(), 300, now(), now()
        from pipeline_versions v, (select uuidv7() as id from generate_series(1, $1)) i
        where v.id = 'b31dbeba-3a2e-4fa9-a084-72c75f9f18a3'";
    sqlx::query(rows).bind(finished).execute(&mut connection).await.context("cannot seed the database")?;
    sqlx::raw_sql("vacuum (analyze)").execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// One that is told everything: nothing happens any more.
async fn add_webhook(database_url: &str) -> Result<()> {
    let mut connection = database::connect(database_url).await?;
    let insert = "
        insert into listeners (id, tenant_id, name, url, secret_ref)
        select uuidv7(), id, 'idle', 'https://example.com/hook', 'IDLE' from tenants order by id limit 1";
    sqlx::raw_sql(insert).execute(&mut connection).await.context("cannot add a webhook")?;
    Ok(connection.close().await?)
}

/// Starts an environment of the function, and invokes it as the clock does.
async fn count(
    dirs: &Dirs,
    programs: &Programs,
    addresses: &Addresses,
    clock: &Clock,
    webhook: bool,
    log: std::path::PathBuf,
    invocations: u32,
) -> Result<Found> {
    let mut host = Host::builder(dirs.root()).binaries(programs.folder()).function(&clock.function, 1);
    for (name, value) in functions::environment(addresses) {
        host = host.env(&name, value.to_string_lossy());
    }
    let host = host.log_folder(dirs.logs()?.join("bench-idle")).start().await?;
    let role = reqwest::Url::parse(&addresses.functions_url)?.username().to_owned();
    let counted = async {
        host.ready(&clock.function).await?;
        let mut log = Log::of(log, &role)?;
        let first = invoke(&host, &clock.function, &mut log).await?;
        let mut later = Vec::new();
        for _ in 0..invocations {
            tokio::time::sleep(PAUSE).await;
            later.push(invoke(&host, &clock.function, &mut log).await?);
        }
        anyhow::Ok((first, later))
    };
    let counted = counted.await;
    host.shutdown().await;
    let (first, later) = counted?;
    Ok(Found { function: clock.function.clone(), webhook, every: clock.every, first, later })
}

/// What one invocation asks for. Fails when it does, or when there was something to do.
async fn invoke(host: &Host, function: &str, log: &mut Log) -> Result<Asked> {
    let answer = host.invoke(function, &json!({})).await;
    let answer = answer.map_err(|failure| anyhow!("{function} failed: {failure}"))?;
    ensure!(is_idle(&answer), "{function} had something to do: {answer}");
    log.asked()
}

/// Counts of nothing.
fn is_idle(answer: &Value) -> bool {
    let nothing = |value: &Value| value.as_f64().is_none_or(|count| count == 0.0) && *value != json!(true);
    answer.as_object().is_some_and(|counts| counts.values().all(nothing))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        _options: Options,
    }

    #[test]
    fn the_small_form_is_not_written() {
        assert!(Line::try_parse_from(["idle", "--write"]).is_ok());
        assert!(Line::try_parse_from(["idle", "--write", "--small"]).is_err());
    }

    #[test]
    fn whoever_did_something_was_not_idle() {
        assert!(is_idle(&json!({ "delivered": 0, "unfinished": false })));
        assert!(!is_idle(&json!({ "delivered": 1, "unfinished": false })));
        assert!(!is_idle(&json!({ "delivered": 0, "unfinished": true })));
        assert!(!is_idle(&json!("no counts")));
    }
}
