//! `bench verbs`: the verbs over connections of their own, beside pgbench with the same statements.
//!
//! Raw and ours take turns, each on a fresh copy of the same database, so that both meet the same machine; the figure
//! that counts is the ratio of two neighbours.

use anyhow::{Context, Result};

use super::driver::Driver;
use super::environment;
use super::noise::{self, Cpu, Shares};
use super::pgbench::Pgbench;
use super::stats::Spread;
use super::world;
use crate::paths::Dirs;
use crate::postgres::{self, Server};
use crate::progress::say;

/// How long and how often.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Seconds of each measurement
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Measurements of each kind
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repeats: u32,
    /// Runs that wait when a measurement starts
    #[arg(long, default_value_t = 50_000)]
    backlog: u32,
}

/// What a client does in a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// Claim the tenant's best run, then complete it: two verbs.
    ClaimComplete,
    /// Create a run.
    Create,
}

impl Case {
    /// For files and arguments.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClaimComplete => "claim_complete",
            Self::Create => "create",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::ClaimComplete => "claim + complete",
            Self::Create => "create",
        }
    }
}

/// What one client process got done.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    done: u64,
    per_second: f64,
    /// Processor time of the client for one turn of its loop.
    client_us: Option<f64>,
}

impl Measured {
    /// From the turns of the loop, how many there were a second, and the client's processor time in seconds.
    pub fn new(done: u64, per_second: f64, cpu_seconds: Option<f64>) -> Self {
        Self { done, per_second, client_us: cpu_seconds.map(|cpu| 1e6 * cpu / (done.max(1) as f64)) }
    }
}

#[derive(Debug, Clone, Copy)]
struct Pair {
    case: Case,
    connections: u32,
    raw: Measured,
    ours: Measured,
}

/// What the machine did besides.
#[derive(Debug, Default)]
struct Noise {
    load: Vec<f64>,
    others: Vec<f64>,
    steal: Vec<f64>,
}

impl Noise {
    fn before(&mut self, others: Option<Shares>) {
        self.load.extend(noise::load());
        self.others.extend(others.map(|shares| shares.busy));
    }
}

const CONNECTIONS: [u32; 3] = [1, 8, 32];
const CASES: [Case; 2] = [Case::ClaimComplete, Case::Create];

/// Measures and prints the tables.
pub async fn run(dirs: &Dirs, options: &Options) -> Result<()> {
    let driver = Driver::build(dirs).await?;
    let server = postgres::Options {
        name: "bench-verbs-postgres".to_owned(),
        port: None,
        throw_away: true,
        settings: Vec::new(),
    };
    let mut server = Server::start(dirs, server).await?;
    say(format_args!("Seeding {} runs", options.backlog));
    world::seed(dirs, &server, options.backlog).await?;
    let pgbench = Pgbench::prepare(dirs, &server).await?;
    let machine = environment::describe(&server.url("postgres")).await?;

    let (mut pairs, mut noise) = (Vec::new(), Noise::default());
    for round in 1..=options.repeats {
        for connections in CONNECTIONS {
            for case in CASES {
                noise.before(noise::of_others().await);
                let before = Cpu::now();
                // Who goes first changes, so that neither always follows the other.
                let (mut raw, mut ours) = (None, None);
                for raws_turn in [round % 2 == 1, round % 2 == 0] {
                    let url = world::copy(&server).await?;
                    let turn = if raws_turn { &mut raw } else { &mut ours };
                    let measured = if raws_turn {
                        pgbench.run(&server, &url, case, connections, options.seconds).await?
                    } else {
                        driver.run(&url, case, connections, options.seconds).await?
                    };
                    world::check(&url, case, options.backlog, measured.done).await?;
                    *turn = Some(measured);
                }
                let (raw, ours) = raw.zip(ours).context("each had a turn")?;
                let shares = Cpu::now().zip(before).and_then(|(now, before)| now.since(before));
                noise.steal.extend(shares.map(|shares| shares.steal));
                say(format_args!(
                    "round {round}: {} at {connections}: raw {:.0}/s, ours {:.0}/s",
                    case.title(),
                    raw.per_second,
                    ours.per_second
                ));
                pairs.push(Pair { case, connections, raw, ours });
            }
        }
    }
    server.stop().await?;
    say(format_args!("\n{machine}; {} rounds of {} s each\n", options.repeats, options.seconds));
    say(table(&pairs));
    say(noise_line(&noise));
    Ok(())
}

fn table(pairs: &[Pair]) -> String {
    let mut table = "| loop | connections | raw, /s | ours, /s | ours / raw, % | client µs: raw | ours |\n\
                     |---|---|---|---|---|---|---|\n"
        .to_owned();
    for case in CASES {
        for connections in CONNECTIONS {
            let of = |figure: fn(&Pair) -> Option<f64>| {
                let mine = pairs.iter().filter(|pair| pair.case == case && pair.connections == connections);
                Spread::of(mine.filter_map(figure))
            };
            let cells = [
                of(|pair| Some(pair.raw.per_second)).map(|spread| spread.to_string()),
                of(|pair| Some(pair.ours.per_second)).map(|spread| spread.to_string()),
                of(|pair| Some(100.0 * pair.ours.per_second / pair.raw.per_second)).map(|s| s.to_string()),
                of(|pair| pair.raw.client_us).map(|spread| format!("{:.0}", spread.median)),
                of(|pair| pair.ours.client_us).map(|spread| format!("{:.0}", spread.median)),
            ];
            let cells = cells.map(|cell| cell.unwrap_or_else(|| "?".to_owned())).join(" | ");
            table.push_str(&format!("| {} | {connections} | {cells} |\n", case.title()));
        }
    }
    table
}

fn noise_line(noise: &Noise) -> String {
    let of = |figures: &[f64]| {
        Spread::of(figures.iter().copied())
            .map_or_else(|| "unknown".to_owned(), |spread| format!("{spread:.1}"))
    };
    format!(
        "Noise, median (range): load average before each pair {}; processors busy with something else in the second before \
         it {} %; stolen during it {} %.",
        of(&noise.load),
        of(&noise.others),
        of(&noise.steal)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(raw: f64, ours: f64) -> Pair {
        let measured = |rate| Measured::new(10, rate, Some(0.001));
        Pair { case: Case::Create, connections: 8, raw: measured(raw), ours: measured(ours) }
    }

    #[test]
    fn the_ratio_is_of_neighbours_not_of_medians() {
        let table = table(&[pair(100.0, 90.0), pair(200.0, 160.0), pair(400.0, 400.0)]);
        let row = "| create | 8 | 200 (100–400) | 160 (90–400) | 90 (80–100) | 100 | 100 |";
        assert!(table.lines().any(|line| line == row), "{table}");
    }

    #[test]
    fn what_was_not_measured_is_a_question_mark() {
        assert!(table(&[]).contains("| create | 1 | ? | ? | ? | ? | ? |"));
    }
}
