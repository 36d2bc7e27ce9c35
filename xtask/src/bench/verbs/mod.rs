//! `bench verbs`: the verbs over connections of their own, beside pgbench with the same statements and beside other queues.
//!
//! Those who are compared take turns, each on a fresh copy of a database with as many runs that wait, so that all meet the
//! same machine; the figure that counts is the ratio of two neighbours.

mod groups;
mod report;

use std::path::PathBuf;

use anyhow::{Result, bail};
use sqlx::Connection;

use super::case::{Case, Measured, Work};
use super::driver::Driver;
use super::noise::Noise;
use super::peers::{Job, Peers};
use super::pgbench::Pgbench;
use super::taken::Taken;
use super::{environment, settings, world};
use crate::database;
use crate::paths::Dirs;
use crate::postgres::Server;
use crate::progress::say;
use groups::{Group, Who, groups};
use report::Round;

/// How long, how often and with whom.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Seconds of each measurement
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Measurements of each kind
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repeats: u32,
    /// Runs that wait when a measurement starts
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1..))]
    backlog: u32,
    /// The same where statements take many runs [default: 80,000 for each second]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    bulk_backlog: Option<u32>,
    /// Leave the other queues out
    #[arg(long)]
    no_peers: bool,
    /// Only loads whose name contains this, such as `create` or `100`
    #[arg(long, default_value = "")]
    only: String,
    /// Where the plots go
    #[arg(long, default_value = "docs/benchmarks")]
    out: PathBuf,
}

impl Options {
    fn backlog(&self, case: Case) -> u32 {
        // There is nothing to claim where runs are created only.
        match (case.work, case.size) {
            (Work::Create, _) | (_, 1) => self.backlog,
            _ => self.bulk_backlog.unwrap_or_else(|| self.seconds.saturating_mul(80_000)),
        }
    }
}

/// Who can be measured, and where.
#[derive(Debug)]
struct Stage {
    server: Server,
    driver: Driver,
    pgbench: Pgbench,
    peers: Option<Peers>,
}

/// Measures, prints the tables and writes the plots.
pub async fn run(dirs: &Dirs, options: &Options) -> Result<()> {
    let peers = if options.no_peers { None } else { peers(dirs).await };
    let mut groups = groups(peers.is_some());
    groups.retain(|group| {
        group.case.title().contains(&options.only) || group.case.name().contains(&options.only)
    });
    if groups.is_empty() {
        bail!("no load has a name that contains {:?}", options.only);
    }
    let driver = Driver::build(dirs, false).await?;
    let taken = measure(dirs, options, peers, driver, &groups).await?;
    say(format_args!("\n{}\n", taken.machine));
    say(report::table(&groups, &taken.found));
    say(taken.noise);
    report::plots(&dirs.root().join(&options.out), &groups, &taken.found)
}

/// A small form, of programs that are built already: each load once, without the other queues. Returns who did what, and how many runs of it the table shows.
pub async fn run_small(dirs: &Dirs) -> Result<Vec<(String, &'static str, u64)>> {
    let options = Options {
        seconds: 1,
        repeats: 1,
        backlog: 10_000,
        bulk_backlog: Some(60_000),
        no_peers: true,
        only: String::new(),
        out: PathBuf::new(),
    };
    let mut groups = groups(false);
    groups.dedup_by_key(|group| group.case.name());
    let taken = measure(dirs, &options, None, Driver::built(dirs), &groups).await?;
    let turns = taken.found.into_iter().flat_map(|Round { case, turns }| {
        turns.into_iter().map(move |(who, measured)| (case.name(), who.title(), measured.done))
    });
    Ok(turns.collect())
}

/// Everybody's turns.
async fn measure(
    dirs: &Dirs,
    options: &Options,
    peers: Option<Peers>,
    driver: Driver,
    groups: &[Group],
) -> Result<Taken<Round>> {
    let server = Server::start(dirs, settings("bench-verbs-postgres")).await?;
    seed(dirs, &server, peers.as_ref(), groups, options).await?;
    let raw = groups.iter().filter(|group| group.members.contains(&Who::Raw));
    let raw: Vec<Case> = raw.map(|group| group.case).collect();
    let pgbench = Pgbench::prepare(dirs, &server, &raw).await?;
    let machine = environment::describe(&server.url("postgres")).await?;
    let mut stage = Stage { server, driver, pgbench, peers };

    let (mut rounds, mut noise) = (Vec::new(), Noise::default());
    for number in 0..options.repeats as usize {
        for group in groups {
            noise.before().await;
            let round = round(&stage, group, number, options).await?;
            noise.after();
            say(format_args!("round {}: {}", number + 1, report::line(&round)));
            rounds.push(round);
        }
    }
    stage.server.stop().await?;
    let machine = format!("{machine}; {} rounds of {} s each", options.repeats, options.seconds);
    Ok(Taken { found: rounds, machine, noise: noise.line() })
}

/// They are worth a comparison, not a failure.
async fn peers(dirs: &Dirs) -> Option<Peers> {
    match Peers::install(dirs).await {
        Ok(peers) => Some(peers),
        Err(error) => {
            say(format_args!("The other queues are left out, since they cannot be installed: {error:#}"));
            None
        }
    }
}

/// A database for each length of the backlog, ours and the peers'.
async fn seed(
    dirs: &Dirs,
    server: &Server,
    peers: Option<&Peers>,
    groups: &[Group],
    options: &Options,
) -> Result<()> {
    // The statements are read against this one.
    database::migrate(dirs, &server.database_url).await?;
    let mut seeded = Vec::new();
    for group in groups {
        let runs = options.backlog(group.case);
        let ours = ours(runs);
        if !seeded.contains(&ours) {
            say(format_args!("Seeding {runs} runs"));
            world::seed(dirs, &world::create(server, &ours).await?, runs).await?;
            seeded.push(ours);
        }
        for who in &group.members {
            let (&Who::Peer(peer, ..), Some(peers)) = (who, peers) else { continue };
            if !seeded.contains(&peer.database(runs)) {
                say(format_args!("Seeding {runs} jobs of {peer:?}"));
                peers.seed(server, &peer.database(runs), peer, 0, runs).await?;
                seeded.push(peer.database(runs));
            }
        }
    }
    Ok(())
}

fn ours(runs: u32) -> String {
    format!("ours_{runs}")
}

/// Everybody's turn, one after the other. Who goes first changes, so that nobody always follows the same one.
async fn round(stage: &Stage, group: &Group, number: usize, options: &Options) -> Result<Round> {
    let (case, runs) = (group.case, options.backlog(group.case));
    let mut turns = Vec::new();
    for at in 0..group.members.len() {
        let who = group.members[(at + number) % group.members.len()];
        let measured = match (who, &stage.peers) {
            (Who::Peer(peer, setting, _), Some(peers)) => {
                let url = world::copy(&stage.server, &peer.database(runs)).await?;
                let seconds = options.seconds;
                peers.run(&url, peer, Job { setting, seconds, runs, finished: 0, workers: None }).await?
            }
            _ => {
                let url = world::copy(&stage.server, &ours(runs)).await?;
                let measured = if who == Who::Raw {
                    stage.pgbench.run(&stage.server, world::COPY, case, options.seconds).await?
                } else {
                    stage.driver.run(&url, case, options.seconds).await?
                };
                check(&url, case, runs, measured).await?;
                measured
            }
        };
        turns.push((who, measured));
    }
    Ok(Round { case, turns })
}

/// Fails when the copy shows less work than a client says it has done: statements that touch no row are fast.
async fn check(database_url: &str, case: Case, backlog: u32, measured: Measured) -> Result<()> {
    let mut connection = database::connect(database_url).await?;
    let found = match case.work {
        Work::Create => world::count(&mut connection, "QUEUED").await?.saturating_sub(backlog.into()),
        _ => world::count(&mut connection, "SUCCEEDED").await?,
    };
    if found < measured.done {
        let (done, title) = (measured.done, case.title());
        bail!(
            "{title}: a client says it did {done}, the table shows {found} (did the queue run dry? then give --backlog a larger number)"
        );
    }
    Ok(connection.close().await?)
}
