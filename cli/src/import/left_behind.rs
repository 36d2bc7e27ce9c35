//! What an import does not take along, counted, with what to do about it.

use anyhow::Result;

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::report::Report;
use super::source::{Source, Table};

/// How long the sweep keeps runs unless it is told otherwise.
const RETENTION_DAYS: u32 = 90;

/// Adds a sentence to the report for each thing that stays behind, and for what the sweep would remove.
///
/// # Errors
/// When a database fails.
pub(super) async fn count(
    source: &mut Source,
    target: &mut PgConnection,
    queued_are_taken: bool,
    report: &mut Report<'_>,
) -> Result<()> {
    let queued = if queued_are_taken { Queued::default() } else { Queued::count(source, target).await? };
    if queued.taken > 0 {
        let runs = number(queued.taken, "run that is", "runs that are");
        report
            .remark(format!("{runs} QUEUED there wait or ran here: taken over, and to be left alone there."));
    }
    if queued.waiting > 0 {
        let runs = number(queued.waiting, "run is", "runs are");
        report.remark(format!(
            "{runs} QUEUED there: let the old workers finish them and import again, or stop the old service and give --take-queued."
        ));
    }
    let running = source.count_by("pipeline_runs", "1", "status::text = 'RUNNING'").await?;
    for (_, count) in running {
        let runs = number(count, "run is", "runs are");
        report.remark(format!("{runs} RUNNING there: their workers complete them there, then import again."));
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

/// Runs that are QUEUED there.
#[derive(Debug, Default)]
struct Queued {
    /// Not here.
    waiting: i64,
    /// Here, whatever has become of them.
    taken: i64,
}

impl Queued {
    const TABLE: Table = Table {
        name: "pipeline_runs",
        required: &["id", "tenant_id"],
        optional: &[],
        times: &[],
        long: &[],
        tenant: "tenant_id",
    };

    async fn count(source: &mut Source, target: &mut PgConnection) -> Result<Self> {
        let mut queued = Self::default();
        let mut reading = source.read(Self::TABLE, "status::text = 'QUEUED'", "").await?;
        loop {
            let batch = source.batch(&mut reading, 1000).await?;
            if batch.is_empty() {
                return Ok(queued);
            }
            let ids: Vec<Uuid> =
                batch.iter().filter_map(|raw| Uuid::try_parse(raw.get("id")?).ok()).collect();
            let here = sqlx::query_scalar!(
                r#"select count(*) as "here!" from pipeline_runs where id = any ($1)"#,
                &ids
            )
            .fetch_one(&mut *target)
            .await?;
            queued.taken += here;
            queued.waiting += i64::try_from(batch.len())? - here;
        }
    }
}

fn number(count: i64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
