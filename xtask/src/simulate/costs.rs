//! How long a verb keeps a core of Postgres busy: from the tables of docs/benchmarks.
//!
//! Where every core is busy, a run takes cores ÷ rate of the machine's time. What the client takes of that is in the table too; the rest is
//! Postgres.

use anyhow::{Context, Result};

use crate::paths::Dirs;

/// Runs of a statement in bulk, in the tables and here.
pub const BULK: u32 = 100;
/// The line in which each core is busy and none waits for the other for long.
const CONNECTIONS: &str = "8";
/// Bytes of WAL, on average over 20,000 runs without parameters and output, after a checkpoint, with `full_page_writes` (see
/// docs/scaling.md): they do not mind what else the machine does.
const WAL_CREATE: f64 = 1_897.0;
const WAL_PAIR: f64 = 2_129.0;

/// Core time in seconds, and WAL in bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Costs {
    /// One create.
    pub create: f64,
    /// One claim and one completion together.
    pub pair: f64,
    /// Of one run of a create in bulk.
    pub create_bulk: f64,
    /// Of one run of a claim and a completion in bulk.
    pub pair_bulk: f64,
    /// A look at something, which commits nothing.
    pub read: f64,
    /// WAL of one create.
    pub create_wal: f64,
    /// WAL of one claim and one completion.
    pub pair_wal: f64,
}

impl Costs {
    /// From the documents. Fails when they lack a line that is needed.
    pub fn read(dirs: &Dirs) -> Result<Self> {
        let read = |name: &str| {
            let path = dirs.root().join(name);
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        Self::of(&read("docs/benchmarks/queue.md")?, &read("docs/benchmarks.md")?)
    }

    fn of(queue: &str, all: &str) -> Result<Self> {
        let cores = number_before(queue, " cores,").context("docs/benchmarks/queue.md names no cores")?;
        let verb = |case: &str| {
            let cells = row(queue, &[case, CONNECTIONS, "ours"])
                .with_context(|| format!("docs/benchmarks/queue.md has no line for {case} of ours"))?;
            let rate = median(cells.get(3)).context("a rate")?;
            let client: f64 = median(cells.get(5)).context("a client's time")?;
            anyhow::Ok(cores / rate - client / 1e6)
        };
        let nothing = row(all, &["`AUTH=off`"]).context("docs/benchmarks.md has no line for `AUTH=off`")?;
        Ok(Self {
            create: verb("create")?,
            pair: verb("claim + complete")?,
            create_bulk: verb(&format!("create {BULK}"))?,
            pair_bulk: verb(&format!("claim {BULK} + complete {BULK}"))?,
            read: median(nothing.get(1)).context("a time")? / 1e6,
            create_wal: WAL_CREATE,
            pair_wal: WAL_PAIR,
        })
    }

    /// A write by its key: to mark as sent, to store the result of a step. Neither was measured by itself; a completion is one of them,
    /// and half of the pair.
    pub fn write(&self) -> f64 {
        self.pair / 2.0
    }
}

/// The cells of the first row of a table that begins with these.
fn row<'a>(text: &'a str, start: &[&str]) -> Option<Vec<&'a str>> {
    let rows = text.lines().filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'));
    let mut rows = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    rows.find(|cells| cells.starts_with(start))
}

/// `1707 (1532–1908)` is 1707.
fn median(cell: Option<&&str>) -> Option<f64> {
    cell?.split(' ').next()?.parse().ok()
}

fn number_before(text: &str, after: &str) -> Option<f64> {
    text.split(after).next()?.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: &str = "With `--seconds 2`; 2 cores, 24 GiB of memory.\n\n\
        | claim + complete | 8 | raw | 1 (1–1) | 1 | 1 |\n\
        | claim + complete | 8 | ours | 1000 (900–1908) | – | 100 |\n\
        | claim 100 + complete 100 | 8 | ours | 20000 (1–2) | – | 10 |\n\
        | create | 8 | ours | 4000 (1–2) | – | 50 |\n\
        | create 100 | 8 | ours | 40000 (1–2) | – | 5 |\n";
    const ALL: &str = "| `AUTH=off` | 124.0 (119.6–143.3) |\n";

    #[test]
    fn a_verb_takes_what_the_client_leaves_of_the_cores() {
        let costs = Costs::of(QUEUE, ALL).unwrap();
        let near = |found: f64, micros: f64| assert!((found * 1e6 - micros).abs() < 1e-6, "{found}");
        near(costs.pair, 1900.0);
        near(costs.create, 450.0);
        near(costs.pair_bulk, 90.0);
        near(costs.create_bulk, 45.0);
        near(costs.read, 124.0);
        near(costs.write(), 950.0);
    }

    #[test]
    fn a_table_without_the_line_is_an_error() {
        let error = Costs::of(&QUEUE.replace("| ours |", "| theirs |"), ALL).unwrap_err();
        assert!(error.to_string().contains("create"), "{error}");
        assert!(Costs::of(QUEUE, "").is_err());
    }
}
