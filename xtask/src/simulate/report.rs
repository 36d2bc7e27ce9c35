//! The tables of docs/scaling.md.

use std::fmt::Write as _;

use super::cells::{self, Placing};
use super::environments::Limits;
use super::load::{BUSIEST_HOUR, Load, peak};
use super::plan::{Plans, Style};
use super::run::{BURST_AT, Outcome, Setting, simulate};
use super::{Assumed, CLASSES, Class, Costs};
use crate::document::Place;

/// Where they stand.
pub const PLACE: Place = Place { document: "docs/scaling.md", command: "simulate" };

/// So busy may the cores be in the busiest hour, in percent: what is left is for vacuum, backups and the other zone taking over.
const ROOM: f64 = 60.0;
/// And so busy in a burst.
const MOST: f64 = 90.0;
/// No runs that wait in the end are more than this many seconds of the load.
const PATIENCE: f64 = 1.0;
const CONNECTIONS: &str = "connections";
/// Lambda's concurrency is raised to this many at most, step by step.
const MOST_CONCURRENCY: u32 = 64_000;
const CELLS: [usize; 4] = [2, 4, 8, 16];
/// A day of so many runs is also looked at in cells.
const LARGE: u64 = 50_000_000;
/// Of them.
const OF_CELLS: usize = 8;

/// All of them, for so many runs a day each.
pub fn tables(costs: &Costs, assumed: &Assumed, runs: &[u64], seed: u64) -> String {
    let days = runs.iter().flat_map(|runs| day(costs, assumed, *runs, seed)).collect::<String>();
    format!(
        "**What a run takes of Postgres**\n\n{}\n\
         **A burst in the busiest hour** (seed {seed})\n\n\
         | runs a day | who works | Postgres | cores busy, % | WAL, MB/s | requests/s | environments busy | connections | create, ms: p50, p99 | wait, ms: p50, p99 | gives way |\n\
         |---|---|---|---|---|---|---|---|---|---|---|\n{days}\n\
         **Where one Postgres ends**: runs a day with which its cores are {ROOM:.0} % busy in the busiest hour\n\n{}\n\
         **Cells**: the share of all runs in the fullest one, of a thousand tenants of which the n-th has 1/n of what the first has\n\n{}",
        of_a_run(costs, assumed),
        ends(costs, assumed),
        of_cells(seed),
    )
}

const STYLES: [Style; 3] = [Style::Pushed, Style::Outside, Style::OutsideInBulk];

fn title(style: Style) -> &'static str {
    match style {
        Style::Pushed => "the worker on Lambda",
        Style::Outside => "workers outside, one by one",
        Style::OutsideInBulk => "workers outside, by a hundred",
    }
}

fn of_a_run(costs: &Costs, assumed: &Assumed) -> String {
    let mut table = "| who works | core time, µs | WAL, kB |\n|---|---|---|\n".to_owned();
    for style in STYLES {
        let (core, wal) = Plans::new(style, costs, assumed).of_a_run(style);
        let _ = writeln!(table, "| {} | {:.0} | {:.1} |", title(style), 1e6 * core, wal / 1e3);
    }
    table
}

fn ends(costs: &Costs, assumed: &Assumed) -> String {
    let titles = STYLES.map(title).join(" | ");
    let mut table = format!("| Postgres | vCPUs | connections | {titles} |\n|---|---|---|---|---|---|\n");
    for class in CLASSES {
        let millions = STYLES.map(|style| {
            let (core, _) = Plans::new(style, costs, assumed).of_a_run(style);
            let runs = f64::from(class.cores) * ROOM / 100.0 / core / peak() * 86_400.0;
            format!("{:.0} million", runs / 1e6)
        });
        let (name, cores, connections) = (class.name, class.cores, class.connections());
        let _ = writeln!(table, "| {name} | {cores} | {connections} | {} |", millions.join(" | "));
    }
    table
}

fn of_cells(seed: u64) -> String {
    let mut table =
        "| cells | placed by a hash, % | the larger tenants first, % |\n|---|---|---|\n".to_owned();
    for cells in CELLS {
        let share = |placing| 100.0 * cells::fullest(cells, placing, seed);
        let (hash, size) = (share(Placing::ByHash), share(Placing::BySize));
        let _ = writeln!(table, "| {cells} | {hash:.0} | {size:.0} |");
    }
    table
}

/// A line for each way to bear such a day.
fn day(costs: &Costs, assumed: &Assumed, runs: u64, seed: u64) -> Vec<String> {
    let line = |style, share: f64, concurrency, note: &str| {
        let rate = runs as f64 * share;
        let load = Load::at(rate, BUSIEST_HOUR).with_burst(BURST_AT);
        let class = class(costs, assumed, style, &load);
        let limits = Limits { concurrency, connections: class.connections() };
        let setting = Setting { style, load, cores: class.cores, limits };
        let found = simulate(&setting, costs, assumed, seed);
        let why = gives_way(&found, &load);
        (why, format_line(runs, &format!("{}{note}", title(style)), class, &found, why))
    };
    let raised = |mut concurrency: u32, style, share: f64, note: &str| {
        loop {
            let more = if concurrency > assumed.concurrency {
                format!("{note}, Lambda gives {concurrency}")
            } else {
                note.to_owned()
            };
            let (why, line) = line(style, share, concurrency, &more);
            // Where something else gives way, more of Lambda does not help.
            if why.is_none_or(|why| why == CONNECTIONS) || concurrency >= MOST_CONCURRENCY {
                return line;
            }
            concurrency *= 2;
        }
    };
    let (why, pushed) = line(Style::Pushed, 1.0, assumed.concurrency, "");
    let mut lines = vec![pushed];
    if why.is_some() {
        lines.push(raised(assumed.concurrency * 2, Style::Pushed, 1.0, ""));
    }
    if runs >= LARGE {
        let share = cells::fullest(OF_CELLS, Placing::BySize, seed);
        let note = format!(", the fullest of {OF_CELLS} cells");
        lines.push(raised(assumed.concurrency, Style::Pushed, share, &note));
    }
    lines.push(raised(assumed.concurrency, Style::Outside, 1.0, ""));
    lines.push(raised(assumed.concurrency, Style::OutsideInBulk, 1.0, ""));
    lines
}

/// The smallest that has the cores for the busiest hour and for the burst, or the largest.
fn class(costs: &Costs, assumed: &Assumed, style: Style, load: &Load) -> Class {
    let (core, _) = Plans::new(style, costs, assumed).of_a_run(style);
    let needed = core * (load.rate * 100.0 / ROOM).max(load.highest() * 100.0 / MOST);
    CLASSES.into_iter().find(|class| f64::from(class.cores) >= needed).unwrap_or(CLASSES[CLASSES.len() - 1])
}

/// What was too small, if anything was.
fn gives_way(found: &Outcome, load: &Load) -> Option<&'static str> {
    let [concurrency, connections] = found.refused;
    if connections > 0 {
        Some(CONNECTIONS)
    } else if concurrency > 0 {
        Some("Lambda's concurrency")
    } else if found.cores_busy > 95.0 {
        Some("cores")
    } else if f64::from(found.backlog) > PATIENCE * load.rate {
        Some("workers on Lambda")
    } else {
        None
    }
}

fn format_line(runs: u64, who: &str, class: Class, found: &Outcome, why: Option<&str>) -> String {
    let Outcome { requests, busy, connections, cores_busy, wal, create_ms, wait_ms, .. } = found;
    let pair = |[p50, p99]: &[f64; 2]| format!("{p50:.0}, {p99:.0}");
    format!(
        "| {} million | {who} | {} ({} vCPUs) | {cores_busy:.0} | {:.1} | {requests} | {busy} | {connections} | {} | {} | {} |\n",
        runs as f64 / 1e6,
        class.name,
        class.cores,
        wal / 1e6,
        pair(create_ms),
        pair(wait_ms),
        why.unwrap_or("–"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gives_way_is_told() {
        let load = Load { rate: 100.0, burst_at: None };
        let fine = Outcome {
            requests: 1,
            busy: 1,
            connections: 1,
            cores_busy: 10.0,
            wal: 1.0,
            create_ms: [1.0; 2],
            wait_ms: [1.0; 2],
            refused: [0; 2],
            backlog: 100,
        };
        let why = |found: Outcome| gives_way(&found, &load);
        assert_eq!(why(fine.clone()), None);
        assert_eq!(why(Outcome { backlog: 101, ..fine.clone() }), Some("workers on Lambda"));
        assert_eq!(why(Outcome { cores_busy: 96.0, ..fine.clone() }), Some("cores"));
        assert_eq!(why(Outcome { refused: [1, 0], ..fine.clone() }), Some("Lambda's concurrency"));
        assert_eq!(why(Outcome { refused: [1, 1], ..fine }), Some("connections"));
    }
}
