//! The figures as a table and as bars.

use std::path::Path;

use anyhow::Result;

use super::groups::{Group, Who};
use crate::bench::case::{Case, Measured, Work};
use crate::bench::plot::{self, Bar};
use crate::bench::stats::Spread;

/// What the members of a group did, one after the other.
#[derive(Debug)]
pub struct Round {
    /// Their load.
    pub case: Case,
    /// In the order in which they did it.
    pub turns: Vec<(Who, Measured)>,
}

impl Round {
    fn of(&self, who: Who) -> Option<Measured> {
        self.turns.iter().find(|(found, _)| *found == who).map(|(_, measured)| *measured)
    }

    /// In percent.
    fn ours_by(&self, who: Who) -> Option<f64> {
        let (ours, other) = self.of(Who::Ours).zip(self.of(who))?;
        Some(100.0 * ours.per_second / other.per_second)
    }
}

/// What is said as soon as it is known.
pub fn line(round: &Round) -> String {
    let turns =
        round.turns.iter().map(|(who, measured)| format!("{} {:.0}/s", who.title(), measured.per_second));
    format!("{} at {}: {}", round.case.title(), round.case.connections, turns.collect::<Vec<_>>().join(", "))
}

/// One line for each member of each group.
pub fn table(groups: &[Group], rounds: &[Round]) -> String {
    let mut table = "| loop | connections | who | runs/s | ours / it, % | client µs a run |\n\
                     |---|---|---|---|---|---|\n"
        .to_owned();
    for Group { case, members } in groups {
        let rounds: Vec<&Round> = rounds.iter().filter(|round| round.case == *case).collect();
        for &who in members {
            let of = |figure: &dyn Fn(&Round) -> Option<f64>| {
                Spread::of(rounds.iter().filter_map(|round| figure(round)))
            };
            let ratio = |spread: Option<Spread>| {
                if who == Who::Ours { Some("–".to_owned()) } else { spread.map(|s| s.to_string()) }
            };
            let cells = [
                of(&|round| Some(round.of(who)?.per_second)).map(|spread| spread.to_string()),
                ratio(of(&|round| round.ours_by(who))),
                of(&|round| round.of(who)?.client_us).map(|spread| format!("{:.0}", spread.median)),
            ];
            let cells = cells.map(|cell| cell.unwrap_or_else(|| "?".to_owned())).join(" | ");
            table.push_str(&format!(
                "| {} | {} | {} | {cells} |\n",
                case.title(),
                case.connections,
                who.title()
            ));
        }
    }
    table
}

/// One plot for what is done one by one, one in bulk, each of claims and of creates, as far as they were measured.
pub fn plots(folder: &Path, groups: &[Group], rounds: &[Round]) -> Result<()> {
    let kinds = [
        ("claims", false, false),
        ("claims-bulk", false, true),
        ("creates", true, false),
        ("creates-bulk", true, true),
    ];
    for (name, creates, bulk) in kinds {
        let of_kind = groups
            .iter()
            .filter(|group| (group.case.work == Work::Create) == creates && (group.case.size > 1) == bulk);
        let bars: Vec<Bar> = of_kind.flat_map(|group| bars(group, rounds)).collect();
        if !bars.is_empty() {
            let title = format!(
                "{} a second, median and range",
                if creates { "Creates" } else { "Claims and completions" }
            );
            plot::bars(&folder.join(format!("verbs-{name}.svg")), &title, &bars)?;
        }
    }
    Ok(())
}

fn bars(group: &Group, rounds: &[Round]) -> Vec<Bar> {
    let mine = |who| {
        rounds
            .iter()
            .filter(|round| round.case == group.case)
            .filter_map(move |round| Some(round.of(who)?.per_second))
    };
    let of = |&who: &Who| {
        let label = format!("{}, {} at once: {}", group.case.title(), group.case.connections, who.title());
        Some(Bar { label, spread: Spread::of(mine(who))?, ours: who == Who::Ours })
    };
    group.members.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::peers::Peer;

    const CASE: Case = Case { work: Work::ClaimComplete, size: 1, connections: 8 };
    const PEER: Who = Who::Peer(Peer::Graphile, "default", "peer");

    fn group() -> Group {
        Group { case: CASE, members: vec![Who::Raw, Who::Ours, PEER] }
    }

    fn round(raw: f64, ours: f64, peer: f64) -> Round {
        let measured = |rate| Measured::new(10, rate, Some(0.001));
        Round {
            case: CASE,
            turns: vec![(Who::Ours, measured(ours)), (PEER, measured(peer)), (Who::Raw, measured(raw))],
        }
    }

    #[test]
    fn a_ratio_is_of_neighbours_not_of_medians() {
        let rounds = [round(100.0, 90.0, 45.0), round(200.0, 160.0, 160.0), round(400.0, 400.0, 100.0)];
        let table = table(&[group()], &rounds);
        let lines: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "| claim + complete | 8 | raw | 200 (100–400) | 90 (80–100) | 100 |",
                "| claim + complete | 8 | ours | 160 (90–400) | – | 100 |",
                "| claim + complete | 8 | peer | 100 (45–160) | 200 (100–400) | 100 |",
            ]
        );
    }

    #[test]
    fn what_was_not_measured_is_a_question_mark() {
        assert!(table(&[group()], &[]).contains("| claim + complete | 8 | raw | ? | ? | ? |"));
    }

    #[test]
    fn a_plot_has_a_bar_for_everybody() {
        let folder = tempfile::tempdir().unwrap();
        plots(folder.path(), &[group()], &[round(100.0, 90.0, 45.0)]).unwrap();
        let svg = std::fs::read_to_string(folder.path().join("verbs-claims.svg")).unwrap();
        for who in ["raw", "ours", "peer"] {
            assert!(svg.contains(&format!("8 at once: {who}")), "{who}");
        }
        assert!(!folder.path().join("verbs-creates.svg").exists());
    }
}
