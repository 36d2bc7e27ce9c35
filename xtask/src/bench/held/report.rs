//! The figures as tables and as lines over time.

use std::path::Path;

use anyhow::Result;

use super::{Kind, Turn};
use crate::bench::driver::Slice;
use crate::bench::plot::{self, Axis, Line};
use crate::bench::stats::Spread;

/// Runs a second over some slices. `None` when there are none.
pub fn rate(slices: &[Slice]) -> Option<f64> {
    let seconds: f64 = slices.iter().map(|slice| slice.seconds).sum();
    let done: u64 = slices.iter().map(|slice| slice.done).sum();
    (seconds > 0.0).then(|| done as f64 / seconds)
}

fn last(slices: &[Slice]) -> Option<f64> {
    rate(slices.last().map(std::slice::from_ref)?)
}

fn of(turns: &[Turn], kind: Kind, held: bool) -> impl Iterator<Item = &Turn> {
    turns.iter().filter(move |turn| turn.kind == kind && turn.held == held)
}

/// With a snapshot by without, in percent, round by round: neighbours met the same machine.
fn ratios(turns: &[Turn], kind: Kind, figure: fn(&[Slice]) -> Option<f64>) -> Option<Spread> {
    let pairs = of(turns, kind, true).zip(of(turns, kind, false));
    Spread::of(
        pairs.filter_map(|(with, without)| Some(100.0 * figure(&with.slices)? / figure(&without.slices)?)),
    )
}

/// One line for each kind.
pub fn table(kinds: &[Kind], turns: &[Turn]) -> String {
    let mut table =
        "| claims | without, /s | with a snapshot, /s | with / without, % | in the last slice, % |\n\
                     |---|---|---|---|---|\n"
            .to_owned();
    for &kind in kinds {
        let rates = |held| Spread::of(of(turns, kind, held).filter_map(|turn| rate(&turn.slices)));
        let cells = [rates(false), rates(true), ratios(turns, kind, rate), ratios(turns, kind, last)];
        let cells =
            cells.map(|cell| cell.map_or_else(|| "?".to_owned(), |spread| spread.to_string())).join(" | ");
        table.push_str(&format!("| {} | {cells} |\n", kind.title()));
    }
    table
}

/// One line for each slice: the medians of all rounds.
pub fn slices(kinds: &[Kind], turns: &[Turn]) -> String {
    let columns: Vec<(Kind, bool)> = kinds.iter().flat_map(|&kind| [(kind, false), (kind, true)]).collect();
    let titles = columns.iter().map(|&(kind, held)| format!(" {}, {} |", kind.title(), with(held)));
    let mut table =
        format!("| until, s |{}\n|---|{}\n", titles.collect::<String>(), "---|".repeat(columns.len()));
    let columns: Vec<Vec<(f64, f64)>> =
        columns.iter().map(|&(kind, held)| over_time(turns, kind, held)).collect();
    for row in 0..columns.first().map_or(0, Vec::len) {
        let until = columns.iter().find_map(|column| column.get(row)).map_or(0.0, |point| point.0);
        let cells = columns
            .iter()
            .map(|column| column.get(row).map_or_else(|| "?".to_owned(), |point| format!("{:.0}", point.1)));
        table.push_str(&format!("| {until:.0} | {} |\n", cells.collect::<Vec<_>>().join(" | ")));
    }
    table
}

fn with(held: bool) -> &'static str {
    if held { "with" } else { "without" }
}

/// Where each slice ends, in seconds, and the median of its rates, a second.
fn over_time(turns: &[Turn], kind: Kind, held: bool) -> Vec<(f64, f64)> {
    let slices = of(turns, kind, held).map(|turn| turn.slices.len()).min().unwrap_or(0);
    let mut ends = 0.0;
    let point = |at: usize| {
        let of_slice = |turn: &Turn| turn.slices[at];
        let seconds = Spread::of(of(turns, kind, held).map(|turn| of_slice(turn).seconds))?.median;
        ends += seconds;
        Some((ends, Spread::of(of(turns, kind, held).filter_map(|turn| rate(&[of_slice(turn)])))?.median))
    };
    (0..slices).filter_map(point).collect()
}

/// One plot for each kind.
pub fn plots(folder: &Path, kinds: &[Kind], turns: &[Turn]) -> Result<()> {
    for &kind in kinds {
        let line = |held| Line {
            label: format!("{} a held snapshot", with(held)),
            points: over_time(turns, kind, held),
        };
        let path = folder.join(format!("held-{}.svg", kind.name()));
        let title = format!("Claims {}: runs a second", kind.title());
        plot::lines(
            &path,
            &title,
            &Axis::Number("seconds".to_owned()),
            "runs/s",
            &[line(false), line(true)],
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::KINDS;
    use super::*;

    fn turn(held: bool, done: &[u64]) -> Turn {
        Turn { kind: KINDS[0], held, slices: done.iter().map(|&done| Slice { done, seconds: 2.0 }).collect() }
    }

    fn turns() -> Vec<Turn> {
        vec![
            turn(false, &[200, 200]),
            turn(true, &[200, 100]),
            turn(true, &[400, 200]),
            turn(false, &[400, 400]),
        ]
    }

    #[test]
    fn ratios_are_of_neighbours_overall_and_in_the_end() {
        let table = table(&KINDS[..1], &turns());
        let row = "| of a tenant | 150 (100–200) | 112 (75–150) | 75 (75–75) | 50 (50–50) |";
        assert_eq!(table.lines().nth(2), Some(row), "{table}");
    }

    #[test]
    fn slices_are_medians_over_the_rounds() {
        let table = slices(&KINDS[..1], &turns());
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0], "| until, s | of a tenant, without | of a tenant, with |");
        assert_eq!(lines[2..], ["| 2 | 150 | 150 |", "| 4 | 150 | 75 |"]);
    }

    #[test]
    fn what_was_not_measured_is_a_question_mark() {
        assert!(table(&KINDS[1..2], &turns()).contains("| of any tenant | ? | ? | ? | ? |"));
    }

    #[test]
    fn each_kind_has_a_plot() {
        let folder = tempfile::tempdir().unwrap();
        plots(folder.path(), &KINDS[..1], &turns()).unwrap();
        let svg = std::fs::read_to_string(folder.path().join("held-tenant.svg")).unwrap();
        assert!(svg.contains("without a held snapshot"));
    }
}
