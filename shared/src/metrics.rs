//! Metrics: lines of CloudWatch's embedded metric format on standard output. CloudWatch makes metrics of them; anything else
//! reads them as more JSON lines of the log.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::runs::{Claim, RunStatus};

/// The namespace of every metric.
pub const NAMESPACE: &str = "Runplane";

/// The dimension of every metric: the name of the function, which begins with the name of its stack. Two stacks in one account would add up
/// otherwise. It is the only one: CloudWatch asks money for every value that a dimension has, and a tenant's name would be a value.
pub const DIMENSION: &str = "Function";

/// CloudWatch takes so many values of one metric from a line.
const VALUES: usize = 100;

/// How a metric is counted, in CloudWatch's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things. Those of one line are added up.
    Count,
    /// Time. Each is kept, so that CloudWatch has percentiles.
    Milliseconds,
    /// Time, in the large.
    Seconds,
}

/// Something that is measured. docs/operations.md explains each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// As CloudWatch shows it.
    pub name: &'static str,
    /// What its values are.
    pub unit: Unit,
}

macro_rules! metrics {
    ($($(#[$doc:meta])* $constant:ident = $name:literal in $unit:ident;)*) => {
        $($(#[$doc])* pub const $constant: Metric = Metric { name: $name, unit: Unit::$unit };)*

        /// All of them.
        pub const ALL: &[Metric] = &[$($constant),*];
    };
}

metrics! {
    /// Every call of Postgres, with connecting where that was needed.
    DB_TIME = "DbTime" in Milliseconds;
    /// Of a run that was claimed for the first time: since it could have been.
    QUEUE_WAIT = "QueueWait" in Milliseconds;
    /// Of a run that was completed: since its first claim.
    RUN_DURATION = "RunDuration" in Milliseconds;
    /// Runs that are new.
    RUNS_CREATED = "RunsCreated" in Count;
    /// Of these, created by schedules.
    RUNS_SCHEDULED = "RunsScheduled" in Count;
    /// Times of schedules whose run could not be created.
    SCHEDULE_ERRORS = "ScheduleErrors" in Count;
    /// Runs that were completed, and are SUCCEEDED.
    RUNS_SUCCEEDED = "RunsSucceeded" in Count;
    /// Runs that were completed, and are FAILED.
    RUNS_FAILED = "RunsFailed" in Count;
    /// Runs that were cancelled.
    RUNS_CANCELLED = "RunsCancelled" in Count;
    /// Attempts that were reported to have failed and that another one follows.
    ATTEMPTS_FAILED = "AttemptsFailed" in Count;
    /// How long the run that could have been claimed first has been waiting.
    OLDEST_QUEUED = "OldestQueued" in Seconds;
    /// Leases that expired in the last five minutes and were found to be lost.
    LEASES_LOST = "LeasesLost" in Count;
    /// Expired leases, QUEUED again by the sweep.
    LEASES_REQUEUED = "LeasesRequeued" in Count;
    /// Leases that expired once too often: FAILED by the sweep.
    LEASES_FAILED = "LeasesFailed" in Count;
    /// Not started by their `start_by`.
    RUNS_EXPIRED = "RunsExpired" in Count;
    /// Told to SQS by the sweep.
    RUNS_DISPATCHED = "RunsDispatched" in Count;
    /// Of these, told again.
    RUNS_REDISPATCHED = "RunsRedispatched" in Count;
    /// Due, but SQS did not take them.
    RUNS_UNDISPATCHED = "RunsUndispatched" in Count;
    /// Due, but paused, at a limit or behind their concurrency key.
    RUNS_PARKED = "RunsParked" in Count;
    /// Deleted, as they ended long ago.
    RUNS_DELETED = "RunsDeleted" in Count;
    /// Workers that were not seen for a week.
    WORKERS_FORGOTTEN = "WorkersForgotten" in Count;
    /// How long the event has waited that has waited longest, of listeners that are neither paused nor failing, and of the bus.
    OLDEST_EVENT = "OldestEvent" in Seconds;
    /// Listeners whose last three deliveries failed.
    LISTENERS_FAILING = "ListenersFailing" in Count;
    /// Events that a listener has acknowledged.
    EVENTS_DELIVERED = "EventsDelivered" in Count;
    /// Deliveries that were not acknowledged.
    EVENTS_FAILED = "EventsFailed" in Count;
    /// Events that are not tried again, as they have waited for three days.
    EVENTS_GIVEN_UP = "EventsGivenUp" in Count;
    /// A delivery of what is due whose time ran out.
    DELIVER_UNFINISHED = "DeliverUnfinished" in Count;
    /// A sweep whose time ran out.
    SWEEP_UNFINISHED = "SweepUnfinished" in Count;
    /// How long a sweep took.
    SWEEP_DURATION = "SweepDuration" in Milliseconds;
}

/// What an environment has measured since it last wrote a line.
#[derive(Debug, Default)]
pub struct Metrics(Mutex<Measured>);

/// The values of each metric, by its name: of those in [`Unit::Count`] their sum.
pub type Measured = BTreeMap<&'static str, (Unit, Vec<f64>)>;

impl Metrics {
    /// Notes `value`, in the unit of `metric`.
    pub fn note(&self, metric: Metric, value: f64) {
        let mut measured = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, values) = measured.entry(metric.name).or_insert((metric.unit, Vec::new()));
        match (metric.unit, values.last_mut()) {
            (Unit::Count, Some(sum)) => *sum += value,
            _ => values.push(value),
        }
    }

    /// Notes one more.
    pub fn count(&self, metric: Metric) {
        self.note(metric, 1.0);
    }

    /// Notes how long something took.
    pub fn time(&self, metric: Metric, took: Duration) {
        // Hundredths say enough, and are short.
        self.note(metric, (took.as_secs_f64() * 100_000.0).round() / 100.0);
    }

    /// Notes how long these runs have waited, as far as this is their first claim: one that is claimed again keeps its place, and with it the
    /// time since it was created.
    pub fn claimed(&self, claims: &[Claim]) {
        for run in claims.iter().map(|claim| &claim.run.run).filter(|run| run.claim_count == 1) {
            self.between(QUEUE_WAIT, Some(run.available_at), run.claimed_at);
        }
    }

    /// Notes what a run became that was completed: its status, its first claim, its end.
    pub fn completed(
        &self,
        status: RunStatus,
        started_at: Option<DateTime<Utc>>,
        finished_at: Option<DateTime<Utc>>,
    ) {
        match status {
            RunStatus::Succeeded => self.count(RUNS_SUCCEEDED),
            RunStatus::Failed => self.count(RUNS_FAILED),
            RunStatus::Queued => self.count(ATTEMPTS_FAILED),
            RunStatus::Running | RunStatus::Cancelled => {}
        }
        self.between(RUN_DURATION, started_at, finished_at);
    }

    fn between(&self, metric: Metric, from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) {
        if let Some(took) = from.zip(to).and_then(|(from, to)| (to - from).to_std().ok()) {
            self.time(metric, took);
        }
    }

    /// What was noted, by the metrics' names, and forgets it.
    pub fn take(&self) -> Measured {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes what was noted, as of now, and forgets it. Nothing noted, nothing written. A line that cannot be written is lost: metrics are not
    /// worth a failure.
    pub fn write(&self) {
        let measured = self.take();
        if measured.is_empty() {
            return;
        }
        // Lambda sets it, and whoever plays Lambda.
        let function = std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
        let mut stdout = std::io::stdout().lock();
        for line in lines(Utc::now().timestamp_millis(), &function, measured) {
            writeln!(stdout, "{line}").ok();
        }
    }
}

/// As few lines as there may be.
fn lines(timestamp_ms: i64, function: &str, mut measured: Measured) -> Vec<Value> {
    let mut lines = Vec::new();
    while !measured.is_empty() {
        let mut definitions = Vec::new();
        let mut line = json!({DIMENSION: function});
        for (name, (unit, values)) in &mut measured {
            definitions.push(json!({"Name": name, "Unit": format!("{unit:?}")}));
            let these: Vec<Value> = values.drain(..values.len().min(VALUES)).map(number).collect();
            line[*name] = match <[Value; 1]>::try_from(these) {
                Ok([only]) => only,
                Err(several) => several.into(),
            };
        }
        measured.retain(|_, (_, values)| !values.is_empty());
        line["_aws"] = json!({
            "Timestamp": timestamp_ms,
            "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": definitions}],
        });
        lines.push(line);
    }
    lines
}

/// Whole where it is whole.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 { json!(value as i64) } else { json!(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_in_the_embedded_metric_format() {
        let metrics = Metrics::default();
        metrics.note(RUNS_EXPIRED, 2.0);
        metrics.count(RUNS_EXPIRED);
        metrics.time(DB_TIME, Duration::from_micros(1_234));
        metrics.time(DB_TIME, Duration::from_millis(7));
        metrics.note(OLDEST_QUEUED, 30.0);
        let lines = lines(1_790_000_000_000, "staging-sweep", metrics.take());
        assert_eq!(
            lines,
            [json!({
                "_aws": {
                    "Timestamp": 1_790_000_000_000_i64,
                    "CloudWatchMetrics": [{
                        "Namespace": "Runplane",
                        "Dimensions": [["Function"]],
                        "Metrics": [
                            {"Name": "DbTime", "Unit": "Milliseconds"},
                            {"Name": "OldestQueued", "Unit": "Seconds"},
                            {"Name": "RunsExpired", "Unit": "Count"},
                        ],
                    }],
                },
                "Function": "staging-sweep",
                "DbTime": [1.23, 7],
                "OldestQueued": 30,
                "RunsExpired": 3,
            })]
        );
    }

    #[test]
    fn more_values_than_a_line_may_have_are_several_lines() {
        let metrics = Metrics::default();
        for value in 0..250 {
            metrics.note(QUEUE_WAIT, f64::from(value));
        }
        metrics.count(RUNS_CREATED);
        let lines = lines(0, "f", metrics.take());
        let values: Vec<_> = lines.iter().map(|line| line["QueueWait"].as_array().unwrap().len()).collect();
        assert_eq!(values, [100, 100, 50]);
        assert_eq!(lines[0]["RunsCreated"], 1);
        assert!(lines[1].get("RunsCreated").is_none());
    }

    #[test]
    fn what_was_completed_is_counted_by_what_became_of_it() {
        let metrics = Metrics::default();
        let start = DateTime::<Utc>::UNIX_EPOCH;
        let end = start + Duration::from_millis(1_500);
        metrics.completed(RunStatus::Succeeded, Some(start), Some(end));
        metrics.completed(RunStatus::Failed, Some(start), Some(start));
        metrics.completed(RunStatus::Queued, Some(start), None);
        let measured = metrics.take();
        let values = |metric: Metric| measured.get(metric.name).map(|(_, values)| values.clone());
        assert_eq!(values(RUN_DURATION), Some(vec![1_500.0, 0.0]));
        for metric in [RUNS_SUCCEEDED, RUNS_FAILED, ATTEMPTS_FAILED] {
            assert_eq!(values(metric), Some(vec![1.0]), "{metric:?}");
        }
    }

    #[test]
    fn every_metric_is_explained_once() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations.md");
        let docs = std::fs::read_to_string(path).unwrap();
        for metric in ALL {
            let row = format!("| `{}` |", metric.name);
            assert_eq!(docs.matches(&row).count(), 1, "{row} in docs/operations.md");
        }
    }
}
