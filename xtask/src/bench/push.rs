//! `bench push`: from the create over HTTP to SUCCEEDED, through SQS and the worker, whose run has no steps.
//!
//! Some runs are created at once; when all have ended, the next ones are. Client, functions and Postgres read the same clock.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::Connection as _;
use sqlx::PgConnection;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::api::{Api, Programs, Sqs};
use super::noise::Noise;
use super::plot::{self, Axis, Line};
use super::stats::{Spread, percentile};
use super::taken::{Taken, tell};
use super::{environment, settings, world};
use crate::document::Place;
use crate::mapping::{self, Mapping};
use crate::paths::Dirs;
use crate::postgres::Server;
use crate::{database, queues, sqs};

/// When something is wrong, and not slow.
const LIMIT: Duration = Duration::from_secs(60);
/// How often it is looked whether the runs have ended: nothing of what is measured depends on it.
const LOOK: Duration = Duration::from_millis(5);
/// Runs before those that count.
const WARM_UP: u32 = 3;

/// How often and with how many.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Runs of each measurement
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Measurements of each kind
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repeats: u32,
    /// Runs that are created at once; several with commas
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16], value_parser = clap::value_parser!(u32).range(1..))]
    at_once: Vec<u32>,
    /// Few, with functions of the dev profile: does all of it work? Its figures mean nothing
    #[arg(long)]
    small: bool,
    /// Put the table into docs/benchmarks/functions.md as well, and its plot beside it
    #[arg(long, conflicts_with = "small")]
    write: bool,
}

pub(super) const PLACE: Place = Place { document: super::FUNCTIONS, command: "bench push" };
const PLOT: &str = "push.svg";
/// What the plot shows, in percent of the runs.
const SHARES: [usize; 7] = [1, 25, 50, 75, 90, 95, 99];

/// One measurement.
#[derive(Debug, Clone)]
pub struct Measured {
    /// Runs created at once.
    pub at_once: u32,
    /// Milliseconds of each run from its create to SUCCEEDED.
    pub all: Vec<f64>,
    /// Of that, until it was created.
    created: Vec<f64>,
    /// From there to its claim.
    claimed: Vec<f64>,
}

/// Measures, and prints or writes a table.
pub async fn run(dirs: &Dirs, options: Options) -> Result<()> {
    if options.write {
        PLACE.check(dirs)?;
    }
    let programs = Programs::build(dirs, options.small, "push").await?;
    let options = if options.small { small() } else { options };
    let taken = measure(dirs, &programs, &options).await?;
    let text = taken.around(&table(&taken.found));
    let images = [(PLOT, "From the create to SUCCEEDED")];
    tell(dirs, options.write, PLACE, &text, &images, |folder| plot(folder, &taken.found))
}

/// The small form, of programs that are built already.
pub async fn run_small(dirs: &Dirs) -> Result<Vec<Measured>> {
    Ok(measure(dirs, &Programs::built(dirs), &small()).await?.found)
}

fn small() -> Options {
    Options { runs: 6, repeats: 1, at_once: vec![1, 3], small: true, write: false }
}

async fn measure(dirs: &Dirs, programs: &Programs, options: &Options) -> Result<Taken<Measured>> {
    let mut postgres = Server::start(dirs, settings("bench-push-postgres")).await?;
    world::seed(dirs, &postgres.database_url, 0).await?;
    let machine = environment::describe(&postgres.database_url).await?;
    let sqs_options = sqs::Options { name: "bench-push-sqs".to_owned(), port: None };
    let mut sqs = sqs::Server::start(dirs, sqs_options).await?;
    let queues = queues::create(dirs, &sqs.endpoint_url).await?;
    let most = options.at_once.iter().copied().max().unwrap_or(1);
    let at =
        Sqs { endpoint_url: &sqs.endpoint_url, runs_url: &queues.runs_url, sweep_url: &queues.sweep_url };
    let functions = [("create", most), ("worker", most.max(mapping::POLLERS as u32))];
    let api = Api::start(dirs, programs, &postgres.database_url, at, &functions).await?;

    let (stop, mut mappings) = (CancellationToken::new(), JoinSet::new());
    for _ in 0..(most as usize).div_ceil(mapping::POLLERS) {
        let mapping = Mapping {
            endpoint_url: sqs.endpoint_url.clone(),
            queue_url: queues.runs_url.clone(),
            invoke_url: api.host.base_url.clone(),
            function: "worker".to_owned(),
        };
        mappings.spawn(mapping::run(mapping, stop.clone()));
    }
    let outcome = rounds(&api, &postgres.database_url, options, &machine).await;
    stop.cancel();
    while let Some(ended) = mappings.join_next().await {
        ended??;
    }
    api.host.shutdown().await;
    sqs.stop().await?;
    postgres.stop().await?;
    outcome
}

async fn rounds(api: &Api, database_url: &str, options: &Options, machine: &str) -> Result<Taken<Measured>> {
    let mut connection = database::connect(database_url).await?;
    let client = reqwest::Client::builder().no_proxy().timeout(LIMIT).build()?;
    let (mut measured, mut noise) = (Vec::new(), Noise::default());
    for _ in 0..WARM_UP {
        let most = options.at_once.iter().copied().max().unwrap_or(1);
        wave(api, &client, &mut connection, most).await?;
    }
    for _ in 0..options.repeats {
        for &at_once in &options.at_once {
            noise.before().await;
            let mut found = Measured { at_once, all: Vec::new(), created: Vec::new(), claimed: Vec::new() };
            while (found.all.len() as u32) < options.runs {
                for times in wave(api, &client, &mut connection, at_once).await? {
                    found.all.push(times[0]);
                    found.created.push(times[1]);
                    found.claimed.push(times[2]);
                }
            }
            noise.after();
            measured.push(found);
        }
    }
    connection.close().await?;
    let machine = format!("{machine}; {} rounds of {} runs each", options.repeats, options.runs);
    Ok(Taken { found: measured, machine, noise: noise.line() })
}

/// Creates runs at once and waits until they have ended. Of each: milliseconds to SUCCEEDED, to its creation, and from there to its claim.
async fn wave(
    api: &Api,
    client: &reqwest::Client,
    connection: &mut PgConnection,
    at_once: u32,
) -> Result<Vec<[f64; 3]>> {
    let mut creates = JoinSet::new();
    for _ in 0..at_once {
        let request = client.post(format!("{}/api/runs", api.host.base_url)).bearer_auth(&api.key);
        let body = json!({ "tenant_id": world::TENANT, "pipeline_version_id": world::VERSION });
        creates.spawn(async move {
            let since = Utc::now();
            let response = request.json(&body).send().await?;
            let (status, answer): (_, Value) = (response.status(), response.json().await?);
            ensure!(status == 201, "a create was answered {status}: {answer}");
            let id = answer["id"].as_str().context("a run without an id")?;
            anyhow::Ok((id.parse::<uuid::Uuid>()?, since))
        });
    }
    let mut created = Vec::new();
    while let Some(run) = creates.join_next().await {
        created.push(run??);
    }
    let ids: Vec<uuid::Uuid> = created.iter().map(|(id, _)| *id).collect();
    let since = Instant::now();
    loop {
        let open = "select count(*) from pipeline_runs where id = any ($1) and finished_at is null";
        let open: i64 = sqlx::query_scalar(open).bind(&ids).fetch_one(&mut *connection).await?;
        if open == 0 {
            break;
        }
        ensure!(
            since.elapsed() < LIMIT,
            "{open} of {at_once} runs have not ended after {} s",
            LIMIT.as_secs()
        );
        tokio::time::sleep(LOOK).await;
    }
    let mut all = Vec::new();
    for (id, since) in created {
        type Ended = (String, DateTime<Utc>, Option<DateTime<Utc>>, DateTime<Utc>);
        let ended = "select status, created_at, claimed_at, finished_at from pipeline_runs where id = $1";
        let (status, made, claimed, finished): Ended =
            sqlx::query_as(ended).bind(id).fetch_one(&mut *connection).await?;
        ensure!(status == "SUCCEEDED", "run {id} is {status}");
        let claimed = claimed.context("a run that was not claimed has ended")?;
        let milliseconds = |from: DateTime<Utc>, to: DateTime<Utc>| (to - from).as_seconds_f64() * 1e3;
        all.push([milliseconds(since, finished), milliseconds(since, made), milliseconds(made, claimed)]);
    }
    Ok(all)
}

/// Medians over the measurements, with their range.
fn table(measured: &[Measured]) -> String {
    let mut table = "| created at once | to SUCCEEDED p50, ms | p99, ms | of that: to its row p50, ms | from there to the claim p50, ms |\n\
                     |---|---|---|---|---|\n"
        .to_owned();
    for at_once in numbers(measured) {
        let of = |figures: fn(&Measured) -> &Vec<f64>, percent| {
            spread(measured, at_once, figures, percent)
                .map_or_else(|| "?".to_owned(), |spread| format!("{spread:.1}"))
        };
        let cells = [
            of(|found| &found.all, 50),
            of(|found| &found.all, 99),
            of(|found| &found.created, 50),
            of(|found| &found.claimed, 50),
        ];
        let _ = writeln!(table, "| {at_once} | {} |", cells.join(" | "));
    }
    table
}

/// How many were created at once, each number once.
fn numbers(measured: &[Measured]) -> Vec<u32> {
    let mut numbers: Vec<u32> = measured.iter().map(|found| found.at_once).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn spread(
    measured: &[Measured],
    at_once: u32,
    figures: fn(&Measured) -> &Vec<f64>,
    percent: usize,
) -> Option<Spread> {
    let mine = measured.iter().filter(|found| found.at_once == at_once);
    Spread::of(mine.filter_map(|found| percentile(figures(found), percent)))
}

/// The time that such a share of the runs did not exceed, a line for each number that was created at once.
fn plot(folder: &Path, measured: &[Measured]) -> Result<()> {
    let line = |at_once: u32| {
        let share = |(at, percent): (usize, &usize)| {
            let all = spread(measured, at_once, |found| &found.all, *percent)?;
            Some((at as f64, all.median))
        };
        let points = SHARES.iter().enumerate().filter_map(share).collect();
        Line { label: format!("{at_once} created at once"), points }
    };
    let lines: Vec<Line> = numbers(measured).into_iter().map(line).collect();
    let names = SHARES.map(|percent| format!("p{percent}")).to_vec();
    let axis = Axis::Names("so many of a hundred runs, or more, were as fast".to_owned(), names);
    plot::lines(&folder.join(PLOT), "From the create to SUCCEEDED, median of the rounds", &axis, "ms", &lines)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Arguments {
        #[command(flatten)]
        _options: Options,
    }

    #[test]
    fn figures_that_mean_nothing_are_not_written() {
        assert!(Arguments::try_parse_from(["push", "--write"]).is_ok());
        assert!(Arguments::try_parse_from(["push", "--write", "--small"]).is_err());
    }

    #[test]
    fn a_plot_has_a_line_for_each_number_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let found = |at_once| Measured { at_once, all: vec![10.0, 20.0], created: vec![], claimed: vec![] };
        plot(folder.path(), &[found(16), found(1), found(16)]).unwrap();
        let svg = std::fs::read_to_string(folder.path().join(PLOT)).unwrap();
        for text in ["1 created at once", "16 created at once", "p50", "p99"] {
            assert_eq!(svg.lines().filter(|line| *line == text).count(), 1, "{text}: {svg}");
        }
    }

    #[test]
    fn measurements_of_one_kind_are_one_line() {
        let found = |at_once, all: &[f64]| Measured {
            at_once,
            all: all.to_vec(),
            created: vec![1.0],
            claimed: vec![2.0],
        };
        let table = table(&[found(1, &[10.0, 11.0]), found(16, &[50.0]), found(1, &[20.0, 22.0])]);
        let lines: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "| 1 | 15.0 (10.0–20.0) | 16.5 (11.0–22.0) | 1.0 (1.0–1.0) | 2.0 (2.0–2.0) |",
                "| 16 | 50.0 (50.0–50.0) | 50.0 (50.0–50.0) | 1.0 (1.0–1.0) | 2.0 (2.0–2.0) |",
            ]
        );
    }
}
