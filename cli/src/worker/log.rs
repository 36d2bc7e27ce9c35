//! What the worker says about itself: a line on standard error for each thing that happens.

use std::io::Write as _;

use chrono::{SecondsFormat, Utc};
use runplane::steps::{StepRecord, StepStatus};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::api::ClaimedRun;
use crate::output::{moment, plain, span};

/// Where the lines go, and in which form.
#[derive(Clone, Copy, Debug)]
pub struct Log {
    json: bool,
}

impl Log {
    /// Lines of JSON for programs, else lines for people.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// About the worker itself. `event` is a word for programs.
    pub fn worker(self, event: &str, sentence: &str) {
        self.line(event, None, &[], sentence);
    }

    /// About a run.
    pub fn run(self, event: &str, run: &ClaimedRun, more: &[(&str, Value)], sentence: &str) {
        let attempt = ("attempt", json!(run.attempt));
        let fields = [std::slice::from_ref(&attempt), more].concat();
        self.line(event, Some(run.id), &fields, sentence);
    }

    /// About a step that was stored, if that is worth a line: it has ended, or waits for its next attempt. Of the items of a step only
    /// those that failed.
    pub fn step(self, run: &ClaimedRun, step: &StepRecord) {
        if let Some(sentence) = of_step(step) {
            let fields = [
                ("step_id", json!(step.step_id)),
                ("item", json!(step.item)),
                ("status", json!(step.status)),
                ("attempts", json!(step.attempts)),
            ];
            let fields: Vec<_> = fields.into_iter().filter(|(_, value)| !value.is_null()).collect();
            self.line("step", Some(run.id), &fields, &sentence);
        }
    }

    fn line(self, event: &str, run: Option<Uuid>, fields: &[(&str, Value)], sentence: &str) {
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        let line = if self.json {
            let mut line =
                Map::from_iter([("at".to_owned(), json!(now)), ("event".to_owned(), json!(event))]);
            line.extend(run.map(|run| ("run_id".to_owned(), json!(run))));
            line.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
            line.insert("message".to_owned(), json!(sentence));
            Value::Object(line).to_string()
        } else {
            let run = run.map(|run| format!("{run}  ")).unwrap_or_default();
            format!("{}  {event:<11}  {run}{}", moment(&now), plain(sentence)).replace('\n', " ")
        };
        // Whoever has closed standard error does not want to know.
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }
}

/// What is said about a step; None: nothing.
fn of_step(step: &StepRecord) -> Option<String> {
    let waits = step.status == StepStatus::Pending && step.resume_at.is_some();
    let failed = step.status == StepStatus::Failed;
    if !(waits || step.status.is_terminal()) || (step.item.is_some() && !failed) {
        return None;
    }
    let mut said = step.step_id.clone();
    if let Some(item) = step.item {
        said.push_str(&format!("[{item}]"));
    }
    match step.resume_at.filter(|_| waits) {
        Some(at) => {
            let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
            said.push_str(&format!(" waits until {at} for its attempt {}", step.attempts + 1));
        }
        None => said.push_str(&format!(" {}", step.status.as_str())),
    }
    if let Some(reason) = step.reason {
        said.push_str(&format!(", {}", reason.as_str()));
    }
    if step.attempts > 1 && !waits {
        said.push_str(&format!(", {} attempts", step.attempts));
    }
    if let (Some(from), Some(to)) = (step.started_at, step.finished_at) {
        said.push_str(&format!(", {}", span(to - from)));
    }
    if let Some(error) = &step.error {
        said.push_str(&format!(", {}: {}", error.error, error.message));
    }
    Some(said)
}

#[cfg(test)]
mod tests {
    use runplane::steps::{SkipReason, StepError};

    use super::*;

    fn step(fields: Value) -> StepRecord {
        let mut all = json!({
            "step_id": "load", "item": null, "status": "SUCCEEDED", "reason": null, "attempts": 1, "output": null, "output_ref": null,
            "output_bytes": null, "error": null, "started_at": "2026-11-23T11:40:48Z", "finished_at": "2026-11-23T11:40:49.3Z",
            "resume_at": null
        });
        all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn what_became_of_a_step_is_one_sentence() {
        let said = |fields| of_step(&step(fields)).unwrap();
        assert_eq!(said(json!({})), "load SUCCEEDED, 1.3 s");
        let error = StepError { error: "timeout".into(), message: "took too long".into() };
        assert_eq!(
            said(json!({ "status": "FAILED", "attempts": 3, "error": error, "item": 7 })),
            "load[7] FAILED, 3 attempts, 1.3 s, timeout: took too long"
        );
        let reason = SkipReason::UpstreamFailed;
        assert_eq!(
            said(json!({ "status": "SKIPPED", "attempts": 0, "reason": reason, "started_at": null })),
            "load SKIPPED, upstream_failed"
        );
        assert_eq!(
            said(
                json!({ "status": "PENDING", "finished_at": null, "resume_at": "2026-11-23T11:41:00Z", "error": error })
            ),
            "load waits until 2026-11-23T11:41:00Z for its attempt 2, timeout: took too long"
        );
    }

    #[test]
    fn what_has_only_begun_and_items_that_went_well_are_not_told() {
        for fields in [
            json!({ "status": "RUNNING", "finished_at": null }),
            json!({ "status": "RUNNING", "finished_at": null, "resume_at": "2026-11-23T11:41:00Z" }),
            json!({ "status": "SUCCEEDED", "item": 0 }),
            json!({ "status": "PENDING", "finished_at": null, "resume_at": "2026-11-23T11:41:00Z", "item": 0 }),
        ] {
            assert_eq!(of_step(&step(fields.clone())), None, "{fields}");
        }
    }
}
