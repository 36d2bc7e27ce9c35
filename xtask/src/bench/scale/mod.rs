//! `bench scale`: whether what a claim, a completion and a list read stays the same, however much lies in the database.
//! Counted are pages, not time: they do not mind what else the machine does.

mod measure;
mod report;
mod seed;

use std::path::PathBuf;

use anyhow::{Result, bail};
use sqlx::{Connection, PgConnection};

use super::stats::Spread;
use super::{environment, world};
use crate::database;
use crate::paths::Dirs;
use crate::postgres::{self, Server};
use crate::progress::say;
use measure::{What, measure};
use seed::Sizes;

/// How much and how often.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// A hundredth of the size: does it work at all (the full size takes the better part of an hour and 20 GB of disk, which
    /// are free again afterwards)
    #[arg(long)]
    small: bool,
    /// Executions of each statement at each size
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=400))]
    samples: u32,
    /// Only the series whose name contains this: `queued`, `finished`, `tenants`
    #[arg(long, default_value = "")]
    only: String,
    /// Where the plots go
    #[arg(long, default_value = "docs/benchmarks")]
    out: PathBuf,
}

/// One thing that grows while the rest stays as it is.
#[derive(Debug)]
struct Series {
    /// For files and arguments.
    name: &'static str,
    /// What grows, for tables.
    title: &'static str,
    /// From the smallest to the largest.
    steps: Vec<Sizes>,
    /// Which figure of a step grows.
    size: fn(Sizes) -> u64,
    what: &'static [What],
    /// No more than this many times what the smallest reads.
    aim: f64,
}

/// What was read at one step.
#[derive(Debug)]
struct Step {
    size: u64,
    pages: Vec<(What, Spread)>,
}

const ALL: &[What] = &[What::ClaimOfTenant, What::ClaimOfAny, What::Complete, What::FirstPage, What::FarPage];

/// For each step: runs that wait, runs that have ended, tenants.
type Steps = &'static [[u64; 3]];
const QUEUED: Steps =
    &[[10_000, 1_000, 1], [100_000, 1_000, 1], [1_000_000, 1_000, 1], [10_000_000, 1_000, 1]];
const FINISHED: Steps = &[[10_000, 0, 1], [10_000, 1_000_000, 1], [10_000, 20_000_000, 1]];
const TENANTS: Steps = &[[100_000, 0, 1], [100_000, 0, 100], [100_000, 0, 10_000]];
const FEW_QUEUED: Steps = &[[1_000, 1_000, 1], [10_000, 1_000, 1], [100_000, 1_000, 1]];
const FEW_FINISHED: Steps = &[[1_000, 0, 1], [1_000, 10_000, 1], [1_000, 200_000, 1]];
const FEW_TENANTS: Steps = &[[10_000, 0, 1], [10_000, 0, 10], [10_000, 0, 1_000]];

/// Every series.
fn all(small: bool) -> [Series; 3] {
    let steps = |full: Steps, few: Steps| {
        let steps = if small { few } else { full };
        steps.iter().map(|&[queued, finished, tenants]| Sizes { queued, finished, tenants }).collect()
    };
    [
        Series {
            name: "queued",
            title: "runs that wait",
            steps: steps(QUEUED, FEW_QUEUED),
            size: |sizes| sizes.queued,
            what: ALL,
            aim: 1.5,
        },
        Series {
            name: "finished",
            title: "runs that have ended",
            steps: steps(FINISHED, FEW_FINISHED),
            size: |sizes| sizes.finished,
            what: ALL,
            aim: 1.5,
        },
        Series {
            name: "tenants",
            title: "tenants",
            steps: steps(TENANTS, FEW_TENANTS),
            size: |sizes| sizes.tenants,
            what: &[What::ClaimOfAny, What::ClaimOfTenant],
            aim: 2.0,
        },
    ]
}

/// Seeds, measures, prints the tables and writes the plots.
pub async fn run(dirs: &Dirs, options: &Options) -> Result<()> {
    let mut all = Vec::from(all(options.small));
    all.retain(|series| series.name.contains(&options.only));
    if all.is_empty() {
        bail!("no series has a name that contains {:?}", options.only);
    }
    let mut server = Server::start(dirs, settings()).await?;
    let machine = environment::describe(&server.url("postgres")).await?;
    let mut found = Vec::new();
    for series in all {
        let mut steps: Vec<Step> = Vec::new();
        let mut filled: Option<Sizes> = None;
        for &sizes in &series.steps {
            let url = server.url(world::COPY);
            let from = match filled {
                Some(filled) if filled.tenants == sizes.tenants => filled,
                _ => {
                    database::migrate(dirs, &world::create(&server, world::COPY).await?).await?;
                    let mut connection = database::connect(&url).await?;
                    seed::start(&mut connection, sizes.tenants).await?;
                    connection.close().await?;
                    Sizes { queued: 0, finished: 0, ..sizes }
                }
            };
            say(format_args!("{}: growing to {}", series.title, report::number((series.size)(sizes))));
            let mut connection = database::connect(&url).await?;
            steps.push(step(dirs, &mut connection, &series, from, sizes, options.samples).await?);
            connection.close().await?;
            filled = Some(sizes);
        }
        found.push((series, steps));
    }
    server.stop().await?;
    say(format_args!("\n{machine}; {} executions each\n", options.samples));
    for (series, steps) in &found {
        say(report::table(series, steps));
        say(report::aims(series, steps));
        report::plot(&dirs.root().join(&options.out), series, steps)?;
    }
    Ok(())
}

/// Grows a database from one size to another and asks it everything.
async fn step(
    dirs: &Dirs,
    connection: &mut PgConnection,
    series: &Series,
    from: Sizes,
    to: Sizes,
    samples: u32,
) -> Result<Step> {
    seed::grow(connection, from, to).await?;
    let pages = measure(dirs, connection, to, series.what, samples).await?;
    Ok(Step { size: (series.size)(to), pages })
}

/// Nothing here is timed and nothing has to last: only seeding gets faster. No autovacuum, so that none comes in between.
fn settings() -> postgres::Options {
    let settings = [
        ("shared_buffers", "1GB"),
        ("fsync", "off"),
        ("full_page_writes", "off"),
        ("wal_level", "minimal"),
        ("max_wal_senders", "0"),
        ("max_wal_size", "8GB"),
        ("autovacuum", "off"),
    ];
    postgres::Options {
        name: "bench-scale-postgres".to_owned(),
        port: None,
        throw_away: true,
        settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        folder: None,
    }
}

#[cfg(test)]
mod tests;
