//! `bench held`: verbs per second while somebody holds an old snapshot open (a dump, a forgotten transaction), beside the same
//! without it. As long as it is held, nothing that a run has been is cleaned up: a queue that has to walk over that collapses.

mod report;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::case::{Case, Work};
use super::driver::{Driver, Slice};
use super::noise::Noise;
use super::taken::Taken;
use super::{environment, settings, world};
use crate::database;
use crate::paths::Dirs;
use crate::postgres::Server;
use crate::progress::say;

/// How long, how often and how much.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Seconds of each measurement, and of the snapshot
    #[arg(long, default_value_t = 180, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Measurements of each kind
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repeats: u32,
    /// Parts of each measurement that are told apart
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..))]
    slices: u32,
    /// Connections, each of which creates a run, claims one and completes it, again and again
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// Runs that wait all the time
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    backlog: u32,
    /// The limit of the tenant, where there is one
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    max_running: u32,
    /// Only these kinds, with commas between them: `tenant`, `any`, `tenant-limited`, `any-limited`
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Where the plots go
    #[arg(long, default_value = "docs/benchmarks")]
    out: PathBuf,
}

/// How runs are claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    /// Whether claims name no tenant.
    any_tenant: bool,
    /// Whether the tenant has a limit.
    limited: bool,
}

const KINDS: [Kind; 4] = [
    Kind { any_tenant: false, limited: false },
    Kind { any_tenant: true, limited: false },
    Kind { any_tenant: false, limited: true },
    Kind { any_tenant: true, limited: true },
];

impl Kind {
    /// For files and arguments.
    fn name(self) -> &'static str {
        match (self.any_tenant, self.limited) {
            (false, false) => "tenant",
            (true, false) => "any",
            (false, true) => "tenant-limited",
            (true, true) => "any-limited",
        }
    }

    fn title(self) -> &'static str {
        match (self.any_tenant, self.limited) {
            (false, false) => "of a tenant",
            (true, false) => "of any tenant",
            (false, true) => "of a tenant with a limit",
            (true, true) => "of any tenant, with a limit",
        }
    }
}

/// One measurement.
#[derive(Debug)]
struct Turn {
    kind: Kind,
    held: bool,
    slices: Vec<Slice>,
}

/// Measures, prints the tables and writes the plots.
pub async fn run(dirs: &Dirs, options: &Options) -> Result<()> {
    if let Some(unknown) = options.only.iter().find(|name| KINDS.iter().all(|kind| kind.name() != *name)) {
        bail!("there is no kind {unknown:?}");
    }
    let is_wanted =
        |kind: &Kind| options.only.is_empty() || options.only.iter().any(|name| name == kind.name());
    let kinds: Vec<Kind> = KINDS.into_iter().filter(is_wanted).collect();
    let driver = Driver::build(dirs, false).await?;
    let taken = measure(dirs, options, &driver, &kinds).await?;
    say(format_args!("\n{}\n", taken.machine));
    say(report::table(&kinds, &taken.found));
    say(report::slices(&kinds, &taken.found));
    say(taken.noise);
    report::plots(&dirs.root().join(&options.out), &kinds, &taken.found)
}

/// A small form, of programs that are built already: the least and the most that a claim has to look at. Returns the kind, whether a snapshot was held, and how
/// many runs were done.
pub async fn run_small(dirs: &Dirs) -> Result<Vec<(&'static str, bool, u64)>> {
    let options = Options {
        seconds: 1,
        repeats: 1,
        slices: 2,
        connections: 2,
        backlog: 1000,
        max_running: 100,
        only: Vec::new(),
        out: PathBuf::new(),
    };
    let taken = measure(dirs, &options, &Driver::built(dirs), &[KINDS[0], KINDS[3]]).await?;
    let done = |turn: &Turn| -> u64 { turn.slices.iter().map(|slice| slice.done).sum() };
    Ok(taken.found.iter().map(|turn| (turn.kind.name(), turn.held, done(turn))).collect())
}

async fn measure(dirs: &Dirs, options: &Options, driver: &Driver, kinds: &[Kind]) -> Result<Taken<Turn>> {
    let mut server = Server::start(dirs, settings("bench-held-postgres")).await?;
    say(format_args!("Seeding {} runs", options.backlog));
    world::seed(dirs, &server.database_url, options.backlog).await?;
    let machine = environment::describe(&server.url("postgres")).await?;

    let (mut turns, mut noise) = (Vec::new(), Noise::default());
    for round in 1..=options.repeats {
        for &kind in kinds {
            noise.before().await;
            // Who goes first changes, so that neither always follows the other.
            for held in [round % 2 == 0, round % 2 == 1] {
                let turn = turn(&server, driver, kind, held, options).await?;
                let with = if held { "with" } else { "without" };
                let rate = report::rate(&turn.slices).context("no slice")?;
                say(format_args!("round {round}: {}, {with} a snapshot: {rate:.0}/s", kind.title()));
                turns.push(turn);
            }
            noise.after();
        }
    }
    server.stop().await?;
    let Options { connections, repeats, seconds, .. } = options;
    let machine = format!("{machine}; {connections} connections, {repeats} rounds of {seconds} s each");
    Ok(Taken { found: turns, machine, noise: noise.line() })
}

async fn turn(server: &Server, driver: &Driver, kind: Kind, held: bool, options: &Options) -> Result<Turn> {
    let url = world::copy(server, "runplane").await?;
    let mut connection = database::connect(&url).await?;
    if kind.limited {
        let limit = format!("update tenants set max_running = {}", options.max_running);
        sqlx::raw_sql(AssertSqlSafe(limit)).execute(&mut connection).await?;
    }
    let snapshot = if held { Some(hold(&url).await?) } else { None };
    let case = Case { work: Work::Cycle, size: 1, connections: options.connections };
    let report = driver.report(&url, case, options.seconds, options.slices, kind.any_tenant).await?;
    if let Some(snapshot) = snapshot {
        let_go(snapshot).await?;
    }
    let shown = world::count(&mut connection, "SUCCEEDED").await?;
    if shown < report.done {
        bail!("the driver says it did {}, the table shows {shown}", report.done);
    }
    connection.close().await?;
    Ok(Turn { kind, held, slices: report.slices })
}

/// Somebody's transaction that has read something, and goes on for ever.
async fn hold(url: &str) -> Result<PgConnection> {
    let mut connection = database::connect(url).await?;
    let open = "begin isolation level repeatable read; select count(*) from pipeline_runs";
    sqlx::raw_sql(open).execute(&mut connection).await?;
    Ok(connection)
}

/// Ends it. Fails when it has not seen the database as it was all the time: then nothing was held.
async fn let_go(mut connection: PgConnection) -> Result<()> {
    let ended = "select count(*) from pipeline_runs where status = 'SUCCEEDED'";
    let ended: i64 =
        sqlx::query_scalar(ended).fetch_one(&mut connection).await.context("the snapshot is gone")?;
    if ended > 0 {
        bail!("the snapshot was not held: it sees {ended} runs that ended later");
    }
    sqlx::raw_sql("rollback").execute(&mut connection).await?;
    Ok(connection.close().await?)
}
