//! How a run ends, after docs/dag_spec.md alone: slow, plain, and written without a look at `dag::plan`.
//!
//! Ends, reasons and the verdict do not depend on how long anything takes, nor on how much is done at once. So there is no time here and no
//! parallelism: a step is decided as soon as all that it waits for have ended.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_json::Value;

/// A step, or an item of it.
pub type Place = (String, Option<usize>);

/// What a run meets and its spec does not say.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    /// What the `if` of a step gives, or the error that it fails with. Not there: true.
    pub conditions: BTreeMap<String, Result<bool, String>>,
    /// How many `items` there are where they are an expression, or the error that it fails with. Not there: none.
    pub items: BTreeMap<String, Result<usize, String>>,
    /// How the attempts of a step or an item go, in turn. After the last of them: they succeed at once.
    pub attempts: BTreeMap<Place, Vec<Attempt>>,
}

/// How one attempt goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attempt {
    /// The name of the error, if it fails.
    pub error: Option<String>,
    /// How long it takes, in milliseconds.
    pub takes: u64,
}

impl Oracle {
    /// The attempt with this number, from 1.
    pub fn attempt(&self, place: &Place, number: usize) -> Attempt {
        self.attempts.get(place).and_then(|all| all.get(number - 1)).cloned().unwrap_or_default()
    }
}

/// How a step ends.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// `SUCCEEDED`, `FAILED` or `SKIPPED`.
    pub status: &'static str,
    /// Why it was skipped, or the name of its error.
    pub why: Option<String>,
    /// How many attempts it had. Exact, but where items were left out because others failed: which, the timing says.
    pub attempts: RangeInclusive<usize>,
}

/// How a run ends.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub steps: BTreeMap<String, End>,
    /// The steps that the run FAILED for, in the order of the list; empty: it SUCCEEDED, as far as its steps go.
    pub failed: Vec<String>,
}

/// All the attempts of a step without `for_each`, or of one item: how many there were, and the error of the last, if it failed.
pub fn all_attempts(step: &Value, place: &Place, oracle: &Oracle) -> (usize, Option<String>) {
    let mut number = 1;
    loop {
        match oracle.attempt(place, number).error {
            Some(error) if has_another(step, number, &error) => number += 1,
            error => return (number, error),
        }
    }
}

/// Whether another attempt follows the one with this number.
pub fn has_another(step: &Value, number: usize, error: &str) -> bool {
    let Some(retry) = step.get("retry") else { return false };
    let most = retry.get("max_attempts").map_or(3.0, |most| most.as_f64().unwrap());
    let retried = match retry.get("on") {
        Some(names) => names.as_array().unwrap().iter().any(|name| name == error),
        None => step["type"] == "artifact" && error == "unavailable",
    };
    retried && (number as f64) < most
}

/// Says how the run of a valid spec ends.
pub fn outcome(spec: &Value, oracle: &Oracle) -> Outcome {
    let none = Vec::new();
    let list = spec.get("steps").map_or(&none, |steps| steps.as_array().unwrap());
    let mut steps: BTreeMap<String, End> = BTreeMap::new();
    while steps.len() < list.len() {
        for (index, step) in list.iter().enumerate() {
            let depends_on = depends_on(list, index);
            if !steps.contains_key(id(step)) && depends_on.iter().all(|on| steps.contains_key(on)) {
                let end = match skipped(step, &depends_on, list, &steps) {
                    Some(reason) => skip(reason),
                    None => run(step, oracle),
                };
                steps.insert(id(step).to_owned(), end);
            }
        }
    }
    let failed = list
        .iter()
        .filter(|step| steps[id(step)].status == "FAILED" && !continues(step))
        .map(|step| id(step).to_owned())
        .collect();
    Outcome { steps, failed }
}

pub fn id(step: &Value) -> &str {
    step.as_str().unwrap_or_else(|| step["id"].as_str().unwrap())
}

/// What the step at this place of the list waits for. One that is a string runs after the one before it.
pub fn depends_on(list: &[Value], index: usize) -> Vec<String> {
    if list[index].is_string() {
        return index.checked_sub(1).map(|before| id(&list[before]).to_owned()).into_iter().collect();
    }
    let ids = list[index].get("depends_on").map(|ids| ids.as_array().unwrap().as_slice());
    ids.unwrap_or_default().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

fn continues(step: &Value) -> bool {
    step.get("continue_on_error") == Some(&Value::Bool(true))
}

/// Why `run_if` does not let it run, if it does not.
fn skipped(
    step: &Value,
    depends_on: &[String],
    list: &[Value],
    steps: &BTreeMap<String, End>,
) -> Option<&'static str> {
    let success = |on: &String| match steps[on].status {
        "SUCCEEDED" => true,
        "FAILED" => continues(list.iter().find(|step| id(step) == on).unwrap()),
        _ => false,
    };
    let failure = |on: &String| match steps[on].status {
        "FAILED" => !success(on),
        "SKIPPED" => steps[on].why.as_deref() == Some("upstream_failed"),
        _ => false,
    };
    let a_failure = depends_on.iter().any(failure);
    match step.get("run_if").map_or("all_success", |rule| rule.as_str().unwrap()) {
        "all_success" if depends_on.iter().all(success) => None,
        "all_success" if a_failure => Some("upstream_failed"),
        "all_success" => Some("upstream_skipped"),
        "none_failed" => a_failure.then_some("upstream_failed"),
        "one_failed" => (!a_failure).then_some("not_needed"),
        "all_done" => None,
        other => panic!("there is no run_if {other}"),
    }
}

fn skip(reason: &str) -> End {
    End { status: "SKIPPED", why: Some(reason.to_owned()), attempts: 0..=0 }
}

fn ended(attempts: RangeInclusive<usize>, error: Option<String>) -> End {
    End { status: if error.is_some() { "FAILED" } else { "SUCCEEDED" }, why: error, attempts }
}

/// How a step ends that `run_if` lets run.
fn run(step: &Value, oracle: &Oracle) -> End {
    if step.is_string() {
        // It does nothing, not even try.
        return ended(0..=0, None);
    }
    if step.get("if").is_some() {
        match oracle.conditions.get(id(step)).cloned().unwrap_or(Ok(true)) {
            Ok(true) => {}
            Ok(false) => return skip("condition"),
            Err(error) => return ended(0..=0, Some(error)),
        }
    }
    let Some(for_each) = step.get("for_each") else {
        let (attempts, error) = all_attempts(step, &(id(step).to_owned(), None), oracle);
        return ended(attempts..=attempts, error);
    };
    let count = match for_each["items"].as_array() {
        Some(items) => items.len(),
        None => match oracle.items.get(id(step)).cloned().unwrap_or(Ok(0)) {
            Ok(count) => count,
            Err(error) => return ended(0..=0, Some(error)),
        },
    };
    let items: Vec<_> =
        (0..count).map(|item| all_attempts(step, &(id(step).to_owned(), Some(item)), oracle)).collect();
    let attempts = items.iter().map(|(attempts, _)| attempts).sum();
    let failed = items.iter().filter(|(_, error)| error.is_some()).count();
    let tolerated = for_each.get("tolerated_failures").map_or(0.0, |most| most.as_f64().unwrap());
    if failed as f64 > tolerated {
        // At least as many have been made as it takes to fail more often than may be.
        return ended(tolerated as usize + 1..=attempts, Some("items_failed".to_owned()));
    }
    ended(attempts..=attempts, None)
}
