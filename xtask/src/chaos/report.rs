//! What came of a scenario, in words and tables.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;
use sqlx::PgConnection;

use super::fault::Kind;
use super::inject::Happened;
use super::invariants::Checked;
use super::scenario::Scenario;
use crate::bench::stats::{Spread, percentile};

/// A problem that is a defect of ours, whatever happens around us.
const DEFECT: &str = "500 internal";

/// What the database says about it.
#[derive(Debug)]
pub(super) struct Figures {
    /// How many runs ended how.
    runs: Vec<(String, i64)>,
    /// How many claims, completions, lost leases and failed attempts there were.
    counts: Vec<(String, i64)>,
    /// Seconds from the end of a fault to the next run that was claimed or ended.
    recoveries: BTreeMap<Kind, Vec<f64>>,
    /// Seconds from the end of a lease that was lost to the next claim of its run.
    lost: Vec<f64>,
}

/// Everything that is reported.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Which.
    pub scenario: Scenario,
    /// What it was drawn from.
    pub seed: u64,
    /// How many.
    pub runs: u32,
    /// From the first create until all had ended.
    pub seconds: f64,
    /// The invariants.
    pub checked: Vec<Checked>,
    /// What the database says.
    pub figures: Figures,
    /// Problems that clients were told, and how often.
    pub problems: BTreeMap<String, u64>,
    /// Answers that no fault explains.
    pub unexpected: Vec<String>,
}

/// Asks the database, when all is quiet. Fails when it does not answer.
pub(super) async fn figures(connection: &mut PgConnection, happened: &[Happened]) -> Result<Figures> {
    sqlx::raw_sql("create index if not exists run_changes_at on chaos.run_changes (at)")
        .execute(&mut *connection)
        .await?;
    let runs = "select status, count(*) from pipeline_runs group by 1 order by 2 desc";
    let runs = sqlx::query_as(runs).fetch_all(&mut *connection).await?;
    let counts = "
        select 'claims', count(*) from chaos.run_changes where new_status = 'RUNNING' and new_token is distinct from old_token
        union all select 'failed attempts', count(*) from run_attempts where outcome = 'FAILED'
        union all select 'lost leases', count(*) from run_attempts where outcome = 'LOST'
        union all select 'steps begun', count(*) from chaos.ledger where kind = 'step_began'
        union all select 'facts told to clients', count(*) from chaos.ledger where kind <> 'step_began'";
    let counts = sqlx::query_as(counts).fetch_all(&mut *connection).await?;
    let mut recoveries: BTreeMap<Kind, Vec<f64>> = BTreeMap::new();
    for one in happened {
        let next = "select extract(epoch from min(at) - $1)::float8 from chaos.run_changes
                    where at > $1 and new_status is distinct from old_status and old_status is not null";
        let next: Option<f64> = sqlx::query_scalar(next).bind(one.over).fetch_one(&mut *connection).await?;
        recoveries.entry(one.fault.kind).or_default().extend(next);
    }
    let lost = "
        select extract(epoch from c.at - a.ended_at)::float8
        from run_attempts a
        join chaos.run_changes c on c.run_id = a.run_id and c.new_claim_count = a.claim_number + 1
          and c.new_status = 'RUNNING' and c.new_token is distinct from c.old_token
        where a.outcome = 'LOST'";
    let lost = sqlx::query_scalar(lost).fetch_all(connection).await?;
    Ok(Figures { runs, counts, recoveries, lost })
}

impl Outcome {
    /// Whether no invariant was violated, and nothing was told that no fault explains. Of all faults mixed, each invariant has to have been put to the
    /// test: a check that had nothing to judge proves nothing.
    pub fn holds(&self) -> bool {
        let all = self.scenario == Scenario::Mixed;
        let mut checked = self.checked.iter();
        checked.all(|one| if all { one.is_proven() } else { one.found == 0 }) && self.surprises().is_empty()
    }

    fn surprises(&self) -> Vec<String> {
        let defects = self.problems.get(DEFECT).map(|count| format!("{count} answers were {DEFECT}"));
        defects.into_iter().chain(self.unexpected.iter().take(20).cloned()).collect()
    }

    /// As Markdown.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let Self { scenario, seed, runs, seconds, figures, .. } = self;
        writeln!(text, "\n### {}: {runs} runs, seed {seed}\n", scenario.name())?;
        let list = |all: &[(String, i64)]| {
            all.iter().map(|(what, count)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
        };
        writeln!(text, "{seconds:.0} s, {:.0} runs/s. {}.", f64::from(*runs) / seconds, list(&figures.runs))?;
        writeln!(text, "{}.", list(&figures.counts))?;
        let told: Vec<_> = self.problems.iter().map(|(what, count)| format!("{count} × {what}")).collect();
        writeln!(
            text,
            "Clients were told: {}.\n",
            if told.is_empty() { "no problem".into() } else { told.join(", ") }
        )?;

        writeln!(text, "| invariant | facts | violations |\n|---|---|---|")?;
        for one in &self.checked {
            let note = if one.facts == 0 { " (nothing to judge)" } else { "" };
            writeln!(text, "| {} | {}{note} | {} |", one.sentence, one.facts, one.found)?;
        }
        writeln!(
            text,
            "\n| seconds until work went on | times | min | median | 95 % | max |\n|---|---|---|---|---|---|"
        )?;
        for (kind, waits) in &figures.recoveries {
            row(text, &format!("after: {kind}"), waits)?;
        }
        row(text, "a lost lease's run, until it was claimed again", &figures.lost)?;
        for checked in self.checked.iter().filter(|checked| checked.found > 0) {
            writeln!(text, "\n{checked}")?;
        }
        for surprise in self.surprises() {
            writeln!(text, "\nNot explained by any fault: {surprise}")?;
        }
        Ok(())
    }
}

fn row(text: &mut String, what: &str, waits: &[f64]) -> std::fmt::Result {
    let Some((spread, p95)) = Spread::of(waits.iter().copied()).zip(percentile(waits, 95)) else {
        return Ok(());
    };
    let Spread { median, min, max } = spread;
    writeln!(text, "| {what} | {} | {min:.2} | {median:.2} | {p95:.2} | {max:.2} |", waits.len())
}
