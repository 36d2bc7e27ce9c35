//! The figures as a table and a histogram.

use std::collections::BTreeMap;

use super::kill::Wait;
use crate::bench::stats::{Spread, percentile};

/// What we aim at, in seconds.
const AIM: f64 = 60.0;
/// The width of a bar of the histogram, in seconds.
const BAR: u64 = 5;

/// The table, the aim and the histogram.
pub(super) fn table(waits: &[Wait]) -> String {
    let mut table =
        "| seconds to the next claim | kills | min | median | 95 % | max |\n|---|---|---|---|---|---|\n"
            .to_owned();
    let since_heartbeat: Vec<f64> = waits.iter().map(|wait| wait.since_heartbeat).collect();
    let since_kill: Vec<f64> = waits.iter().map(|wait| wait.since_kill).collect();
    for (what, figures) in
        [("from the last heartbeat or claim", &since_heartbeat), ("from the kill", &since_kill)]
    {
        if let Some((spread, p95)) = Spread::of(figures.iter().copied()).zip(percentile(figures, 95)) {
            let Spread { median, min, max } = spread;
            let kills = figures.len();
            table.push_str(&format!("| {what} | {kills} | {min:.1} | {median:.1} | {p95:.1} | {max:.1} |\n"));
        }
    }
    let in_time = since_heartbeat.iter().filter(|&&wait| wait <= AIM).count();
    table.push_str(&format!(
        "\nWithin {AIM} s of the last heartbeat or claim: {in_time} of {}\n\n{}",
        waits.len(),
        histogram(&since_heartbeat)
    ));
    table
}

/// One line for each five seconds between the least and the greatest.
fn histogram(figures: &[f64]) -> String {
    let mut bars: BTreeMap<u64, usize> = BTreeMap::new();
    for figure in figures {
        *bars.entry(figure.max(0.0) as u64 / BAR).or_default() += 1;
    }
    let (Some((&first, _)), Some((&last, _))) = (bars.first_key_value(), bars.last_key_value()) else {
        return String::new();
    };
    let lines = (first..=last).map(|bar| {
        let count = bars.get(&bar).copied().unwrap_or_default();
        let line = format!("{:>3}–{:<3} s  {count:>3}  {}", bar * BAR, (bar + 1) * BAR, "#".repeat(count));
        format!("{}\n", line.trim_end())
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(figures: &[f64]) -> Vec<Wait> {
        figures
            .iter()
            .map(|&since_heartbeat| Wait { since_heartbeat, since_kill: since_heartbeat - 4.0 })
            .collect()
    }

    #[test]
    fn figures_become_a_table_and_a_histogram() {
        let table = table(&waits(&[34.0, 36.0, 35.0, 60.1]));
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[2], "| from the last heartbeat or claim | 4 | 34.0 | 35.5 | 60.1 | 60.1 |");
        assert_eq!(lines[3], "| from the kill | 4 | 30.0 | 31.5 | 56.1 | 56.1 |");
        assert_eq!(lines[5], "Within 60 s of the last heartbeat or claim: 3 of 4");
        assert_eq!(lines[7..9], [" 30–35  s    1  #", " 35–40  s    2  ##"]);
        assert_eq!(
            lines[9..],
            [" 40–45  s    0", " 45–50  s    0", " 50–55  s    0", " 55–60  s    0", " 60–65  s    1  #"]
        );
    }

    #[test]
    fn no_figures_are_an_empty_table() {
        assert!(table(&[]).contains("0 of 0"));
    }
}
