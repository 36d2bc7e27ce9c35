//! The figures of a day.

use std::fmt::Write as _;
use std::time::Duration;

use super::Found;
use super::log::Asked;
use crate::bench::stats::Spread;

const DAY: Duration = Duration::from_secs(86_400);
/// What was the schedule before a sweep asked for the next one.
const BEFORE: Duration = Duration::from_secs(60);
/// Who is called less often than this meets a new environment, or one that throws its connection away (`DROP_AFTER_IDLE` in `shared/src/db`): both open
/// a new one.
const KEPT: Duration = Duration::from_secs(300);

/// What is asked for on a day.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Day {
    invocations: f64,
    statements: f64,
    connections: f64,
}

impl Day {
    fn of(found: &Found, every: Duration) -> Self {
        let invocations = DAY.as_secs_f64() / every.as_secs_f64();
        let all = |figure: fn(&Asked) -> u64| {
            let first = figure(&found.first) as f64;
            if every > KEPT {
                return invocations * first;
            }
            let later = Spread::of(found.later.iter().map(|asked| figure(asked) as f64));
            first + (invocations - 1.0) * later.map_or(first, |spread| spread.median)
        };
        Self {
            invocations,
            statements: all(|asked| asked.statements),
            connections: all(|asked| asked.connections),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            invocations: self.invocations + other.invocations,
            statements: self.statements + other.statements,
            connections: self.connections + other.connections,
        }
    }

    fn cells(self) -> String {
        format!("{:.0} | {:.0} | {:.0}", self.invocations, self.statements, self.connections)
    }
}

/// A line for each function, and for all of them, with no webhook and with one; and what all of them would ask for if they were invoked every minute.
pub fn table(found: &[Found]) -> String {
    let mut table =
        "| webhooks | function | invoked | statements of the first invocation | of a later one | invocations a day | statements a day | connections a day |\n\
         |---|---|---|---|---|---|---|---|\n"
            .to_owned();
    for webhook in [false, true] {
        let webhooks = if webhook { "one" } else { "none" };
        let (mut now, mut before) = (Day::default(), Day::default());
        for found in found.iter().filter(|found| found.webhook == webhook) {
            let day = Day::of(found, found.every);
            (now, before) = (now.plus(day), before.plus(Day::of(found, BEFORE)));
            let later = Spread::of(found.later.iter().map(|asked| asked.statements as f64));
            let later = later.map_or_else(|| "?".to_owned(), |spread| spread.to_string());
            let _ = writeln!(
                table,
                "| {webhooks} | {} | {} | {} | {later} | {} |",
                found.function,
                every(found.every),
                found.first.statements,
                day.cells()
            );
        }
        let _ = writeln!(table, "| {webhooks} | **all** | as above | | | {} |", now.cells());
        let _ = writeln!(
            table,
            "| {webhooks} | all, for comparison | {} | | | {} |",
            every(BEFORE),
            before.cells()
        );
    }
    table
}

fn every(every: Duration) -> String {
    match every.as_secs() {
        60 => "every minute".to_owned(),
        3600 => "every hour".to_owned(),
        seconds if seconds % 60 == 0 => format!("every {} minutes", seconds / 60),
        seconds => format!("every {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(function: &str, seconds: u64, statements: [u64; 2]) -> Found {
        let [first, later] = statements;
        Found {
            function: function.to_owned(),
            webhook: false,
            every: Duration::from_secs(seconds),
            first: Asked { statements: first, connections: 1 },
            later: vec![Asked { statements: later, connections: 0 }; 3],
        }
    }

    #[test]
    fn who_is_called_every_minute_is_new_once_and_who_is_called_every_hour_is_always_new() {
        let day = |seconds| Day::of(&found("sweep", seconds, [10, 8]), Duration::from_secs(seconds));
        assert_eq!(day(60), Day { invocations: 1440.0, statements: 10.0 + 1439.0 * 8.0, connections: 1.0 });
        assert_eq!(day(3600), Day { invocations: 24.0, statements: 240.0, connections: 24.0 });
    }

    #[test]
    fn a_table_compares_with_every_minute_by_the_same_counts() {
        let table = table(&[found("deliver", 3600, [5, 3]), found("sweep", 3600, [10, 8])]);
        let lines: Vec<&str> = table.lines().skip(2).take(4).collect();
        assert_eq!(
            lines,
            [
                "| none | deliver | every hour | 5 | 3 (3–3) | 24 | 120 | 24 |",
                "| none | sweep | every hour | 10 | 8 (8–8) | 24 | 240 | 24 |",
                "| none | **all** | as above | | | 48 | 360 | 48 |",
                "| none | all, for comparison | every minute | | | 2880 | 15844 | 2 |",
            ]
        );
    }
}
