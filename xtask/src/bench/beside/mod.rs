//! `bench peers`: ours, as verbs and over HTTP, beside other queues, beside the service that it replaces, and beside the least that a queue
//! can be; with one worker and with sixteen, one by one and by a hundred, with and without many that have ended.
//!
//! All take turns within a round, as in `bench verbs`: each on a fresh copy of its database on the same Postgres, with as many that wait.

mod minimal;
mod original;
mod report;

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use sqlx::Connection as _;

use super::api::{Api, NOWHERE, Programs};
use super::case::{Case, Measured, Work};
use super::driver::Driver;
use super::load::{Done, Load};
use super::noise::Noise;
use super::peers::{Job, Peer, Peers};
use super::taken::{Taken, tell};
use super::{environment, world};
use crate::database;
use crate::document::Place;
use crate::paths::Dirs;
use crate::postgres::Server;
use crate::progress::say;

/// Runs of a statement in bulk.
const BULK: u32 = 100;
/// Runs that wait, at most, in the service that was replaced: its claim sorts all that wait, and is to be compared for what it does beside many that have ended.
const WAIT_IN_THE_ORIGINAL: u32 = 5_000;

/// How long, how often and with what.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Seconds of each measurement
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Measurements of each kind
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repeats: u32,
    /// Runs that have ended before, in every other setting
    #[arg(long, default_value_t = 200_000)]
    finished: u32,
    /// Runs that wait when a measurement starts
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1..))]
    backlog: u32,
    /// The same where a hundred are taken at a time [default: 80,000 for each second]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    bulk_backlog: Option<u32>,
    /// Workers at once; several with commas
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16], value_parser = clap::value_parser!(u32).range(1..))]
    workers: Vec<u32>,
    /// Only those whose name contains this, such as `pg-boss`
    #[arg(long, default_value = "")]
    only: String,
    /// Few runs, functions of the dev profile: does all of it work? Its figures mean nothing
    #[arg(long)]
    small: bool,
    /// Put the table into docs/benchmarks/peers.md as well, and its plots beside it
    #[arg(long, conflicts_with_all = ["small", "only"])]
    write: bool,
}

pub(super) const PLACE: Place = Place { document: "docs/benchmarks/peers.md", command: "bench peers" };

/// Who does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// A table of four columns.
    Minimal,
    /// The verbs.
    Verb,
    /// The functions, over HTTP.
    Http,
    /// Another queue, at one of its settings.
    Peer(Peer, &'static str),
    /// The service that Runplane replaces, over HTTP.
    Original,
}

impl Who {
    fn title(self) -> &'static str {
        match self {
            Self::Minimal => "a table and `skip locked`, by pgbench",
            Self::Verb => "ours: verbs",
            Self::Http => "ours: HTTP",
            Self::Peer(Peer::Graphile, "batched") => {
                "graphile-worker: localQueue 500, completeJobBatchDelay 0"
            }
            Self::Peer(Peer::Graphile, _) => "graphile-worker",
            Self::Peer(Peer::PgBoss, _) => "pg-boss: fetch + complete",
            Self::Peer(Peer::Procrastinate, _) => "procrastinate",
            Self::Original => "the replaced service, written anew: HTTP",
        }
    }

    fn database(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::Verb | Self::Http => "ours",
            Self::Peer(peer, _) => peer.name(),
            Self::Original => "original",
        }
    }
}

/// What is the same for all of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Setting {
    size: u32,
    workers: u32,
    finished: u32,
    runs: u32,
}

impl Setting {
    /// By a hundred there are those alone who can.
    fn members(self, only: &str) -> Vec<Who> {
        let mut all = vec![Who::Minimal, Who::Verb, Who::Http];
        if self.size == 1 {
            all.extend([Who::Peer(Peer::Graphile, "default"), Who::Peer(Peer::PgBoss, "loop_1")]);
            all.extend([Who::Peer(Peer::Procrastinate, "default"), Who::Original]);
        } else {
            all.extend([Who::Peer(Peer::Graphile, "batched"), Who::Peer(Peer::PgBoss, "loop_100")]);
        }
        all.retain(|who| who.title().contains(only));
        all
    }

    fn runs_of(self, who: Who) -> u32 {
        if who == Who::Original { self.runs.min(WAIT_IN_THE_ORIGINAL) } else { self.runs }
    }

    fn database(self, who: Who) -> String {
        format!("{}_{}_{}", who.database(), self.finished, self.runs_of(who))
    }

    fn case(self) -> Case {
        Case { work: Work::ClaimComplete, size: self.size, connections: self.workers }
    }
}

impl Options {
    fn small(mut self) -> Self {
        if self.small {
            (self.seconds, self.repeats, self.finished) = (1, 1, 1000);
            (self.backlog, self.bulk_backlog, self.workers) = (10_000, Some(60_000), vec![2]);
        }
        self
    }

    fn settings(&self) -> Vec<Setting> {
        let mut all = Vec::new();
        for size in [1, BULK] {
            let bulk = self.bulk_backlog.unwrap_or_else(|| self.seconds.saturating_mul(80_000));
            let runs = if size == 1 { self.backlog } else { bulk };
            for &workers in &self.workers {
                let without = (!self.small).then_some(0);
                for finished in without.into_iter().chain([self.finished]) {
                    all.push(Setting { size, workers, finished, runs });
                }
            }
        }
        all.dedup();
        all
    }
}

/// Who can be measured, and where.
#[derive(Debug)]
struct Stage {
    dirs: Dirs,
    server: Server,
    driver: Driver,
    programs: Programs,
    peers: Peers,
}

/// Measures, and prints or writes the table. Fails when a peer does not install or work: without them there is nothing to see.
pub async fn run(dirs: &Dirs, options: Options) -> Result<()> {
    if options.write {
        PLACE.check(dirs)?;
    }
    let options = options.small();
    let programs = Programs::build(dirs, options.small, "peers").await?;
    let driver = Driver::build(dirs, options.small).await?;
    let taken = measure(dirs, programs, driver, &options).await?;
    let settings = options.settings();
    let text = taken.around(&report::table(&settings, &taken.found));
    let images = [
        (report::PLOTS[0], "Claims and completions a second, one by one"),
        (report::PLOTS[1], "Claims and completions a second, by a hundred"),
    ];
    tell(dirs, options.write, PLACE, &text, &images, |folder| report::plots(folder, &settings, &taken.found))
}

/// The small form, of programs that are built already: everybody who worked, with how many runs at a time, and how many of them the tables show as done
/// within the measured time.
pub async fn run_small(dirs: &Dirs) -> Result<Vec<(&'static str, u32, u64)>> {
    let options = Options {
        seconds: 1,
        repeats: 1,
        finished: 0,
        backlog: 1,
        bulk_backlog: None,
        workers: Vec::new(),
        only: String::new(),
        small: true,
        write: false,
    };
    let taken = measure(dirs, Programs::built(dirs), Driver::built(dirs), &options.small()).await?;
    let turns = taken.found.into_iter().flat_map(|round| {
        round.turns.into_iter().map(move |(who, measured)| (who.title(), round.setting.size, measured.done))
    });
    Ok(turns.collect())
}

async fn measure(dirs: &Dirs, programs: Programs, driver: Driver, options: &Options) -> Result<Taken<Round>> {
    let settings = options.settings();
    ensure!(settings.iter().any(|setting| !setting.members(&options.only).is_empty()), "nobody is called so");
    let peers = Peers::install(dirs).await?.with_python(dirs).await?;
    let server = Server::start(dirs, super::settings("bench-peers-postgres")).await?;
    let machine = environment::describe(&server.url("postgres")).await?;
    let mut stage = Stage { dirs: dirs.clone(), server, driver, programs, peers };
    stage.seed(&settings, &options.only).await?;

    let (mut rounds, mut noise) = (Vec::new(), Noise::default());
    for number in 0..options.repeats as usize {
        for &setting in &settings {
            noise.before().await;
            let round = stage.round(setting, number, options).await?;
            noise.after();
            say(format_args!("round {}: {}", number + 1, report::line(&round)));
            rounds.push(round);
        }
    }
    stage.server.stop().await?;
    let (repeats, seconds, versions) = (options.repeats, options.seconds, super::peers::versions(dirs)?);
    let machine = format!("{machine}; {versions}; {repeats} rounds of {seconds} s each");
    Ok(Taken { found: rounds, machine, noise: noise.line() })
}

impl Stage {
    /// A database for each of them, and for each number of runs.
    async fn seed(&self, settings: &[Setting], only: &str) -> Result<()> {
        let mut seeded = Vec::new();
        for setting in settings {
            for who in setting.members(only) {
                let (name, runs, finished) = (setting.database(who), setting.runs_of(who), setting.finished);
                if seeded.contains(&name) {
                    continue;
                }
                say(format_args!("Seeding {name}"));
                match who {
                    Who::Minimal => minimal::seed(&self.server, &name, finished, runs).await?,
                    Who::Verb | Who::Http => {
                        let url = world::create(&self.server, &name).await?;
                        world::seed(&self.dirs, &url, runs).await?;
                        world::finish(&url, finished).await?;
                    }
                    Who::Peer(peer, _) => self.peers.seed(&self.server, &name, peer, finished, runs).await?,
                    Who::Original => original::seed(&self.server, &self.peers, &name, finished, runs).await?,
                }
                seeded.push(name);
            }
        }
        Ok(())
    }

    /// Everybody's turn. Who goes first changes, so that nobody always follows the same one.
    async fn round(&self, setting: Setting, number: usize, options: &Options) -> Result<Round> {
        let members = setting.members(&options.only);
        let mut turns = Vec::new();
        for at in 0..members.len() {
            let who = members[(at + number) % members.len()];
            let url = world::copy(&self.server, &setting.database(who)).await?;
            turns.push((who, self.turn(setting, who, &url, options.seconds).await?));
        }
        Ok(Round { setting, turns })
    }

    async fn api(&self, database_url: &str, workers: u32) -> Result<Api> {
        let functions = [("claim", workers), ("complete", workers)];
        Api::start(&self.dirs, &self.programs, database_url, NOWHERE, &functions).await
    }

    async fn turn(&self, setting: Setting, who: Who, url: &str, seconds: u32) -> Result<Measured> {
        let Setting { workers, size, finished, runs } = setting;
        let length = Duration::from_secs(seconds.into());
        match who {
            Who::Minimal => {
                let found = minimal::run(&self.dirs, &self.server, setting.case(), seconds).await?;
                check(who, found.done, minimal::done(url, finished).await?)?;
                Ok(found)
            }
            Who::Verb => {
                let found = self.driver.run(url, setting.case(), seconds).await?;
                check(who, found.done, succeeded(url, finished).await?)?;
                Ok(found)
            }
            Who::Http => {
                let api = self.api(url, workers).await?;
                let (base_url, api_key) = (api.host.base_url.clone(), Some(api.key.clone()));
                let done = Load { base_url, api_key, workers, size, length }.run().await;
                api.host.shutdown().await;
                measured(who, &done?, succeeded(url, finished).await?)
            }
            Who::Peer(peer, setting) => {
                let job = Job { setting, seconds, runs, finished, workers: Some(workers) };
                self.peers.run(url, peer, job).await
            }
            Who::Original => {
                let done = original::run(&self.dirs, &self.peers, url, workers, length).await?;
                measured(who, &done, succeeded(url, finished).await?)
            }
        }
    }
}

/// What the members of a round did.
#[derive(Debug)]
struct Round {
    setting: Setting,
    turns: Vec<(Who, Measured)>,
}

fn measured(who: Who, done: &Done, shown: u64) -> Result<Measured> {
    check(who, done.total, shown)?;
    Ok(Measured::new(done.runs, done.runs as f64 / done.seconds, None))
}

/// Fails when the tables show less work than was told: calls that touch no row are fast.
fn check(who: Who, told: u64, shown: u64) -> Result<()> {
    if shown < told {
        bail!("{}: told of {told}, its table shows {shown}", who.title());
    }
    Ok(())
}

async fn succeeded(database_url: &str, finished: u32) -> Result<u64> {
    let mut connection = database::connect(database_url).await?;
    let count = world::count(&mut connection, "SUCCEEDED").await?;
    connection.close().await?;
    Ok(count.saturating_sub(finished.into()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn every_setting_has_ours_and_the_least_that_a_queue_can_be() {
        let settings = Line::parse_from(["peers"]).options.settings();
        assert_eq!(settings.len(), 8);
        for setting in settings {
            let members = setting.members("");
            assert!(
                [Who::Minimal, Who::Verb, Who::Http].iter().all(|who| members.contains(who)),
                "{setting:?}"
            );
            assert_eq!(members.contains(&Who::Original), setting.size == 1);
        }
    }

    #[test]
    fn figures_that_mean_nothing_and_those_of_some_are_not_written() {
        assert!(Line::try_parse_from(["peers", "--write"]).is_ok());
        assert!(Line::try_parse_from(["peers", "--write", "--small"]).is_err());
        assert!(Line::try_parse_from(["peers", "--write", "--only", "ours"]).is_err());
    }

    #[test]
    fn a_name_leaves_the_others_out() {
        let setting = Setting { size: 1, workers: 1, finished: 0, runs: 1 };
        assert_eq!(setting.members("pg-boss"), [Who::Peer(Peer::PgBoss, "loop_1")]);
        assert!(setting.members("nobody").is_empty());
    }

    #[test]
    fn work_that_no_table_shows_is_refused() {
        assert!(check(Who::Http, 10, 10).is_ok());
        let error = check(Who::Http, 10, 9).unwrap_err().to_string();
        assert!(error.contains("10") && error.contains('9'), "{error}");
    }
}
