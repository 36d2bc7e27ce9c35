//! Metrics: one line of CloudWatch's embedded metric format on standard output. CloudWatch makes metrics of it; anything else
//! reads it as one more JSON line of the log.

use std::io::Write as _;

use serde_json::{Value, json};

/// The namespace of every metric.
pub const NAMESPACE: &str = "Runplane";

/// How a metric is counted, in CloudWatch's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Time.
    Milliseconds,
}

/// The dimension of every metric: the name of the function, which begins with the name of its stack. Two stacks in one account would add up
/// otherwise.
pub const DIMENSION: &str = "Function";

/// Writes one line with these metrics, as of now. A line that cannot be written is lost: metrics are not worth a failure.
pub fn emit(metrics: &[(&str, Unit, u64)]) {
    // Lambda sets it, and whoever plays Lambda.
    let function = std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
    let line = line(chrono::Utc::now().timestamp_millis(), &function, metrics);
    writeln!(std::io::stdout(), "{line}").ok();
}

fn line(timestamp_ms: i64, function: &str, metrics: &[(&str, Unit, u64)]) -> Value {
    let definitions: Vec<_> =
        metrics.iter().map(|(name, unit, _)| json!({"Name": name, "Unit": format!("{unit:?}")})).collect();
    let mut line = json!({
        "_aws": {
            "Timestamp": timestamp_ms,
            "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": definitions}],
        },
    });
    line[DIMENSION] = json!(function);
    for (name, _, value) in metrics {
        line[*name] = json!(value);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_in_the_embedded_metric_format() {
        let line = line(
            1_790_000_000_000,
            "staging-sweep",
            &[("RunsRequeued", Unit::Count, 3), ("SweepDuration", Unit::Milliseconds, 12)],
        );
        assert_eq!(
            line,
            json!({
                "_aws": {
                    "Timestamp": 1_790_000_000_000_i64,
                    "CloudWatchMetrics": [{
                        "Namespace": "Runplane",
                        "Dimensions": [["Function"]],
                        "Metrics": [
                            {"Name": "RunsRequeued", "Unit": "Count"},
                            {"Name": "SweepDuration", "Unit": "Milliseconds"},
                        ],
                    }],
                },
                "Function": "staging-sweep",
                "RunsRequeued": 3,
                "SweepDuration": 12,
            })
        );
    }
}
