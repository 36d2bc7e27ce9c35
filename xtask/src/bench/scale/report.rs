//! The figures as a table, against the aim, and as lines.

use std::path::Path;

use anyhow::Result;

use super::measure::What;
use super::{Series, Step};
use crate::bench::plot::{self, Axis, Line};
use crate::bench::stats::Spread;

impl Step {
    fn of(&self, what: What) -> Option<Spread> {
        self.pages.iter().find(|(found, _)| *found == what).map(|(_, spread)| *spread)
    }
}

/// With a comma before every three digits.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many times what the smallest step reads, in the median.
fn ratio(steps: &[Step], step: &Step, what: What) -> Option<f64> {
    Some(step.of(what)?.median / steps.first()?.of(what)?.median)
}

/// One line for each step: pages, and how many times those of the first step.
pub fn table(series: &Series, steps: &[Step]) -> String {
    let titles: String = series.what.iter().map(|what| format!(" {} | × |", what.title())).collect();
    let mut table = format!("| {} |{titles}\n|---|{}\n", series.title, "---|---|".repeat(series.what.len()));
    for step in steps {
        let cell = |&what: &What| {
            let pages = step.of(what).map_or_else(|| "?".to_owned(), |spread| spread.to_string());
            let ratio =
                ratio(steps, step, what).map_or_else(|| "?".to_owned(), |ratio| format!("{ratio:.2}"));
            format!(" {pages} | {ratio} |")
        };
        let cells: String = series.what.iter().map(cell).collect();
        table.push_str(&format!("| {} |{cells}\n", number(step.size)));
    }
    table
}

/// One line: met by all, or who misses it.
pub fn aims(series: &Series, steps: &[Step]) -> String {
    let worst = |what| steps.iter().filter_map(|step| ratio(steps, step, what)).reduce(f64::max);
    let misses = series.what.iter().filter_map(|&what| {
        let worst = worst(what).filter(|worst| *worst > series.aim)?;
        Some(format!("{} ({worst:.2}×)", what.title()))
    });
    let misses: Vec<String> = misses.collect();
    let missed =
        if misses.is_empty() { "met".to_owned() } else { format!("MISSED by {}", misses.join(", ")) };
    format!("Aim: at most {}× what the smallest number of {} reads: {missed}\n", series.aim, series.title)
}

/// A line for each statement.
pub fn plot(folder: &Path, series: &Series, steps: &[Step]) -> Result<()> {
    let line = |&what: &What| {
        let points =
            steps.iter().enumerate().filter_map(|(at, step)| Some((at as f64, step.of(what)?.median)));
        Line { label: what.title().to_owned(), points: points.collect() }
    };
    let lines: Vec<Line> = series.what.iter().map(line).collect();
    let names = steps.iter().map(|step| number(step.size)).collect();
    let title = format!("Pages read, by the number of {}", series.title);
    let path = folder.join(format!("scale-{}.svg", series.name));
    plot::lines(&path, &title, &Axis::Names(series.title.to_owned(), names), "pages", &lines)
}
