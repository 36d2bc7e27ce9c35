//! A run on its way to its end, in lines for people.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::Value;

use super::api::Api;
use crate::progress::say;

/// Asks for the run again and again, until it has ended; with `tell`, says what has changed. The run.
pub(super) async fn until_it_ends(api: &Api, id: &str, tell: bool) -> Result<Value> {
    let mut told = BTreeMap::new();
    loop {
        // The API answers when the run has ended, or after a second.
        let found = api.get(&format!("/api/runs/{id}?wait_seconds=1")).await?;
        let mut lines = vec![("run".to_owned(), line_of_run(id, &found["run"]))];
        lines.extend(found["steps"].as_array().into_iter().flatten().map(line_of_step));
        for (what, line) in lines {
            if tell && told.get(&what) != Some(&line) {
                if !line.ends_with("PENDING") {
                    say(&line);
                }
                told.insert(what, line);
            }
        }
        if !found["run"]["finished_at"].is_null() {
            return Ok(found["run"].clone());
        }
    }
}

fn line_of_run(id: &str, run: &Value) -> String {
    format!("run {id} {}", text(&run["status"]))
}

/// The step's name, which no run has, and its line.
fn line_of_step(step: &Value) -> (String, String) {
    let (id, status) = (text(&step["step_id"]), text(&step["status"]));
    let mut line = format!("  {id:<10} {status}");
    if let Some(reason) = step["reason"].as_str() {
        line += &format!(" ({reason})");
    }
    if let Some(items) = step["items"].as_object() {
        let count = |name: &str| items.get(name).and_then(Value::as_u64).unwrap_or_default();
        line += &format!(", {} items done, {} failed", count("succeeded"), count("failed"));
    } else if step["attempts"].as_u64() > Some(1) {
        line += &format!(" after {} attempts", step["attempts"]);
    }
    if let Some(error) = step["error"].as_object() {
        line += &format!(": {}: {}", text(&error["error"]), text(&error["message"]));
    }
    (format!("step {id}"), line)
}

/// What a run that has ended leaves behind.
pub(super) async fn print_end(api: &Api, run: &Value) -> Result<()> {
    say("");
    if let Some(message) = run["error_message"].as_str() {
        say(format_args!("error      {}: {message}", text(&run["error_code"])));
    }
    say(format_args!("output     {}", run["output"]));
    let artifacts = api.get(&format!("/api/runs/{}/artifacts", text(&run["id"]))).await?;
    for artifact in artifacts["items"].as_array().into_iter().flatten() {
        say(format_args!("artifact   {}: {}", text(&artifact["artifact_type"]), artifact["payload"]));
    }
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}
