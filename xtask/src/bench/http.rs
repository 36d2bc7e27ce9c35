//! `bench http`: what a claim and a completion take over HTTP, through functions that are warm, above what their verbs take alone.
//!
//! The verbs and the API take turns within a round, each on a fresh copy of a database with as many runs that wait.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::api::{Api, NOWHERE, Programs};
use super::case::{Case, Work};
use super::driver::Driver;
use super::load::Load;
use super::noise::Noise;
use super::plot::{self, Bar};
use super::stats::{Spread, percentile};
use super::taken::{Taken, tell};
use super::{environment, settings, world};
use crate::database;
use crate::document::Place;
use crate::paths::Dirs;
use crate::postgres::Server;

/// How long, how often and with how many.
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
    /// Environments of each function, with as many workers; several with commas
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16], value_parser = clap::value_parser!(u32).range(1..))]
    environments: Vec<u32>,
    /// Once, with functions of the dev profile: does all of it work? Its figures mean nothing
    #[arg(long)]
    small: bool,
    /// Put the table into docs/benchmarks/functions.md as well, and its plot beside it
    #[arg(long, conflicts_with = "small")]
    write: bool,
}

pub(super) const PLACE: Place = Place { document: super::FUNCTIONS, command: "bench http" };
const PLOT: &str = "http.svg";

/// p50 and p99 in milliseconds.
type Percentiles = [f64; 2];

/// A turn of each.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    environments: u32,
    /// Of a claim and a completion, by the verbs.
    verbs: [Percentiles; 2],
    /// Of the same over HTTP.
    http: [Percentiles; 2],
}

/// Measures, and prints or writes a table.
pub async fn run(dirs: &Dirs, options: Options) -> Result<()> {
    if options.write {
        PLACE.check(dirs)?;
    }
    let programs = Programs::build(dirs, options.small, "http").await?;
    let driver = Driver::build(dirs, options.small).await?;
    let options = if options.small { small() } else { options };
    let taken = measure(dirs, &programs, &driver, &options).await?;
    let text = taken.around(&table(&taken.found));
    let images = [(PLOT, "A claim and a completion, by the verb and over HTTP")];
    tell(dirs, options.write, PLACE, &text, &images, |folder| plot(folder, &taken.found))
}

/// The small form, of programs that are built already; one round, of which nothing but its being there means something.
pub async fn run_small(dirs: &Dirs) -> Result<Vec<Round>> {
    Ok(measure(dirs, &Programs::built(dirs), &Driver::built(dirs), &small()).await?.found)
}

fn small() -> Options {
    Options { seconds: 1, repeats: 1, backlog: 20_000, environments: vec![2], small: true, write: false }
}

async fn measure(
    dirs: &Dirs,
    programs: &Programs,
    driver: &Driver,
    options: &Options,
) -> Result<Taken<Round>> {
    let mut server = Server::start(dirs, settings("bench-http-postgres")).await?;
    world::seed(dirs, &server.database_url, options.backlog).await?;
    let machine = environment::describe(&server.url("postgres")).await?;
    let (mut rounds, mut noise) = (Vec::new(), Noise::default());
    for number in 0..options.repeats {
        for &environments in &options.environments {
            noise.before().await;
            // Who goes first changes.
            let (verbs, http) = if number % 2 == 0 {
                let verbs = verbs(&server, driver, environments, options.seconds).await?;
                (verbs, over_http(dirs, &server, programs, environments, options.seconds).await?)
            } else {
                let http = over_http(dirs, &server, programs, environments, options.seconds).await?;
                (verbs(&server, driver, environments, options.seconds).await?, http)
            };
            noise.after();
            rounds.push(Round { environments, verbs, http });
        }
    }
    server.stop().await?;
    let machine = format!("{machine}; {} rounds of {} s each", options.repeats, options.seconds);
    Ok(Taken { found: rounds, machine, noise: noise.line() })
}

async fn verbs(
    server: &Server,
    driver: &Driver,
    environments: u32,
    seconds: u32,
) -> Result<[Percentiles; 2]> {
    let url = world::copy(server, "runplane").await?;
    let case = Case { work: Work::ClaimComplete, size: 1, connections: environments };
    let report = driver.report(&url, case, seconds, 1, false).await?;
    check(&url, report.done).await?;
    let of = |[p50, p99]: [Option<f64>; 2]| Some([p50?, p99?]);
    Ok([of(report.claim_ms), of(report.complete_ms)].map(|times| times.unwrap_or([f64::NAN; 2])))
}

async fn over_http(
    dirs: &Dirs,
    server: &Server,
    programs: &Programs,
    environments: u32,
    seconds: u32,
) -> Result<[Percentiles; 2]> {
    let url = world::copy(server, "runplane").await?;
    let functions = [("claim", environments), ("complete", environments)];
    let api = Api::start(dirs, programs, &url, NOWHERE, &functions).await?;
    let load = Load {
        base_url: api.host.base_url.clone(),
        api_key: Some(api.key.clone()),
        workers: environments,
        size: 1,
        length: Duration::from_secs(seconds.into()),
    };
    let done = load.run().await;
    api.host.shutdown().await;
    let done = done?;
    check(&url, done.total).await?;
    let of = |times: &[f64]| Some([percentile(times, 50)?, percentile(times, 99)?]);
    Ok([of(&done.claims).context("no claim")?, of(&done.completions).context("no completion")?])
}

/// Fails when the table shows less than was told.
async fn check(database_url: &str, told: u64) -> Result<()> {
    let mut connection = database::connect(database_url).await?;
    let shown = world::count(&mut connection, "SUCCEEDED").await?;
    anyhow::ensure!(told > 0 && shown >= told, "told of {told} runs, the table shows {shown}");
    Ok(sqlx::Connection::close(connection).await?)
}

/// Medians over the rounds; what HTTP adds is the median of what it adds to its neighbour.
fn table(rounds: &[Round]) -> String {
    let mut table = "| environments | call | verb p50, ms | verb p99, ms | HTTP p50, ms | HTTP p99, ms | HTTP adds to p50, ms |\n\
                     |---|---|---|---|---|---|---|\n"
        .to_owned();
    for environments in numbers(rounds) {
        for (at, call) in CALLS.into_iter().enumerate() {
            let of = |figure: &dyn Fn(&Round) -> f64| {
                spread(rounds, environments, figure)
                    .map_or_else(|| "?".to_owned(), |spread| format!("{spread:.2}"))
            };
            let cells = [
                of(&|round| round.verbs[at][0]),
                of(&|round| round.verbs[at][1]),
                of(&|round| round.http[at][0]),
                of(&|round| round.http[at][1]),
                of(&|round| round.http[at][0] - round.verbs[at][0]),
            ];
            let _ = writeln!(table, "| {environments} | {call} | {} |", cells.join(" | "));
        }
    }
    table
}

const CALLS: [&str; 2] = ["claim", "complete"];

/// How many environments there were, each number once.
fn numbers(rounds: &[Round]) -> Vec<u32> {
    let mut numbers: Vec<u32> = rounds.iter().map(|round| round.environments).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn spread(rounds: &[Round], environments: u32, figure: &dyn Fn(&Round) -> f64) -> Option<Spread> {
    Spread::of(rounds.iter().filter(|round| round.environments == environments).map(figure))
}

/// The median of each call, by its verb and over HTTP, one below the other.
fn plot(folder: &Path, rounds: &[Round]) -> Result<()> {
    let mut bars = Vec::new();
    for environments in numbers(rounds) {
        for (at, call) in CALLS.into_iter().enumerate() {
            let of = |who: &str, ours, figure: &dyn Fn(&Round) -> f64| {
                let label = format!("{environments} at once: {call}, {who}");
                spread(rounds, environments, figure).map(|spread| Bar { label, spread, ours })
            };
            bars.extend(of("the verb alone", false, &|round| round.verbs[at][0]));
            bars.extend(of("over HTTP", true, &|round| round.http[at][0]));
        }
    }
    plot::bars(&folder.join(PLOT), "Milliseconds of a call (p50), median and range of the rounds", &bars)
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
    fn figures_that_mean_nothing_are_not_written() {
        assert!(Line::try_parse_from(["http", "--write"]).is_ok());
        assert!(Line::try_parse_from(["http", "--write", "--small"]).is_err());
    }

    #[test]
    fn a_verb_and_its_call_stand_one_below_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let round =
            |environments| Round { environments, verbs: [[1.0, 2.0]; 2], http: [[3.0, 4.0], [3.5, 4.0]] };
        plot(folder.path(), &[round(16), round(1)]).unwrap();
        let svg = std::fs::read_to_string(folder.path().join(PLOT)).unwrap();
        let order = [
            "1 at once: claim, the verb alone",
            "1 at once: claim, over HTTP",
            "16 at once: complete, over HTTP",
        ];
        let places = order.map(|text| svg.lines().position(|line| line == text).unwrap());
        assert!(places.is_sorted(), "{places:?}");
        assert!(svg.lines().any(|line| line == "3.50"), "{svg}");
    }

    #[test]
    fn what_http_adds_is_told_of_neighbours() {
        let round = |verb: f64, http: f64| Round {
            environments: 1,
            verbs: [[verb, 2.0 * verb]; 2],
            http: [[http, 2.0 * http]; 2],
        };
        let table = table(&[round(1.0, 2.0), round(2.0, 5.0), round(3.0, 3.5)]);
        assert!(
            table.contains("| 1 | claim | 2.00 (1.00–3.00) | 4.00 (2.00–6.00) | 3.50 (2.00–5.00) | 7.00 (4.00–10.00) | 1.00 (0.50–3.00) |"),
            "{table}"
        );
    }
}
