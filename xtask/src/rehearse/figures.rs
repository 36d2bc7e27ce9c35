//! What the emulator reports of the functions: the size of their code, and how long they took.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use super::aws::Aws;
use super::deployed::{self, Resource};

/// A table for docs/benchmarks.md: zip, first invocation and later ones of each function. Fails when a function has logged no invocation:
/// then its log group is not where the template says, or nobody has called it.
pub async fn table(aws: &Aws, resources: &BTreeMap<String, Resource>) -> Result<String> {
    let mut lines = vec![
        "| function | zip, MB | first invocation, ms | later ones, ms | invocations |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
    ];
    for (name, function) in deployed::functions(aws, resources).await? {
        let bytes = function["CodeSize"].as_u64().with_context(|| format!("{name} has no size"))?;
        let group = function["LoggingConfig"]["LogGroup"].as_str();
        let durations = durations(aws, group.with_context(|| format!("{name} has no log group"))?).await?;
        let (first, later) =
            durations.split_first().with_context(|| format!("{name} has logged no invocation"))?;
        let mut later = later.to_vec();
        later.sort_by(f64::total_cmp);
        let median =
            later.get(later.len() / 2).map_or_else(|| "–".to_owned(), |median| format!("{median:.0}"));
        lines.push(format!(
            "| {} | {:.2} | {first:.0} | {median} | {} |",
            name.trim_end_matches("Function").to_lowercase(),
            bytes as f64 / 1e6,
            durations.len()
        ));
    }
    Ok(lines.join("\n"))
}

/// Milliseconds of each invocation, in order, from the lines `REPORT RequestId: … Duration: 12.3 ms …`.
async fn durations(aws: &Aws, group: &str) -> Result<Vec<f64>> {
    let found = ["logs", "filter-log-events", "--log-group-name", group, "--filter-pattern", "REPORT"];
    let found = aws.json(&found).await?;
    let events = found["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut reports: Vec<(i64, f64)> = events.iter().filter_map(report).collect();
    reports.sort_by_key(|(at, _)| *at);
    Ok(reports.into_iter().map(|(_, duration)| duration).collect())
}

fn report(event: &Value) -> Option<(i64, f64)> {
    let message = event["message"].as_str()?;
    let (_, duration) = message.split_once("\tDuration: ")?;
    Some((event["timestamp"].as_i64()?, duration.split_once(" ms")?.0.parse().ok()?))
}
