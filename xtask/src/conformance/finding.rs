//! What was found out about a system, and the table of it.

use super::case::Case;

/// How a case has ended, and what was observed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As expected.
    Holds(String),
    /// Otherwise.
    DoesNotHold(String),
    /// The system has nothing that could be asked for it: why.
    NotOffered(String),
}

impl Outcome {
    /// It holds, or it does not.
    pub(super) fn judge(holds: bool, observed: String) -> Self {
        if holds { Self::Holds(observed) } else { Self::DoesNotHold(observed) }
    }

    /// `holds`, `does not hold` or `not offered`.
    pub fn verdict(&self) -> &'static str {
        match self {
            Self::Holds(_) => "holds",
            Self::DoesNotHold(_) => "**does not hold**",
            Self::NotOffered(_) => "not offered",
        }
    }

    fn observed(&self) -> &str {
        let (Self::Holds(observed) | Self::DoesNotHold(observed) | Self::NotOffered(observed)) = self;
        observed
    }
}

/// What was found out about one system: its name, and every case with its outcome.
#[derive(Debug, Clone)]
pub struct Findings {
    /// With its version.
    pub system: String,
    /// In the order of [`Case::ALL`].
    pub outcomes: Vec<(Case, Outcome)>,
}

impl Findings {
    /// How a case has ended, if it was examined.
    pub fn of(&self, case: Case) -> Option<&Outcome> {
        self.outcomes.iter().find(|(of, _)| *of == case).map(|(_, outcome)| outcome)
    }
}

/// A markdown table of the verdicts, one column for each system, and below it what was observed.
pub fn table(all: &[Findings]) -> String {
    let mut text = String::from("| | expected |");
    text.extend(all.iter().map(|findings| format!(" {} |", findings.system)));
    text += &format!("\n|---|---|{}\n", "---|".repeat(all.len()));
    for case in Case::ALL {
        text += &format!("| {} | {} |", case.name(), case.expectation());
        let verdicts = all.iter().map(|findings| findings.of(case).map_or("", Outcome::verdict));
        text.extend(verdicts.map(|verdict| format!(" {verdict} |")));
        text.push('\n');
    }
    for findings in all {
        text += &format!("\n{}:\n", findings.system);
        for (case, outcome) in &findings.outcomes {
            text += &format!("- {}, {}: {}\n", case.name(), outcome.verdict(), outcome.observed());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_has_a_row_every_system_a_column_and_every_outcome_its_observation() {
        let findings = |system: &str, outcome: Outcome| {
            let outcomes = Case::ALL.map(|case| (case, outcome.clone())).to_vec();
            Findings { system: system.to_owned(), outcomes }
        };
        let all = [
            findings("Ours", Outcome::judge(true, "as it should".to_owned())),
            findings("A peer", Outcome::judge(false, "twice".to_owned())),
        ];
        let text = table(&all);
        assert!(text.starts_with("| | expected | Ours | A peer |\n|---|---|---|---|\n| zombie | A stalls"));
        assert_eq!(text.matches("| holds | **does not hold** |\n").count(), Case::ALL.len());
        assert_eq!(text.matches(", holds: as it should\n").count(), Case::ALL.len());
        assert_eq!(text.matches(", **does not hold**: twice\n").count(), Case::ALL.len());
    }
}
