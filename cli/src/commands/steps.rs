//! The steps of a run, in a table and in lines.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::output::{moment, plain, span, table};

const COLUMNS: [&str; 7] = ["step", "type", "status", "attempts", "started_at", "took", "detail"];

/// The steps of `get` as a table; None without any.
pub fn as_table(details: &Value) -> Option<String> {
    let steps = steps(details);
    let row = |step: &Value| {
        json!({
            "step": step["step_id"], "type": step["type"], "status": step["status"], "attempts": step["attempts"],
            "started_at": step["started_at"], "took": took(step), "detail": detail(step).join(", ")
        })
    };
    let rows: Vec<Value> = steps.iter().map(row).collect();
    (!rows.is_empty()).then(|| table(&rows, &COLUMNS, None))
}

/// What was seen of the steps of a run that is followed.
#[derive(Debug, Default)]
pub struct Seen(HashMap<String, Looks>);

/// What is worth a line when it changes.
type Looks = [Value; 6];

impl Seen {
    /// A line for each step that has changed since the last time, in the order of their times. A step that has not begun is none.
    pub fn changes(&mut self, details: &Value) -> Vec<String> {
        let steps = steps(details);
        let width = steps.iter().map(|step| id(step).chars().count()).max().unwrap_or_default().min(24);
        let mut lines = Vec::new();
        for step in steps {
            let looks = looks(step);
            if self.0.get(id(step)) == Some(&looks) {
                continue;
            }
            self.0.insert(id(step).to_owned(), looks);
            if has_begun(step) {
                lines.push((at(step, &details["run"]), line(step, width)));
            }
        }
        lines.sort_by_key(|(at, _)| *at);
        let shown = |at: Option<DateTime<Utc>>| at.map(|at| moment(&at.to_rfc3339())).unwrap_or_default();
        lines.into_iter().map(|(at, line)| format!("{}  {line}", shown(at))).collect()
    }
}

fn steps(details: &Value) -> &[Value] {
    details["steps"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn id(step: &Value) -> &str {
    step["step_id"].as_str().unwrap_or_default()
}

fn looks(step: &Value) -> Looks {
    ["status", "attempts", "reason", "resume_at", "run_attempt", "items"].map(|field| step[field].clone())
}

fn has_begun(step: &Value) -> bool {
    step["status"] != "PENDING" || !step["resume_at"].is_null()
}

/// When it became what it is, as far as that is known.
fn at(step: &Value, run: &Value) -> Option<DateTime<Utc>> {
    let first =
        step["attempts"].as_u64() <= Some(1) && step["status"] == "RUNNING" && step["items"].is_null();
    let known = time(&step["finished_at"]).or_else(|| time(&step["started_at"]).filter(|_| first));
    // Of what happens in between, the last sign of life of whoever works.
    known.or_else(|| {
        [&run["heartbeat_at"], &run["updated_at"], &step["started_at"]].into_iter().filter_map(time).max()
    })
}

fn time(value: &Value) -> Option<DateTime<Utc>> {
    value.as_str().and_then(|text| text.parse().ok())
}

fn line(step: &Value, width: usize) -> String {
    let status = plain(step["status"].as_str().unwrap_or_default());
    let mut parts = Vec::new();
    match step["attempts"].as_u64() {
        None | Some(0 | 1) => {}
        Some(attempts) if status == "RUNNING" => parts.push(format!("attempt {attempts}")),
        Some(attempts) if status == "PENDING" => parts.push(format!("after {attempts} attempts")),
        Some(attempts) => parts.push(format!("{attempts} attempts")),
    }
    let took = took(step);
    if !took.is_empty() {
        parts.push(took);
    }
    parts.extend(detail(step));
    format!("step {:<width$}  {status:<9}  {}", plain(id(step)), parts.join(", ")).trim_end().to_owned()
}

/// How long it took; empty unless it has begun and ended.
fn took(step: &Value) -> String {
    match (time(&step["started_at"]), time(&step["finished_at"])) {
        (Some(from), Some(to)) => span(to - from),
        _ => String::new(),
    }
}

/// Everything else that is worth saying about it.
fn detail(step: &Value) -> Vec<String> {
    let mut parts = Vec::new();
    let text = |value: &Value| value.as_str().map(plain);
    let count = |field: &str| step["items"][field].as_u64();
    if let Some(succeeded) = count("succeeded") {
        let total = count("total_known").map(|total| format!(" of {total}")).unwrap_or_default();
        parts.push(format!("{succeeded}{total} items"));
        parts.extend(count("failed").filter(|failed| *failed > 0).map(|failed| format!("{failed} failed")));
    }
    parts.extend(text(&step["reason"]));
    if step["finished_at"].is_null() {
        parts.extend(step["resume_at"].as_str().map(|at| format!("waits until {}", moment(at))));
    }
    let error = &step["error"];
    if let Some(word) = text(&error["error"]) {
        let message = text(&error["message"]).unwrap_or_default();
        parts.push(format!("{word}: {}", message.replace('\n', " ")));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(id: &str, status: &str, more: Value) -> Value {
        let mut step = json!({
            "step_id": id, "type": "http", "status": status, "reason": null, "attempts": 0, "error": null, "started_at": null,
            "finished_at": null, "resume_at": null, "output_bytes": null, "output_ref": null, "run_attempt": 1
        });
        step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        step
    }

    fn details(steps: Value) -> Value {
        json!({ "run": { "updated_at": "2026-11-23T11:40:00Z", "heartbeat_at": "2026-11-23T11:40:30Z" }, "steps": steps })
    }

    const BEGAN: &str = "2026-11-23T11:40:10.5Z";
    const ENDED: &str = "2026-11-23T11:40:12Z";

    #[test]
    fn a_step_has_a_line_when_it_changes_and_only_then() {
        let mut seen = Seen::default();
        let pending =
            details(json!([step("extract", "PENDING", json!({})), step("load", "PENDING", json!({}))]));
        assert_eq!(seen.changes(&pending), [""; 0]);
        let begun = json!({ "attempts": 1, "started_at": BEGAN });
        let running = details(json!([step("extract", "RUNNING", begun), step("load", "PENDING", json!({}))]));
        assert_eq!(seen.changes(&running), ["2026-11-23T11:40:10Z  step extract  RUNNING"]);
        assert_eq!(seen.changes(&running), [""; 0]);
        let ended = json!({ "attempts": 3, "started_at": BEGAN, "finished_at": ENDED, "error": { "error": "timeout", "message": "no\nway" } });
        let skipped = json!({ "reason": "upstream_failed", "finished_at": ENDED });
        let over = details(json!([step("extract", "FAILED", ended), step("load", "SKIPPED", skipped)]));
        insta::assert_snapshot!(seen.changes(&over).join("\n"), @"
        2026-11-23T11:40:12Z  step extract  FAILED     3 attempts, 1.5 s, timeout: no way
        2026-11-23T11:40:12Z  step load     SKIPPED    upstream_failed
        ");
        // The run has another attempt, and its steps begin again.
        assert_eq!(seen.changes(&pending), [""; 0]);
        assert_eq!(seen.changes(&running).len(), 1);
    }

    #[test]
    fn waits_retries_and_items_are_told() {
        let line = |step: Value| Seen::default().changes(&details(json!([step]))).join("\n");
        let at = "2026-11-23T11:45:00Z";
        assert_eq!(
            line(step("pause", "RUNNING", json!({ "attempts": 1, "started_at": BEGAN, "resume_at": at }))),
            "2026-11-23T11:40:10Z  step pause  RUNNING    waits until 2026-11-23T11:45:00Z"
        );
        let error = json!({ "error": "http_500", "message": "shop said 500" });
        assert_eq!(
            line(step(
                "load",
                "PENDING",
                json!({ "attempts": 2, "started_at": BEGAN, "resume_at": at, "error": error })
            )),
            "2026-11-23T11:40:30Z  step load  PENDING    after 2 attempts, waits until 2026-11-23T11:45:00Z, http_500: shop said 500"
        );
        let items = json!({ "total_known": 10, "succeeded": 3, "failed": 1, "running": 2 });
        assert_eq!(
            line(step("each", "RUNNING", json!({ "attempts": 1, "started_at": BEGAN, "items": items }))),
            "2026-11-23T11:40:30Z  step each  RUNNING    3 of 10 items, 1 failed"
        );
    }

    #[test]
    fn lines_come_in_the_order_of_their_times() {
        let ended = |at: &str| json!({ "attempts": 1, "started_at": BEGAN, "finished_at": at });
        let steps = json!([
            step("b", "SUCCEEDED", ended("2026-11-23T11:40:20Z")),
            step("a", "SUCCEEDED", ended(ENDED))
        ]);
        let lines = Seen::default().changes(&details(steps));
        assert!(lines[0].contains("step a") && lines[1].contains("step b"), "{lines:?}");
    }

    #[test]
    fn a_table_has_a_line_for_each_step() {
        let ended = json!({ "attempts": 1, "started_at": BEGAN, "finished_at": ENDED });
        let steps = details(json!([step("extract", "SUCCEEDED", ended), step("load", "PENDING", json!({}))]));
        insta::assert_snapshot!(as_table(&steps).unwrap(), @"
        STEP     TYPE  STATUS     ATTEMPTS  STARTED_AT            TOOK   DETAIL
        extract  http  SUCCEEDED  1         2026-11-23T11:40:10Z  1.5 s
        load     http  PENDING    0
        ");
        assert_eq!(as_table(&details(json!([]))), None);
    }
}
