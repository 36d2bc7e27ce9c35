//! The bounds of what is stored of steps.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::{StepRecord, StepResults, StepStatus};
use crate::problem::Problem;
use crate::runs::{Faults, MAX_JSON_BYTES, is_storable};

/// So many steps and items are stored at once.
pub const MAX_STEPS: usize = 1000;
const MAX_STEP_ID_CHARS: usize = 63;
const MAX_ERROR_CHARS: usize = 100;
const MAX_REF_CHARS: usize = 1024;

impl StepResults {
    /// Checks every bound, and what goes with which status. Pointers start with `/steps` and `/worked_ms`.
    ///
    /// # Errors
    /// `invalid_field` or `payload_too_large`, with what is wrong.
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = Faults::default();
        if self.steps.is_empty() || self.steps.len() > MAX_STEPS {
            faults.add("/steps", format!("must be 1 to {MAX_STEPS} steps, are {}", self.steps.len()));
        }
        if self.worked_ms < 0 {
            faults.add("/worked_ms", format!("must not be negative, is {}", self.worked_ms));
        }
        let mut seen = HashSet::new();
        for (index, step) in self.steps.iter().enumerate().take(MAX_STEPS) {
            let at = format!("/steps/{index}");
            check(step, &at, &mut faults);
            if !seen.insert((step.step_id.as_str(), step.item)) {
                faults.add(at, "is there twice: each step and each item may be given once");
            }
        }
        faults.finish()
    }
}

fn check(step: &StepRecord, at: &str, faults: &mut Faults) {
    let here = |field: &str| format!("{at}/{field}");
    let status = step.status;
    faults.text(&here("step_id"), &step.step_id, MAX_STEP_ID_CHARS);
    if step.item.is_some_and(|item| item < 0) {
        faults.add(here("item"), "must not be negative; left out, it is the step as a whole");
    }
    if step.attempts < 0 {
        faults.add(here("attempts"), format!("must not be negative, is {}", step.attempts));
    }
    match (status, step.reason) {
        (StepStatus::Skipped, None) => faults.add(here("reason"), "is required with SKIPPED"),
        (StepStatus::Skipped, Some(_)) | (_, None) => {}
        (_, Some(_)) => faults.add(here("reason"), "may be given with SKIPPED only"),
    }
    check_output(step, at, faults);
    match (status, &step.error) {
        (StepStatus::Failed, None) => faults.add(here("error"), "is required with FAILED"),
        (StepStatus::Succeeded, Some(_)) => faults.add(here("error"), "may not be given with SUCCEEDED"),
        (_, Some(error)) => {
            faults.text(&here("error/error"), &error.error, MAX_ERROR_CHARS);
            faults.nul(&here("error/message"), &error.message);
        }
        (_, None) => {}
    }
    let mut time = |field: &str, time: Option<DateTime<Utc>>| {
        if time.is_some_and(|time| !is_storable(&time)) {
            faults.add(here(field), "must be in a year from 1 to 9999");
        }
    };
    time("started_at", step.started_at);
    time("finished_at", step.finished_at);
    time("resume_at", step.resume_at);
    if step.finished_at.is_some() && !status.is_terminal() {
        faults.add(here("finished_at"), "may be given of what has ended only");
    }
    if step.resume_at.is_some() && status.is_terminal() {
        faults.add(here("resume_at"), "may be given with PENDING and RUNNING only");
    }
}

fn check_output(step: &StepRecord, at: &str, faults: &mut Faults) {
    let here = |field: &str| format!("{at}/{field}");
    if step.status != StepStatus::Succeeded {
        let given = [
            ("output", step.output.is_some()),
            ("output_ref", step.output_ref.is_some()),
            ("output_bytes", step.output_bytes.is_some()),
        ];
        for (field, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
            faults.add(here(field), "may be given with SUCCEEDED only");
        }
        return;
    }
    if let Some(output) = &step.output {
        faults.json_in_list(&here("output"), output, MAX_JSON_BYTES);
    }
    if let Some(key) = &step.output_ref {
        faults.text(&here("output_ref"), key, MAX_REF_CHARS);
        if step.output.is_some() {
            faults.add(here("output_ref"), "may not be given beside output");
        }
    }
    if step.output_bytes.is_some_and(|bytes| bytes < 0) {
        faults.add(here("output_bytes"), "must not be negative");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn faults(steps: Value) -> Vec<String> {
        let results: StepResults = serde_json::from_value(json!({ "steps": steps })).unwrap();
        let faults = results.check().err().map(|problem| problem.errors).unwrap_or_default();
        faults.into_iter().map(|fault| fault.pointer).collect()
    }

    fn one(more: Value) -> Value {
        let mut step = json!({ "step_id": "a", "status": "SUCCEEDED", "attempts": 1 });
        step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([step])
    }

    #[test]
    fn what_goes_with_a_status_is_right() {
        let error = json!({ "error": "timeout", "message": "" });
        for step in [
            json!({ "output": { "a": [1, null] } }),
            json!({ "output_ref": "runs/1/a", "output_bytes": 400000, "item": 0 }),
            json!({ "status": "FAILED", "error": error }),
            json!({ "status": "SKIPPED", "reason": "condition", "attempts": 0 }),
            json!({ "status": "RUNNING", "resume_at": "2026-11-24T08:00:00Z", "started_at": "2026-11-24T07:00:00Z" }),
            json!({ "status": "PENDING", "error": error, "resume_at": "2026-11-24T08:00:00Z" }),
            json!({ "status": "CANCELLED", "finished_at": "2026-11-24T08:00:00Z" }),
        ] {
            assert_eq!(faults(one(step.clone())), [""; 0], "{step}");
        }
    }

    #[test]
    fn what_does_not_go_with_a_status_is_told_where_it_stands() {
        let error = json!({ "error": "timeout", "message": "" });
        for (step, pointers) in [
            (json!({ "step_id": "" }), &["/steps/0/step_id"][..]),
            (json!({ "step_id": "x".repeat(64) }), &["/steps/0/step_id"]),
            (json!({ "item": -1, "attempts": -1 }), &["/steps/0/item", "/steps/0/attempts"]),
            (json!({ "status": "SKIPPED" }), &["/steps/0/reason"]),
            (json!({ "reason": "condition" }), &["/steps/0/reason"]),
            (json!({ "status": "FAILED" }), &["/steps/0/error"]),
            (json!({ "error": error }), &["/steps/0/error"]),
            (
                json!({ "status": "FAILED", "error": { "error": "", "message": "\0" } }),
                &["/steps/0/error/error", "/steps/0/error/message"],
            ),
            (
                json!({ "status": "RUNNING", "output": 1, "output_ref": "x", "output_bytes": 1 }),
                &["/steps/0/output", "/steps/0/output_ref", "/steps/0/output_bytes"],
            ),
            (json!({ "output": "\0", "output_ref": "x" }), &["/steps/0/output", "/steps/0/output_ref"]),
            (json!({ "output": "x".repeat(MAX_JSON_BYTES) }), &["/steps/0/output"]),
            (json!({ "output_bytes": -1 }), &["/steps/0/output_bytes"]),
            (
                json!({ "status": "RUNNING", "finished_at": "2026-11-24T08:00:00Z" }),
                &["/steps/0/finished_at"],
            ),
            (json!({ "resume_at": "2026-11-24T08:00:00Z" }), &["/steps/0/resume_at"]),
        ] {
            assert_eq!(faults(one(step.clone())), pointers, "{step}");
        }
    }

    #[test]
    fn each_step_and_item_may_be_there_once() {
        let of = |item: Value| json!({ "step_id": "a", "item": item, "status": "RUNNING", "attempts": 1 });
        assert_eq!(faults(json!([of(Value::Null), of(json!(0)), of(json!(1))])), [""; 0]);
        assert_eq!(faults(json!([of(Value::Null), of(json!(0)), of(json!(0))])), ["/steps/2"]);
        assert_eq!(faults(json!([])), ["/steps"]);
        let many: Vec<_> = (0..1001).map(|item| of(json!(item))).collect();
        assert_eq!(faults(json!(many)), ["/steps"]);
    }
}
