//! `runplane runs logs`: what was logged about a run.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;

use super::Context;
use crate::args::runs::Logs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Request;
use crate::output::{moment, plain};

/// Lines on a page: as many as the API gives.
const PAGE: u16 = 1000;
/// How long the API is asked to wait for the end of a run that is followed: so long nothing new is seen.
const WAIT: u64 = 2;
/// What is logged is dated when it is sent and seen when it is stored: a line may come to lie so far before others that were seen.
const LATE: TimeDelta = TimeDelta::seconds(10);

/// Prints the lines, oldest first; with `follow` also those that come, until the run has ended.
///
/// # Errors
/// [`Failure`], of any kind.
pub async fn run(context: &Context, which: &Logs) -> Result<Exit, Failure> {
    let mut reader = Reader { context, which, seen: HashSet::new(), last: None };
    let mut wait = 0;
    loop {
        // Asked before the lines are read: what was logged before the end is among them.
        let ended = !which.follow || reader.has_ended(wait).await?;
        reader.print_new().await?;
        if ended {
            return Ok(Exit::Done);
        }
        wait = WAIT;
    }
}

struct Reader<'a> {
    context: &'a Context,
    which: &'a Logs,
    /// The ids of what was printed.
    seen: HashSet<String>,
    last: Option<DateTime<Utc>>,
}

impl Reader<'_> {
    async fn has_ended(&self, wait: u64) -> Result<bool, Failure> {
        let request = Request::get(format!("/api/runs/{}", self.which.id));
        let request =
            request.waiting(Duration::from_secs(wait)).query("wait_seconds", (wait > 0).then_some(wait));
        let answer = self.context.client.send(&request).await?;
        Ok(!answer.body["run"]["finished_at"].is_null())
    }

    /// Prints what was not printed before, page by page.
    async fn print_new(&mut self) -> Result<(), Failure> {
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let after = self.last.map(|last| last - LATE).max(self.which.after);
        let request = Request::get(format!("/api/runs/{}/logs", self.which.id))
            .query("after", after.map(time))
            .query("before", self.which.before.map(time))
            .query("order", Some("asc"))
            .query("limit", Some(PAGE));
        let mut cursor: Option<String> = None;
        loop {
            let answer = self.context.client.send(&request.clone().query("cursor", cursor.as_ref())).await?;
            let output = self.context.output;
            for (line, item) in answer.item_lines()?.into_iter().zip(answer.items()?) {
                let at = item["created_at"].as_str().and_then(|at| at.parse().ok());
                self.last = self.last.max(at);
                if self.seen.insert(item["id"].to_string()) {
                    output.text(&if output.is_json() { line } else { view(item) })?;
                }
            }
            let next = answer.next_cursor().map(str::to_owned);
            if next.is_some() && next == cursor {
                let sentence = "the list does not end: its cursor leads to itself".to_owned();
                return Err(Failure::Unreachable(sentence));
            }
            cursor = next;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }
}

/// A line of the log on one line, but for the line breaks in its message.
fn view(line: &Value) -> String {
    let text = |field: &str| line[field].as_str().map(plain).unwrap_or_default();
    let at = line["created_at"].as_str().map(moment).unwrap_or_default();
    format!("{at}  {:<8}  {}  {}", text("level"), text("source"), text("message")).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_has_its_time_its_level_and_its_source() {
        let line = json!({
            "id": 1, "level": "info", "message": "step load SUCCEEDED\u{7}", "source": "executor", "meta": {}, "created_at": "2026-11-23T11:40:48.5Z"
        });
        assert_eq!(view(&line), "2026-11-23T11:40:48Z  info      executor  step load SUCCEEDED\\u{7}");
    }
}
