//! `bench cold`: how large, how fast to start and how hungry each function is, and how long its first request takes, which connects to
//! Postgres over TLS.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::plot::{self, Bar};
use super::start::{peak_bytes, start};
use super::stats::Spread;
use super::taken::{Taken, tell};
use super::tls::Tls;
use super::{api, environment, invocations, noise};
use crate::document::Place;
use crate::host::Host;
use crate::paths::Dirs;
use crate::progress::say;
use crate::release::{self, Built, Release};
use crate::routes::OF_DEPLOYMENTS;
use crate::stack::{functions, state::Addresses};
use crate::{cargo_lambda, database, postgres, queues, sqs};

/// What we aim at, and no more: zip and memory in millions of bytes, times in milliseconds.
const AIMS: [(&str, f64); 4] = [("zip", 5.0), ("init", 25.0), ("first request", 60.0), ("memory", 40.0)];

/// How often.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Starts of each function
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    starts: u32,
    /// Invocations of each function before its memory is read
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    invocations: u32,
    /// Only those whose name contains this, such as `claim`
    #[arg(long, default_value = "")]
    only: String,
    /// Once, the functions of the dev profile: does all of it work? Its figures mean nothing
    #[arg(long)]
    small: bool,
    /// Put the table into docs/benchmarks/functions.md as well, and its plot beside it
    #[arg(long, conflicts_with_all = ["small", "only"])]
    write: bool,
}

pub(super) const PLACE: Place = Place { document: super::FUNCTIONS, command: "bench cold" };
const PLOT: &str = "cold.svg";

/// What was measured of a function.
#[derive(Debug)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// `None` where there is no zip.
    zip: Option<f64>,
    init: Spread,
    first: Spread,
    peak_at_start: Spread,
    peak_at_work: f64,
}

/// Builds, measures, and prints or writes a table.
pub async fn run(dirs: &Dirs, options: &Options) -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("The functions are Linux programs: this benchmark runs on Linux only.");
    }
    if options.write {
        PLACE.check(dirs)?;
    }
    let (release, options) = if options.small {
        cargo_lambda::build(dirs).await?;
        (built(dirs)?, &SMALL)
    } else {
        api::for_release("cold")?;
        (release::build(dirs).await?, options)
    };
    let taken = measure(dirs, &release, options).await?;
    let text = taken.around(&format!("{}\n{}", table(&taken.found), aims(&taken.found)));
    let images = [(PLOT, "Init and first request of each function")];
    tell(dirs, options.write, PLACE, &text, &images, |folder| plot(folder, &taken.found))
}

const SMALL: Options = Options { starts: 1, invocations: 1, only: String::new(), small: true, write: false };

/// The small form, of programs that are built already: a row for each function.
pub async fn run_small(dirs: &Dirs) -> Result<Vec<Row>> {
    Ok(measure(dirs, &built(dirs)?, &SMALL).await?.found)
}

/// Functions of the dev profile, which nobody deploys: there are no zips.
fn built(dirs: &Dirs) -> Result<Release> {
    let mut functions = Vec::new();
    for entry in std::fs::read_dir(dirs.root().join("functions"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        functions.push(Built { name, zip: PathBuf::new() });
    }
    functions.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Release { functions, programs: super::target(dirs).join("debug") })
}

async fn measure(dirs: &Dirs, release: &Release, options: &Options) -> Result<Taken<Row>> {
    let settings = postgres::Options {
        name: "bench-cold-postgres".to_owned(),
        port: None,
        throw_away: true,
        settings: Vec::new(),
        folder: None,
    };
    let mut server = postgres::Server::start(dirs, settings).await?;
    database::migrate(dirs, &server.database_url).await?;
    invocations::prepare(dirs, &server.database_url, options.invocations).await?;
    let mut sqs =
        sqs::Server::start(dirs, sqs::Options { name: "bench-cold-sqs".to_owned(), port: None }).await?;
    let addresses = Addresses {
        base_url: String::new(),
        port: 0,
        database_url: server.database_url.clone(),
        functions_url: server.database_url.clone(),
        endpoint_url: sqs.endpoint_url.clone(),
        queues: queues::create(dirs, &sqs.endpoint_url).await?,
        examples: None,
        keys: Vec::new(),
    };
    let machine = environment::describe(&server.database_url).await?;
    let tls = Tls::start(server.port).await?;
    let encrypted = Addresses { functions_url: tls.url(&server.database_url)?, ..addresses.clone() };

    let (load, others) = (noise::load(), noise::of_others().await);
    let mut rows = Vec::new();
    // Deployments call the other one, once each: nobody waits for it to start.
    let is_meant = |name: &str| name != OF_DEPLOYMENTS && name.contains(&options.only);
    for function in release.functions.iter().filter(|function| is_meant(&function.name)) {
        say(format_args!("Measuring {}", function.name));
        let zip = if options.small { None } else { Some(millions(function.zip_bytes()?)) };
        let program = release.programs.join(&function.name);
        let (init, peak_at_start) = starts(&program, &variables(&addresses), options.starts).await?;
        let first = first_requests(dirs, release, &encrypted, &function.name, options.starts).await?;
        let peak_at_work = at_work(dirs, release, &addresses, &function.name, options).await?;
        rows.push(Row { name: function.name.clone(), zip, init, first, peak_at_start, peak_at_work });
    }
    sqs.stop().await?;
    server.stop().await?;

    let machine =
        format!("{machine}; {} starts and {} invocations each", options.starts, options.invocations);
    let percent =
        |figure: Option<f64>| figure.map_or_else(|| "unknown".to_owned(), |figure| format!("{figure:.1}"));
    let noise = format!(
        "Noise before the first start: load average {}, processors busy with something else {} %, stolen {} %.",
        percent(load),
        percent(others.map(|shares| shares.busy)),
        percent(others.map(|shares| shares.steal))
    );
    Ok(Taken { found: rows, machine, noise })
}

/// Milliseconds of the first request of a new environment that is ready, from its event to its answer.
async fn first_requests(
    dirs: &Dirs,
    release: &Release,
    addresses: &Addresses,
    name: &str,
    times: u32,
) -> Result<Spread> {
    let mut all = Vec::new();
    for _ in 0..times {
        let host = host(dirs, release, addresses, name).await?;
        let took = async {
            host.ready(name).await?;
            invocations::once(dirs, &host, &addresses.database_url, name).await
        };
        let took = took.await;
        host.shutdown().await;
        all.push(took?.as_secs_f64() * 1000.0);
    }
    Spread::of(all).context("no request")
}

async fn host(dirs: &Dirs, release: &Release, addresses: &Addresses, name: &str) -> Result<Host> {
    let mut host = Host::builder(dirs.root()).binaries(&release.programs).function(name, 1);
    for (name, value) in variables(addresses) {
        host = host.env(&name, value);
    }
    host.start().await
}

/// What every function gets from its environment.
fn variables(addresses: &Addresses) -> Vec<(String, String)> {
    let variables = functions::environment(addresses).into_iter();
    variables.map(|(name, value)| (name, value.to_string_lossy().into_owned())).collect()
}

/// Init in milliseconds, and the peak of memory at its end in millions of bytes.
async fn starts(program: &Path, variables: &[(String, String)], times: u32) -> Result<(Spread, Spread)> {
    // The first start reads the program from the disk; Lambda has its own way of doing that, which this is not.
    start(program, variables).await?;
    let (mut inits, mut peaks) = (Vec::new(), Vec::new());
    for _ in 0..times {
        let started = start(program, variables).await?;
        inits.push(started.init.as_secs_f64() * 1000.0);
        peaks.push(millions(started.peak_bytes));
    }
    Spread::of(inits).zip(Spread::of(peaks)).context("no start")
}

/// The peak of memory after some invocations, in millions of bytes.
async fn at_work(
    dirs: &Dirs,
    release: &Release,
    addresses: &Addresses,
    name: &str,
    options: &Options,
) -> Result<f64> {
    let host = host(dirs, release, addresses, name).await?;
    let before = host.pids(name);
    let outcome = invocations::repeat(dirs, &host, &addresses.database_url, name, options.invocations).await;
    let after = host.pids(name);
    let peak = match (outcome, after.as_slice()) {
        (Err(error), _) => Err(error),
        (Ok(()), [pid]) if before == after => peak_bytes(*pid),
        (Ok(()), _) => bail!("{name} was restarted in between"),
    };
    host.shutdown().await;
    Ok(millions(peak?))
}

fn millions(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn table(rows: &[Row]) -> String {
    let mut table =
        "| function | zip, MB | init, ms | first request, ms | peak memory after init, MB | after the invocations, MB |\n\
                     |---|---|---|---|---|---|\n"
            .to_owned();
    for Row { name, zip, init, first, peak_at_start, peak_at_work } in rows {
        let zip = zip.map_or_else(|| "?".to_owned(), |zip| format!("{zip:.2}"));
        let peak = peak_at_start.median;
        table.push_str(&format!(
            "| {name} | {zip} | {init:.1} | {first:.1} | {peak:.1} | {peak_at_work:.1} |\n"
        ));
    }
    table
}

/// One line for each aim: met by all, or who misses it.
fn aims(rows: &[Row]) -> String {
    let figures: [fn(&Row) -> f64; 4] =
        [|row| row.zip.unwrap_or(0.0), |row| row.init.median, |row| row.first.median, |row| row.peak_at_work];
    let lines = AIMS.iter().zip(figures).map(|((what, most), figure)| {
        let misses: Vec<_> =
            rows.iter().filter(|row| figure(row) > *most).map(|row| row.name.as_str()).collect();
        let missed =
            if misses.is_empty() { "met".to_owned() } else { format!("MISSED by {}", misses.join(", ")) };
        format!("- Aim: {what} at most {most}: {missed}\n")
    });
    lines.collect()
}

/// Init and first request of each function, one below the other.
fn plot(folder: &Path, rows: &[Row]) -> Result<()> {
    let bars = rows.iter().flat_map(|Row { name, init, first, .. }| {
        let bar = |what: &str, spread, ours| Bar { label: format!("{name}: {what}"), spread, ours };
        [bar("init", *init, false), bar("first request", *first, true)]
    });
    let bars: Vec<Bar> = bars.collect();
    plot::bars(&folder.join(PLOT), "Milliseconds of a start, median and range", &bars)
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
    fn figures_that_mean_nothing_and_those_of_some_functions_are_not_written() {
        assert!(Line::try_parse_from(["cold", "--write"]).is_ok());
        assert!(Line::try_parse_from(["cold", "--write", "--small"]).is_err());
        assert!(Line::try_parse_from(["cold", "--write", "--only", "claim"]).is_err());
    }

    #[test]
    fn a_plot_has_the_init_and_the_first_request_of_each() {
        let of = |median| Spread { median, min: median, max: median };
        let row = |name: &str| Row {
            name: name.to_owned(),
            zip: None,
            init: of(2.5),
            first: of(61.0),
            peak_at_start: of(10.0),
            peak_at_work: 20.0,
        };
        let folder = tempfile::tempdir().unwrap();
        plot(folder.path(), &[row("claim"), row("create")]).unwrap();
        let svg = std::fs::read_to_string(folder.path().join(PLOT)).unwrap();
        for text in ["claim: init", "claim: first request", "create: init", "create: first request", "61.0"] {
            assert!(svg.lines().any(|line| line == text), "{text}: {svg}");
        }
    }

    #[test]
    fn an_aim_names_who_misses_it() {
        let row = |name: &str, zip| Row {
            name: name.to_owned(),
            zip: Some(zip),
            init: Spread { median: 12.34, min: 11.0, max: 15.0 },
            first: Spread { median: 61.0, min: 50.0, max: 70.0 },
            peak_at_start: Spread { median: 10.0, min: 10.0, max: 10.0 },
            peak_at_work: 20.0,
        };
        let rows = [row("small", 5.0), row("large", 5.1)];
        let aims = aims(&rows);
        assert!(
            aims.starts_with("- Aim: zip at most 5: MISSED by large\n- Aim: init at most 25: met\n- Aim: first request at most 60: MISSED by small, large\n"),
            "{aims}"
        );
        assert!(
            table(&rows).contains("| small | 5.00 | 12.3 (11.0–15.0) | 61.0 (50.0–70.0) | 10.0 | 20.0 |")
        );
    }
}
