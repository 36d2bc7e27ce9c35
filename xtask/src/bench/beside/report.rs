//! The figures as a table and as bars.

use std::path::Path;

use anyhow::Result;

use super::{BULK, Round, Setting, Who};
use crate::bench::case::Measured;
use crate::bench::plot::{self, Bar};
use crate::bench::stats::Spread;

impl Round {
    fn of(&self, who: Who) -> Option<Measured> {
        self.turns.iter().find(|(found, _)| *found == who).map(|(_, measured)| *measured)
    }

    /// How many times as many runs a second `one` does.
    fn times(&self, one: Who, other: Who) -> Option<f64> {
        Some(self.of(one)?.per_second / self.of(other)?.per_second)
    }
}

/// What is said as soon as it is known.
pub fn line(round: &Round) -> String {
    let turns = round.turns.iter();
    let turns = turns.map(|(who, measured)| format!("{} {:.0}/s", who.title(), measured.per_second));
    let Setting { size, workers, finished, .. } = round.setting;
    format!("by {size}, {workers} at once, {finished} ended: {}", turns.collect::<Vec<_>>().join(", "))
}

/// Everybody of a setting, in the order of its members, as far as there was a turn.
fn members(setting: Setting, rounds: &[Round]) -> Vec<Who> {
    let turns = rounds.iter().filter(|round| round.setting == setting).flat_map(|round| &round.turns);
    let found: Vec<Who> = turns.map(|(who, _)| *who).collect();
    setting.members("").into_iter().filter(|who| found.contains(who)).collect()
}

/// One line for each member of each setting. A ratio is that of two neighbours, its median that of all rounds.
pub fn table(settings: &[Setting], rounds: &[Round]) -> String {
    let mut table = "| runs at a time | workers | ended before | who | runs/s | verbs do × | HTTP does × |\n\
                     |---|---|---|---|---|---|---|\n"
        .to_owned();
    for &setting in settings {
        let Setting { size, workers, finished, .. } = setting;
        for who in members(setting, rounds) {
            let of = |figure: &dyn Fn(&Round) -> Option<f64>| {
                Spread::of(rounds.iter().filter(|round| round.setting == setting).filter_map(figure))
            };
            let rate = of(&|round| Some(round.of(who)?.per_second)).map(|spread| spread.to_string());
            let times = |one: Who| {
                if one == who {
                    return Some("–".to_owned());
                }
                of(&|round| round.times(one, who)).map(|spread| format!("{spread:.2}"))
            };
            let cells = [rate, times(Who::Verb), times(Who::Http)];
            let cells = cells.map(|cell| cell.unwrap_or_else(|| "?".to_owned())).join(" | ");
            table.push_str(&format!("| {size} | {workers} | {finished} | {} | {cells} |\n", who.title()));
        }
    }
    table
}

/// Of what is done one by one, and of what is done by a hundred.
pub const PLOTS: [&str; 2] = ["peers.svg", "peers-bulk.svg"];

/// A plot for each of [`PLOTS`].
pub fn plots(folder: &Path, settings: &[Setting], rounds: &[Round]) -> Result<()> {
    for (name, bulk) in PLOTS.into_iter().zip([false, true]) {
        let of_kind = settings.iter().copied().filter(|setting| (setting.size == BULK) == bulk);
        let bars: Vec<Bar> = of_kind.flat_map(|setting| bars(setting, rounds)).collect();
        if !bars.is_empty() {
            let title = "Claims and completions a second, median and range";
            plot::bars(&folder.join(name), title, &bars)?;
        }
    }
    Ok(())
}

fn bars(setting: Setting, rounds: &[Round]) -> Vec<Bar> {
    let mine = rounds.iter().filter(|round| round.setting == setting);
    let of = |who: Who| {
        let rates = mine.clone().filter_map(|round| Some(round.of(who)?.per_second));
        let Setting { workers, finished, .. } = setting;
        let label = format!("{workers} at once, {finished} ended: {}", who.title());
        Some(Bar { label, spread: Spread::of(rates)?, ours: matches!(who, Who::Verb | Who::Http) })
    };
    members(setting, rounds).into_iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTING: Setting = Setting { size: 1, workers: 16, finished: 200, runs: 1000 };

    fn round(verb: f64, http: f64, original: f64) -> Round {
        let of = |who, rate| (who, Measured::new(10, rate, None));
        Round {
            setting: SETTING,
            turns: vec![of(Who::Original, original), of(Who::Verb, verb), of(Who::Http, http)],
        }
    }

    #[test]
    fn a_ratio_is_of_neighbours_not_of_medians() {
        let rounds = [round(100.0, 50.0, 10.0), round(200.0, 100.0, 40.0), round(300.0, 60.0, 10.0)];
        let table = table(&[SETTING], &rounds);
        let lines: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "| 1 | 16 | 200 | ours: verbs | 200 (100–300) | – | 0.50 (0.20–0.50) |",
                "| 1 | 16 | 200 | ours: HTTP | 60 (50–100) | 2.00 (2.00–5.00) | – |",
                "| 1 | 16 | 200 | the replaced service, written anew: HTTP | 10 (10–40) | 10.00 (5.00–30.00) | 5.00 (2.50–6.00) |",
            ]
        );
    }

    #[test]
    fn a_plot_has_a_bar_for_everybody() {
        let folder = tempfile::tempdir().unwrap();
        plots(folder.path(), &[SETTING], &[round(100.0, 50.0, 10.0)]).unwrap();
        let svg = std::fs::read_to_string(folder.path().join("peers.svg")).unwrap();
        for who in [Who::Verb, Who::Http, Who::Original] {
            assert!(svg.contains(who.title()), "{}", who.title());
        }
        assert!(!folder.path().join("peers-bulk.svg").exists());
    }
}
