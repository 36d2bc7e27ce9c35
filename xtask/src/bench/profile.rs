//! `bench profile`: where the three statements that a run takes spend their time inside Postgres, as `explain (analyze, buffers, wal)` has it: what the
//! executor and the triggers take, pages, and what is written ahead.
//!
//! Its figures are in docs/benchmarks/profiles.md. Where the processors are is another question, which `perf` answers.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use super::statements::{self, Memory, Statement};
use super::stats::Spread;
use super::world::{self, quoted};
use super::{environment, settings};
use crate::database;
use crate::paths::Dirs;
use crate::postgres::Server;
use crate::progress::say;

/// Executions before those that count: the first ones plan, and fill caches.
const WARM_UP: u32 = 10;

/// How many.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Executions of each statement
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    samples: u32,
    /// Runs that wait
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1000..))]
    backlog: u32,
    /// Runs that have ended before
    #[arg(long, default_value_t = 200_000)]
    finished: u32,
}

impl Options {
    /// Does it work? Its times mean nothing.
    pub const SMALL: Self = Self { samples: 5, backlog: 1000, finished: 1000 };
}

/// What one execution was like.
#[derive(Debug, Clone, Default)]
struct Sample {
    /// Microseconds from the executor's start to its end, triggers included.
    execution: f64,
    /// Of these, in triggers.
    triggers: f64,
    pages: f64,
    wal_records: f64,
    wal_bytes: f64,
    /// Pages that were written ahead whole, as each is the first time after a checkpoint.
    wal_pages: f64,
}

/// The samples of a statement.
#[derive(Debug)]
pub struct Profile {
    /// As tables call it.
    pub name: &'static str,
    samples: Vec<Sample>,
}

impl Profile {
    /// Bytes written ahead, on average: a page that is written whole is one of many.
    pub fn wal_bytes(&self) -> f64 {
        self.samples.iter().map(|sample| sample.wal_bytes).sum::<f64>() / self.samples.len() as f64
    }
}

/// Measures, prints a table, and leaves a plan of each statement under `.dev/bench/`.
pub async fn run(dirs: &Dirs, options: &Options) -> Result<()> {
    let (machine, profiles) = measure(dirs, options).await?;
    say(format_args!("\n{machine}; {} executions each, median (range)\n", options.samples));
    say(table(&profiles));
    Ok(())
}

/// The machine, and the profiles of a create, a claim and a completion.
pub async fn measure(dirs: &Dirs, options: &Options) -> Result<(String, Vec<Profile>)> {
    let mut server = Server::start(dirs, settings("bench-profile-postgres")).await?;
    world::seed(dirs, &server.database_url, options.backlog).await?;
    world::finish(&server.database_url, options.finished).await?;
    let machine = environment::describe(&server.database_url).await?;
    let mut connection = database::connect(&server.database_url).await?;
    let mut profiles = Vec::new();
    for name in ["create", "claim", "complete"] {
        profiles.push(profile(dirs, &mut connection, name, options.samples).await?);
    }
    connection.close().await?;
    server.stop().await?;
    Ok((machine, profiles))
}

/// What was claimed for this profile is there for the next one to complete.
async fn profile(
    dirs: &Dirs,
    connection: &mut PgConnection,
    name: &'static str,
    samples: u32,
) -> Result<Profile> {
    let mut profile = Profile { name, samples: Vec::new() };
    for number in 0..WARM_UP + samples {
        let statement = match name {
            "create" => {
                statements::create(dirs, "uuidv7()", &quoted(world::TENANT), &quoted(world::VERSION))?
            }
            "claim" => statements::claim(dirs, &quoted(world::TENANT), &Memory::new(), 1)?,
            _ => completion(dirs, connection).await?,
        };
        let plan = explain(connection, name, &statement, number == 0).await?;
        let sample = read(&plan).context("a plan without figures")?;
        ensure!(sample.1 >= 1.0, "{name} answered nothing");
        if number + 1 == WARM_UP + samples {
            keep(dirs, name, &plan)?;
        }
        if number >= WARM_UP {
            profile.samples.push(sample.0);
        }
    }
    Ok(profile)
}

async fn completion(dirs: &Dirs, connection: &mut PgConnection) -> Result<Statement> {
    let claimed = "select id::text, lease_token::text from pipeline_runs where status = 'RUNNING' limit 1";
    let claimed: Option<(String, String)> = sqlx::query_as(claimed).fetch_optional(connection).await?;
    let (run, token) = claimed.context("nothing was claimed that could be completed")?;
    statements::complete(dirs, &quoted(world::TENANT), &quoted(&run), &quoted(&token))
}

/// As the functions have it planned: once for the connection.
async fn explain(
    connection: &mut PgConnection,
    name: &str,
    statement: &Statement,
    first: bool,
) -> Result<Value> {
    if first {
        let prepare = format!(
            "set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set jit = off; prepare profiled_{name} as {}",
            statement.sql
        );
        sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *connection).await?;
    }
    let arguments = statement.arguments.join(", ");
    let explain =
        format!("explain (analyze, buffers, wal, format json) execute profiled_{name} ({arguments})");
    let rows = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(connection).await?;
    Ok(rows.first().context("no plan")?.try_get(0)?)
}

/// The figures, and how many rows were answered.
fn read(explained: &Value) -> Option<(Sample, f64)> {
    let explained = explained.get(0)?;
    let plan = explained.get("Plan")?;
    let of = |name: &str| plan.get(name).and_then(Value::as_f64);
    let triggers = explained.get("Triggers").and_then(Value::as_array);
    let triggers = triggers.map_or(0.0, |all| all.iter().filter_map(|one| one.get("Time")?.as_f64()).sum());
    let sample = Sample {
        execution: 1e3 * explained.get("Execution Time")?.as_f64()?,
        triggers: 1e3 * triggers,
        pages: of("Shared Hit Blocks")? + of("Shared Read Blocks")?,
        wal_records: of("WAL Records")?,
        wal_bytes: of("WAL Bytes")?,
        wal_pages: of("WAL FPI")?,
    };
    Some((sample, of("Actual Rows")?))
}

fn keep(dirs: &Dirs, name: &str, plan: &Value) -> Result<()> {
    let folder: PathBuf = dirs.dev()?.join("bench");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("plan-{name}.json"));
    std::fs::write(&path, serde_json::to_string_pretty(plan)?)?;
    say(format_args!("The last plan of {name}: {}", path.display()));
    Ok(())
}

fn table(profiles: &[Profile]) -> String {
    let mut table = "| statement | executor, µs | of that triggers, µs | pages | WAL records | WAL, bytes | pages written whole |\n\
                     |---|---|---|---|---|---|---|\n"
        .to_owned();
    for profile in profiles {
        let of = |figure: fn(&Sample) -> f64| {
            let spread = Spread::of(profile.samples.iter().map(figure));
            spread.map_or_else(|| "?".to_owned(), |spread| format!("{spread:.0}"))
        };
        let cells = [
            of(|sample| sample.execution),
            of(|sample| sample.triggers),
            of(|sample| sample.pages),
            of(|sample| sample.wal_records),
            of(|sample| sample.wal_bytes),
            of(|sample| sample.wal_pages),
        ];
        let _ = writeln!(table, "| {} | {} |", profile.name, cells.join(" | "));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_with_those_of_triggers() {
        let plan = serde_json::json!([{
            "Plan": {
                "Actual Rows": 1.0, "Shared Hit Blocks": 40, "Shared Read Blocks": 2, "WAL Records": 5, "WAL FPI": 1, "WAL Bytes": 700
            },
            "Triggers": [{ "Time": 0.25 }, { "Time": 0.05 }],
            "Execution Time": 1.5
        }]);
        let (sample, rows) = read(&plan).unwrap();
        assert_eq!(
            (sample.pages, sample.wal_records, sample.wal_bytes, sample.wal_pages),
            (42.0, 5.0, 700.0, 1.0)
        );
        assert!(
            (sample.execution - 1500.0).abs() < 1e-6 && (sample.triggers - 300.0).abs() < 1e-6 && rows == 1.0
        );
        assert!(read(&serde_json::json!([{ "Plan": {} }])).is_none());
        let table = table(&[Profile { name: "claim", samples: vec![sample] }]);
        assert!(
            table.contains("| claim | 1500 (1500–1500) | 300 (300–300) | 42 (42–42) | 5 (5–5) |"),
            "{table}"
        );
    }
}
