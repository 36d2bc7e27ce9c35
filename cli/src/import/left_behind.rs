//! What an import does not take along, counted, with what to do about it.

use anyhow::Result;

use super::report::Report;
use super::source::Source;

/// How long the sweep keeps runs unless it is told otherwise.
const RETENTION_DAYS: u32 = 90;

/// Adds a sentence to the report for each thing that stays behind, and for what the sweep would remove.
///
/// # Errors
/// When the source fails.
pub(super) async fn count(
    source: &mut Source,
    queued_are_taken: bool,
    report: &mut Report<'_>,
) -> Result<()> {
    for (status, count) in
        source.count_by("pipeline_runs", "status", "status::text in ('QUEUED', 'RUNNING')").await?
    {
        let what_to_do = match status.as_deref() {
            Some("RUNNING") => "their workers complete them there, then import again",
            _ if queued_are_taken => continue,
            _ => {
                "let the old workers finish them and import again, or stop the old service and give --take-queued"
            }
        };
        let runs = number(count, "run is", "runs are");
        report.remark(format!("{runs} {} there: {what_to_do}.", status.unwrap_or_default()));
    }
    if source.has_column("pipeline_runs", "finished_at") {
        let old = format!("finished_at < now() - interval '{RETENTION_DAYS} days'");
        let old: i64 =
            source.count_by("pipeline_runs", "1", &old).await?.iter().map(|(_, count)| count).sum();
        if old > 0 {
            report.remark(format!(
                "{} ended more than {RETENTION_DAYS} days ago: the sweep deletes them here unless RETENTION_DAYS is larger, or 0.",
                number(old, "run", "runs")
            ));
        }
    }
    for (table, one, many) in [
        ("pipeline_run_logs", "line of logs", "lines of logs"),
        ("pipeline_run_artifacts", "artifact", "artifacts"),
    ] {
        if !source.has(table) {
            continue;
        }
        let rows: i64 = source.count_by(table, "1", "true").await?.iter().map(|(_, count)| count).sum();
        if rows > 0 {
            report.remark(format!(
                "{} ({table}) left there: this version has no place for that.",
                number(rows, one, many)
            ));
        }
    }
    Ok(())
}

fn number(count: i64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
